"""From the files in which weights are published to tensors by name, and from those to one safetensors file."""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.atomic import write_atomically
from embedshift.checksums import sha256_of
from embedshift.errors import UserError
from embedshift.keras_h5 import read_keras_h5
from embedshift.model_folder import INDEX_SUFFIX, WEIGHTS, list_model_files, shards_of
from embedshift.torch_checkpoint import read_torch_checkpoint

FILES_PREFIX = "files/"
MEGABYTE = 1e6


def read_weights(paths: Sequence[Path], entry: dict[str, Any]) -> dict[str, Any]:
    """Return the torch tensors by name that `paths` hold, read and named as the catalogue's `entry` says.

    Raises
    ------
    UserError
        If a file is not of the expected format, naming it and what was expected.
    """
    absent = [path for path in paths if not path.exists()]
    if absent:
        raise UserError(f"{_named(absent)} is not there.")
    found: dict[str, Any] = {}
    for name, value in CONVERTERS[entry["format"]](paths, entry).items():
        if not (entry.get("leave_out") and re.search(entry["leave_out"], name)):
            found[name] = _as_tensor(name, value, paths)
    if not found:
        raise UserError(f"{_named(paths)}: nothing is left of it without what matches {entry['leave_out']!r}.")
    return found


def write_safetensors(output: Path, tensors: dict[str, Any]) -> tuple[str, int]:
    """Write `tensors` and return SHA-256 and size of the file; the same tensors always give the same bytes."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    needed_bytes = sum(tensor.nbytes for tensor in tensors.values())
    output.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(output) as temporary:
        if shutil.disk_usage(output.parent).free < needed_bytes:
            raise OSError(28, f"{needed_bytes / MEGABYTE:.0f} MB needed", str(temporary))
        temporary.touch()
        mode = temporary.stat().st_mode
        try:
            save_file({name: tensors[name] for name in sorted(tensors)}, temporary)
        except SafetensorError as error:
            if "os error 28" in str(error):
                raise OSError(28, str(error), str(temporary)) from error
            raise
        temporary.chmod(mode)  # save_file makes it readable to its owner only
    return sha256_of(output), output.stat().st_size


def _from_tensor_bundle(paths: Sequence[Path], entry: dict[str, Any]) -> dict[str, Any]:
    from embedshift.models.tensor_bundle import parse_tensor_bundle

    if len(paths) != 2 or not any(path.name.endswith(".index") for path in paths):
        raise UserError(f"{_named(paths)}: a TensorFlow checkpoint is two files, one of them named `.index`.")
    data, index = sorted(paths, key=lambda path: path.name.endswith(".index"))
    return parse_tensor_bundle(index.read_bytes(), data.read_bytes())


def _from_torch(paths: Sequence[Path], entry: dict[str, Any]) -> dict[str, Any]:
    options = {key: entry[key] for key in ("state_key", "strip_prefix", "numpy_globals") if key in entry}
    return _merged(paths, lambda path: read_torch_checkpoint(path, **options))


def _from_keras_h5(paths: Sequence[Path], entry: dict[str, Any]) -> dict[str, Any]:
    return _merged(paths, read_keras_h5)


def _from_safetensors(paths: Sequence[Path], entry: dict[str, Any]) -> dict[str, Any]:
    return _merged(paths, _read_safetensors)


def _from_files(paths: Sequence[Path], entry: dict[str, Any]) -> dict[str, Any]:
    return _merged(paths, lambda path: {path.name: np.frombuffer(path.read_bytes(), np.uint8)})


def _from_model_folder(paths: Sequence[Path], entry: dict[str, Any]) -> dict[str, Any]:
    """Return a Hugging Face model: its tensors under their own names, its other files as `files/config.json`.

    Of a model whose configuration is known, the file of weights is enough.
    """
    folder = _only(paths)
    if folder.is_file():
        return _read_model_weights(folder)
    names = list_model_files(folder)
    indices = [name for name in names if name.endswith(INDEX_SUFFIX)]
    parts = {shard for name in indices for shard in shards_of((folder / name).read_text(encoding="utf-8"), name)}
    weights = [name for name in names if name in WEIGHTS or name in parts]
    others = [name for name in names if name not in weights and name not in indices]
    tensors = _merged([folder / name for name in weights], _read_model_weights)
    files = {FILES_PREFIX + name: np.frombuffer((folder / name).read_bytes(), np.uint8) for name in others}
    return files | tensors


def _only(paths: Sequence[Path]) -> Path:
    if len(paths) != 1:
        raise UserError(f"{_named(paths)}: expected one folder, that of a Hugging Face model.")
    return paths[0]


def _read_model_weights(path: Path) -> dict[str, Any]:
    return _read_safetensors(path) if path.suffix == ".safetensors" else read_torch_checkpoint(path)


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is not a whole safetensors file ({error}).") from error


def _merged(paths: Sequence[Path], read: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    together: dict[str, Any] = {}
    for path in paths:
        found = read(path)
        twice = sorted(set(found) & set(together))
        if twice:
            raise UserError(f"{_named(paths)}: {', '.join(twice[:8])} more than once. Is one file there twice?")
        together |= found
    return together


def _as_tensor(name: str, value: Any, paths: Sequence[Path]) -> Any:
    """Return a contiguous torch tensor of its own (tied weights share their memory, which cannot be saved)."""
    import torch

    if isinstance(value, np.ndarray | np.generic):
        value = np.asarray(value)
        if value.dtype.kind in "fiub":
            return torch.from_numpy(value.astype(value.dtype.newbyteorder("="), copy=True, order="C"))
    elif isinstance(value, torch.Tensor) and value.layout == torch.strided and not value.is_quantized:
        return value.detach().clone(memory_format=torch.contiguous_format)
    raise UserError(
        f"{_named(paths)}: {name} is a {type(value).__name__}, expected a plain tensor. Is it another model?"
    )


def _named(paths: Sequence[Path]) -> str:
    return ", ".join(str(path) for path in paths)


CONVERTERS = {
    "tensor_bundle": _from_tensor_bundle,
    "torch": _from_torch,
    "keras_h5": _from_keras_h5,
    "safetensors": _from_safetensors,
    "files": _from_files,
    "model_folder": _from_model_folder,
}
