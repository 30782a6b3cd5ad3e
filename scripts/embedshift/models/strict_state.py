"""Weights from a safetensors file, complete and nothing but what the network needs."""

import json
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from embedshift.errors import UserError

SHOWN_NAMES = 8


def read_strictly(
    path: Path | None,
    shapes: dict[str, tuple[int, ...]],
    wanted: Callable[[str], bool] | None = None,
    constants: str = "",
    optional: Collection[str] = (),
) -> dict[str, Any]:
    """Return the tensors of the safetensors file `path`, whose names and shapes must be exactly `shapes`.

    Parameters
    ----------
    wanted : says by a tensor's name whether it is read; of the others only name and shape are looked at. None: all
    constants : regular expression of names that may be in the file or not; they are not read
    optional : names among `shapes` that may be missing

    Raises
    ------
    UserError
        If the file is missing or unreadable, naming it, or if a tensor is missing, left over or of another shape,
        naming them.
    """
    from safetensors import SafetensorError, safe_open

    if path is None or not Path(path).is_file():
        raise UserError(f"The weights file {path} is not there. Let the workflow fetch it (rule fetch_weights).")
    try:
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.offset_keys() if not (constants and re.search(constants, name))]
            found = {name: tuple(file.get_slice(name).get_shape()) for name in names}
            asked = {name: shape for name, shape in shapes.items() if name in found or name not in optional}
            _require_equal(path, found, asked)
            return {name: file.get_tensor(name) for name in names if wanted is None or wanted(name)}
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{path} is not a whole safetensors file ({error}). Delete it: it is then fetched again."
        ) from error


def _require_equal(path: Path, found: dict[str, tuple[int, ...]], expected: dict[str, tuple[int, ...]]) -> None:
    complaints = {
        "missing": [name for name in expected if name not in found],
        "left over": [name for name in found if name not in expected],
        "of another shape": [
            f"{name} {found[name]} instead of {shape}"
            for name, shape in expected.items()
            if name in found and found[name] != tuple(shape)
        ],
    }
    texts = [f"{what}: {_some(names)}" for what, names in complaints.items() if names]
    if texts:
        own = _own_checkpoint(Path(path))
        which = f"The checkpoint {own} (`weights_file`) does" if own else f"The weights in {path} do"
        advice = (
            "Give a checkpoint of this very network, with these options, as `weights_file`, or leave it out."
            if own
            else "Delete the file, so that the published weights are fetched again."
        )
        raise UserError(f"{which} not fit the network; {'; '.join(texts)}. {advice}")


def _own_checkpoint(path: Path) -> str:
    """Return the user's own file that the weights at `path` were made from, as the receipt beside them says."""
    try:
        sources = json.loads(path.with_suffix(".receipt.json").read_text(encoding="utf-8"))["sources"]
        return next((source["file"] for source in sources if source["kind"] == "own"), "")
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more
