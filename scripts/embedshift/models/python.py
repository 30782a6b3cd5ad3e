"""A user's own model: a class in a file of theirs, `python:<file.py>:<Class>`.

The class states `sample_rate_hz` and is called with float32 samples `(batch, n)`, by `embed` or by calling the object
itself; it returns `(batch, dim)` or `(batch, frames, dim)`. It may state `minimum_samples`, `frame_hop_s` and
`thread_safe`, and define `pool(frames)`. docs/add_your_own_model.md shows one.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.errors import UserError
from embedshift.models.user_adapter import UserAdapter, as_array, whole_number
from embedshift.models.user_module import import_file, mistakes_in


class PythonAdapter(UserAdapter):
    """One object of a user's class."""

    def __init__(self, model: Any, name: str, folder: Path, runs_on_gpu: bool) -> None:
        if not hasattr(model, "sample_rate_hz"):
            raise UserError(f"{name} has no sample_rate_hz. State the rate of the samples it takes: "
                            "`sample_rate_hz = 16_000` in the class.")  # fmt: skip
        if not callable(getattr(model, "embed", model)):
            raise UserError(
                f"{name} can neither be called nor has it a method embed. Define `__call__(self, samples)`."
            )
        minimum, thread_safe = getattr(model, "minimum_samples", 1), bool(getattr(model, "thread_safe", False))
        super().__init__(name, folder, model.sample_rate_hz, minimum, thread_safe)
        self._model = model
        self._call = getattr(model, "embed", model)
        self.runs_on_gpu = runs_on_gpu

    def length_of(self, n_samples: int) -> int:
        """Return the length after the rule: the class's own, where it has one as adapters of embedshift do."""
        own = getattr(self._model, "length_of", None)
        if not own:
            return super().length_of(n_samples)
        with mistakes_in(self._folder, f"length_of of {self._name} failed"):
            return whole_number(own(n_samples), f"{self._name}: length_of({n_samples})")

    def call_user_code(self, batch: np.ndarray) -> Any:
        """Return what the object makes of a batch."""
        return self._call(batch)

    def pool(self, frames: np.ndarray) -> np.ndarray:
        """Return the clip's embedding `(dim,)`: what the user's own `pool` makes of its frames, or their mean."""
        if not hasattr(self._model, "pool"):
            return super().pool(frames)
        with mistakes_in(self._folder, f"pool of {self._name} failed"):
            pooled = as_array(self._model.pool(frames)).reshape(-1)
        self._check_pooled(pooled, frames)
        return pooled.astype(np.float32)

    def _check_pooled(self, pooled: np.ndarray, frames: np.ndarray) -> None:
        if pooled.dtype.kind not in "fiu" or len(pooled) != getattr(self, "dim", len(pooled)) or len(pooled) == 0:
            allowed = f"{self.dim} real numbers, as for other clips" if hasattr(self, "dim") else "real numbers, (dim,)"
            raise UserError(f"pool of {self._name} returns {len(pooled)} values of the type {pooled.dtype} for frames "
                            f"{frames.shape}; allowed: {allowed}.")  # fmt: skip
        if np.isfinite(frames).all() and not np.isfinite(pooled).all():
            raise UserError(f"pool of {self._name} returns values that are not finite for frames that are. Correct it.")


def load(weights_path: Path | None, options: dict[str, Any], device: str, precision: str) -> PythonAdapter:
    """Return the adapter of the class that `options["specification"]`, `<file.py>:<Class>`, names.

    All other options are handed to its constructor, and the device too where it takes one.

    Raises
    ------
    UserError
        If file or class are not there, fail, or do not keep the promises of an adapter.
    """
    options = dict(options)
    file, _, name = options.pop("specification").rpartition(":")
    path = Path(file).expanduser().absolute()
    module = import_file(path)
    if not hasattr(module, name):
        raise UserError(f"{path} defines no {name}. Correct the name after the last colon.")
    made = getattr(module, name)
    shown = f"{name} of {path}"
    takes_device = "device" in _parameters(made, shown)
    arguments = ({"device": device} if takes_device else {}) | options
    _check_arguments(made, arguments, shown)
    with mistakes_in(path.parent, f"{shown} could not be made"):
        model = made(**arguments)
    adapter = PythonAdapter(model, shown, path.parent, takes_device)
    adapter.prove(getattr(model, "frame_hop_s", None))
    return adapter


def _parameters(made: Callable[..., Any], shown: str) -> dict[str, inspect.Parameter]:
    if not callable(made):
        raise UserError(f"{shown} is no class. Name the class after the last colon.")
    try:
        return dict(inspect.signature(made).parameters)
    except (TypeError, ValueError) as error:  # a class derived from dict, for one
        raise UserError(f"{shown} does not show what its constructor takes ({error}). Give it an __init__ of its own: "
                        "`def __init__(self):`.") from error  # fmt: skip


def _check_arguments(made: Callable[..., Any], arguments: dict[str, Any], shown: str) -> None:
    try:
        inspect.signature(made).bind(**arguments)
    except TypeError as error:
        parameters = ", ".join(_parameters(made, shown)) or "none"
        raise UserError(f"{shown} does not take these options: {error}. Found: {', '.join(arguments) or 'none'}; its "
                        f"constructor takes: {parameters}.") from error  # fmt: skip
