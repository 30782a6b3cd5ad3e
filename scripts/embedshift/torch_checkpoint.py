"""Checkpoints of PyTorch, read without running any code that they may carry (`weights_only`)."""

import re
import zipfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.errors import UserError

NUMPY_TYPES = ("f4", "f8", "i4", "i8", "u1", "?")


def read_torch_checkpoint(
    path: str | Path, state_key: str = "", strip_prefix: str = "", numpy_globals: bool = False
) -> dict[str, Any]:
    """Return the entries of a state dictionary, by name; they are tensors or whatever else the file holds.

    Parameters
    ----------
    state_key : the state dictionary's key in the checkpoint, dots between nested keys; empty where it is the whole
    strip_prefix : removed from all names where all have it (`module.`, of a model trained on several GPUs)
    numpy_globals : numpy's arrays and scalars may be in the file; they are rebuilt by numpy itself, nothing else is

    Raises
    ------
    UserError
        If it is no whole checkpoint, holds anything that only running its code could rebuild, has no `state_key`, or
        if only some names have the prefix.
    """
    state = _load(path, numpy_globals)
    for key in state_key.split(".") if state_key else ():
        if not isinstance(state, dict) or key not in state:
            raise UserError(
                f"{path} has no {state_key!r}, where the weights of this model are. It holds: {_describe(state)}. "
                "Is it the file of another model?"
            )
        state = state[key]
    if not isinstance(state, dict) or not state or not all(isinstance(name, str) for name in state):
        raise UserError(f"{path} does not hold named weights: expected a state dictionary, found {_describe(state)}.")
    return _without_prefix(path, dict(state), strip_prefix)


def _load(path: str | Path, numpy_globals: bool) -> Any:
    import torch

    allowed = torch.serialization.safe_globals(_numpy_globals()) if numpy_globals else nullcontext()
    try:
        # mapped where the format allows it: an optimizer's state, often twice the weights, is then never read
        with allowed:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # unpickling garbage raises nearly anything: IndexError, EOFError, UnicodeDecodeError
        size = Path(path).stat().st_size if Path(path).exists() else 0
        raise UserError(
            f"{path} ({size} bytes) is not a whole PyTorch checkpoint of weights: "
            f"{_what_it_is_not(path, size, error)}. Expected: what torch.save wrote, with tensors only."
        ) from error


def _what_it_is_not(path: str | Path, size: int, error: Exception) -> str:
    """Say it in our words: torch's own advise to switch its protection off."""
    if found := re.search(r"GLOBAL (\S+)", str(error)):
        return f"it holds {found.group(1)}, which is not a weight and is not rebuilt, since that could run foreign code"
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be read ({error.strerror})"
    if not size:
        return "it is empty"
    if zipfile.is_zipfile(path):
        return "it is a zip archive, but not one of named tensors that torch.save wrote"
    return "it is neither the zip archive that torch.save writes nor a file of its older format, or it ends too early"


def _numpy_globals() -> list[Any]:
    """Return what rebuilds numpy's arrays and scalars, also under the names that numpy 1 wrote."""
    multiarray = np._core.multiarray
    old = [(getattr(multiarray, name), f"numpy.core.multiarray.{name}") for name in ("_reconstruct", "scalar")]
    types = [type(np.dtype(code)) for code in NUMPY_TYPES]
    return [*old, multiarray._reconstruct, multiarray.scalar, np.ndarray, np.dtype, *types]


def _without_prefix(path: str | Path, state: dict[str, Any], prefix: str) -> dict[str, Any]:
    with_prefix = [name for name in state if prefix and name.startswith(prefix)]
    if not with_prefix:
        return state
    without = [name for name in state if not name.startswith(prefix)]
    if without:
        raise UserError(
            f"{path}: {len(with_prefix)} names begin with {prefix!r} ({with_prefix[0]}), {len(without)} do not "
            f"({without[0]}). Expected all or none: the file seems to be put together from two models."
        )
    return {name.removeprefix(prefix): value for name, value in state.items()}


def _describe(state: Any) -> str:
    if isinstance(state, dict):
        names = [str(name) for name in state]
        return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") or "nothing"
    return f"one {type(state).__name__}"
