"""Weights from a safetensors file, complete and nothing but what the network needs."""

from pathlib import Path
from typing import Any

from embedshift.errors import UserError

SHOWN_NAMES = 8


def read_strictly(path: Path | None, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return the tensors of the safetensors file `path`, whose names and shapes must be exactly `shapes`.

    Raises
    ------
    UserError
        If the file is missing or unreadable, naming it, or if a tensor is missing, left over or of another shape,
        naming them.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path is None or not Path(path).is_file():
        raise UserError(f"The weights file {path} is not there. Let the workflow fetch it (rule fetch_weights).")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{path} is not a whole safetensors file ({error}). Delete it: it is then fetched again."
        ) from error
    _require_equal(path, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, shapes)
    return tensors


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
        raise UserError(f"The weights in {path} do not fit the network; {'; '.join(texts)}. "
                        "Delete the file, so that the published weights are fetched again.")  # fmt: skip


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more
