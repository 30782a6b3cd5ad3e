"""HDF5 in and out: the only module that opens HDF5 files.

Contracts (architecture, section 6). Audio: `samples (total, channels)` float32, `offset (clips + 1,)` int64,
`clip_id (clips,)`, `loudness_before_lufs`, `loudness_after_lufs`, `silent (clips,)`. Embeddings: `clip_id`,
`row_key`, `embedding (clips, dim)` float32, `silent`, optionally `frames (total, dim)` and `frame_offset`;
contiguous and uncompressed, with dimension scales attached.

No file is locked: what is written has a temporary name of its own, what is read is whole, and shared file systems often
have no locks.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from embedshift.atomic import write_atomically
from embedshift.errors import UserError

TEXT = h5py.string_dtype("utf-8")
CHUNK_SAMPLES = 1 << 18
FLUSH_SAMPLES = 1 << 22


class AudioWriter:
    """Append clips to a new audio file; give it the temporary path of `write_atomically`."""

    def __init__(
        self, path: str | Path, *, sample_rate_hz: int, channels: int, attributes: Mapping[str, Any] | None = None
    ) -> None:
        self._file = h5py.File(path, "w", locking=False)
        self._samples = self._file.create_dataset(
            "samples",
            shape=(0, channels),
            maxshape=(None, channels),
            dtype="f4",
            chunks=(max(1, CHUNK_SAMPLES // channels), channels),
        )
        self._file.attrs["sample_rate_hz"] = int(sample_rate_hz)
        _set_attributes(self._file, attributes or {})
        self._pending: list[np.ndarray] = []
        self._lengths: list[int] = []
        self._clip_id: list[str] = []
        self._loudness: list[tuple[float, float]] = []
        self._silent: list[bool] = []

    def append(
        self,
        clip_id: str,
        samples: np.ndarray,
        *,
        loudness_before_lufs: float,
        loudness_after_lufs: float,
        silent: bool = False,
    ) -> None:
        """Add one clip, samples of shape (samples, channels) float32."""
        self._pending.append(np.ascontiguousarray(samples, dtype=np.float32))
        self._lengths.append(len(samples))
        self._clip_id.append(clip_id)
        self._loudness.append((loudness_before_lufs, loudness_after_lufs))
        self._silent.append(silent)
        if sum(map(len, self._pending)) >= FLUSH_SAMPLES:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        block = np.concatenate(self._pending)
        start = self._samples.shape[0]
        self._samples.resize(start + len(block), axis=0)
        self._samples[start:] = block
        self._pending.clear()

    def _close(self) -> None:
        self._flush()
        self._file["offset"] = np.concatenate([[0], np.cumsum(self._lengths)]).astype(np.int64)
        _write_texts(self._file, "clip_id", self._clip_id)
        loudness = np.array(self._loudness, dtype=np.float64).reshape(-1, 2)
        self._file["loudness_before_lufs"] = loudness[:, 0]
        self._file["loudness_after_lufs"] = loudness[:, 1]
        self._file["silent"] = np.array(self._silent, dtype=bool)

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the tables of the file, unless the block failed, and close it."""
        with _whole_or_let_go(self._file):
            if kind is not None:
                raise error
            self._close()


class _Reader:
    """An open file that a `with` block closes."""

    _file: h5py.File

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()


class AudioReader(_Reader):
    """Read clips of an audio file by row; several threads may share one reader."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = _open(self.path, ("samples", "offset", "clip_id", "silent"))
        self._lock = threading.Lock()
        self.clip_id = _read_texts(self._file["clip_id"])
        self.offset = self._file["offset"][:]
        self.sample_rate_hz = int(self._file.attrs["sample_rate_hz"])
        self.channels = int(self._file["samples"].shape[1])
        self.loudness_before_lufs = self._file["loudness_before_lufs"][:]
        self.loudness_after_lufs = self._file["loudness_after_lufs"][:]
        self.silent = self._file["silent"][:]
        self.attributes = _get_attributes(self._file)

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.clip_id)

    def read(self, index: int) -> np.ndarray:
        """Return clip `index`, shape (samples, channels), float32."""
        return self.read_block(index, index + 1)[0]

    def read_block(self, start: int, stop: int) -> list[np.ndarray]:
        """Return clips `start` to `stop - 1`, each (samples, channels) float32, with one read of the file."""
        first, last = int(self.offset[start]), int(self.offset[stop])
        with self._lock:
            block = self._file["samples"][first:last]
        return np.split(block, self.offset[start + 1 : stop] - first)


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of one data set under one condition.

    Attributes
    ----------
    clip_id, row_key : list of str, length clips
    embedding : float32 array, shape (clips, dim)
    silent : bool array, shape (clips,), True where the clip is silent at this condition
    frames : float32 array, shape (total, dim), or None
    frame_offset : int64 array, shape (clips + 1,), or None
    attributes : what made the file
    """

    clip_id: list[str]
    row_key: list[str]
    embedding: np.ndarray
    silent: np.ndarray
    frames: np.ndarray | None = None
    frame_offset: np.ndarray | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


def write_embeddings(path: str | Path, embeddings: Embeddings) -> None:
    """Write an embedding file atomically, contiguous and uncompressed, with dimension scales attached."""
    blocks = [(embeddings.embedding, embeddings.frames)]
    stream_embeddings(path, embeddings, blocks, *_dims(embeddings))


def stream_embeddings(
    path: str | Path,
    described: Embeddings,
    blocks: Iterable[tuple[np.ndarray, np.ndarray | None]],
    dim: int,
    frame_dim: int = 0,
) -> None:
    """Write an embedding file atomically from blocks of clips, as `write_embeddings` does from all at once.

    Parameters
    ----------
    described : all but `embedding` and `frames`; with a `frame_offset` where frames are kept
    blocks : `(embedding (clips, dim), frames (frames, frame_dim) or None)` of clips that follow each other
    """
    with write_atomically(path) as temporary, _new_file(temporary) as file:
        _write_texts(file, "clip_id", described.clip_id)
        _write_texts(file, "row_key", described.row_key)
        rows = file.create_dataset("embedding", (len(described.clip_id), dim), np.float32)
        file["silent"] = np.asarray(described.silent, dtype=bool)
        file["dimension"] = np.arange(dim)
        _label_axes(file)
        frames = None
        if described.frame_offset is not None:
            frames = file.create_dataset("frames", (int(described.frame_offset[-1]), frame_dim), np.float32)
            file["frame_offset"] = np.asarray(described.frame_offset, dtype=np.int64)
        _write_blocks(rows, frames, blocks)
        _set_attributes(file, described.attributes)


def _write_blocks(
    rows: h5py.Dataset, frames: h5py.Dataset | None, blocks: Iterable[tuple[np.ndarray, np.ndarray | None]]
) -> None:
    row, frame = 0, 0
    for embedding, block_frames in blocks:
        if len(embedding):
            rows[row : row + len(embedding)] = embedding
            row += len(embedding)
        if frames is not None and len(block_frames):
            frames[frame : frame + len(block_frames)] = block_frames
            frame += len(block_frames)


def _dims(embeddings: Embeddings) -> tuple[int, int]:
    frames = embeddings.frames
    return np.shape(embeddings.embedding)[1], 0 if frames is None else frames.shape[1]


class EmbeddingReader(_Reader):
    """Read rows of an embedding file in blocks; frames only where they are asked for.

    Raises
    ------
    UserError
        If the file is damaged, or has rows of another number than clips; when rows are read that are not finite.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = _open(self.path, ("clip_id", "row_key", "embedding", "silent"))
        self._rows, self._frames = self._file["embedding"], self._file.get("frames")
        self.clips = len(self._file["clip_id"])
        _check_shape(self.path, self._rows.shape, self.clips)
        self.dim = int(self._rows.shape[1])
        self.silent = self._file["silent"][:]
        self.frame_offset = None if self._frames is None else self._file["frame_offset"][:]

    @property
    def clip_id(self) -> list[str]:
        """Return the clips in their order."""
        return _read_texts(self._file["clip_id"])

    @property
    def row_key(self) -> list[str]:
        """Return the key of every row (row_cache.py)."""
        return _read_texts(self._file["row_key"])

    @property
    def attributes(self) -> dict[str, Any]:
        """Return what made the file."""
        return _get_attributes(self._file)

    @property
    def frame_dim(self) -> int:
        """Return the dimensions of a frame; 0 where no frames are kept."""
        return 0 if self._frames is None else int(self._frames.shape[1])

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the rows `start` to `stop - 1`, (rows, dim) float32."""
        rows = self._rows[start:stop]
        finite = np.isfinite(rows).all(axis=1)
        if not finite.all():
            clip = self.clip_id[start + int(np.argmin(finite))]
            raise UserError(f"{self.path}: the embedding of clip {clip} is not finite. {_REMAKE}")
        return rows

    def read_frames(self, row: int) -> np.ndarray:
        """Return the frames of one clip, (frames, frame_dim) float32."""
        return self._frames[self.frame_offset[row] : self.frame_offset[row + 1]]

    def check_clips(self, expected_clip_id: Sequence[str]) -> None:
        """Stop where the file holds other clips, or the same in another order."""
        _check_clips(self.path, self.clip_id, expected_clip_id)


def read_embeddings(path: str | Path, expected_clip_id: Sequence[str] | None = None) -> Embeddings:
    """Read an embedding file and check it.

    Raises
    ------
    UserError
        If the file is damaged, holds other clips than `expected_clip_id` (or in another order), has rows of
        another number than clips, or a value that is not finite.
    """
    path = Path(path)
    with _open(path, ("clip_id", "row_key", "embedding", "silent")) as file:
        found = Embeddings(
            clip_id=_read_texts(file["clip_id"]),
            row_key=_read_texts(file["row_key"]),
            embedding=file["embedding"][:],
            silent=file["silent"][:],
            frames=file["frames"][:] if "frames" in file else None,
            frame_offset=file["frame_offset"][:] if "frame_offset" in file else None,
            attributes=_get_attributes(file),
        )
    _check_embeddings(path, found, expected_clip_id)
    return found


def _check_embeddings(path: Path, found: Embeddings, expected_clip_id: Sequence[str] | None) -> None:
    _check_shape(path, found.embedding.shape, len(found.clip_id))
    if expected_clip_id is not None:
        _check_clips(path, found.clip_id, expected_clip_id)
    finite = np.isfinite(found.embedding).all(axis=1)
    if not finite.all():
        clip = found.clip_id[int(np.argmin(finite))]
        raise UserError(f"{path}: the embedding of clip {clip} is not finite. {_REMAKE}")


def _check_shape(path: Path, shape: tuple[int, ...], clips: int) -> None:
    if len(shape) != 2 or shape[0] != clips:
        raise UserError(f"{path}: the embedding has shape {shape}, expected ({clips}, dim). {_REMAKE}")


def _check_clips(path: Path, found: list[str], expected: Sequence[str]) -> None:
    if list(expected) != found:
        raise UserError(
            f"{path}: {_difference(found, list(expected))} The file and the manifest do not belong together. {_REMAKE}"
        )


_REMAKE = "Delete the file and start the same command again: it is made anew."


def _difference(found: list[str], expected: list[str]) -> str:
    if len(found) != len(expected):
        return f"it holds {len(found)} clips, the manifest {len(expected)}."
    row = next(i for i, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b)
    return f"row {row} is clip {found[row]}, the manifest says {expected[row]}."


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any]) -> None:
    """Write named arrays (numbers or texts) and attributes atomically."""
    with write_atomically(path) as temporary, _new_file(temporary) as file:
        for name, array in arrays.items():
            array = np.asarray(array)
            if array.dtype.kind in "UO":
                _write_texts(file, name, [str(text) for text in array])
            else:
                file[name] = array
        _set_attributes(file, attributes)


def read_arrays(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the attributes of a file written by `write_arrays`; texts as arrays of str."""
    with _open(Path(path), ()) as file:
        arrays = {
            name: np.array(_read_texts(data)) if h5py.check_string_dtype(data.dtype) else data[:]
            for name, data in file.items()
        }
        return arrays, _get_attributes(file)


def read_shape(path: str | Path, name: str) -> tuple[int, ...]:
    """Return the shape of one array of an embedshift HDF5 file, without reading the array."""
    with _open(Path(path), (name,)) as file:
        return tuple(file[name].shape)


def read_attributes(path: str | Path) -> dict[str, Any]:
    """Return the attributes of any embedshift HDF5 file."""
    with _open(Path(path), ()) as file:
        return _get_attributes(file)


def _label_axes(file: h5py.File) -> None:
    file["clip_id"].make_scale("clip_id")
    file["dimension"].make_scale("dimension")
    for name, axes in {"embedding": ("clip_id", "dimension"), "row_key": ("clip_id",), "silent": ("clip_id",)}.items():
        for axis, scale in enumerate(axes):
            file[name].dims[axis].label = scale
            file[name].dims[axis].attach_scale(file[scale])


def _new_file(path: Path) -> AbstractContextManager[h5py.File]:
    return _whole_or_let_go(h5py.File(path, "w", locking=False))


@contextmanager
def _whole_or_let_go(file: h5py.File) -> Iterator[h5py.File]:
    """Close `file` when the block ends well; else let go of it without writing what it still holds back.

    On a full disk HDF5 can neither flush nor close a file: it would hold its space and crash when the process ends.
    """
    try:
        yield file
        file.flush()
        file.close()
    except BaseException:
        with suppress(Exception):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, file.id.get_vfd_handle())
            os.close(nowhere)
        with suppress(Exception):
            file.close()
        raise


def _open(path: Path, required: tuple[str, ...]) -> h5py.File:
    if not path.exists():
        raise UserError(f"{path} does not exist. Start the workflow again: it makes what is missing.")
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise UserError(f"{path} cannot be read as HDF5 ({error}). {_REMAKE}") from error
    missing = [name for name in required if name not in file]
    if missing:
        file.close()
        raise UserError(f"{path} lacks {', '.join(missing)}; it is not the kind of file expected here. {_REMAKE}")
    return file


def _write_texts(file: h5py.File, name: str, texts: Sequence[str]) -> None:
    file.create_dataset(name, data=np.array(list(texts), dtype=object), dtype=TEXT, shape=(len(texts),))


def _read_texts(dataset: h5py.Dataset) -> list[str]:
    return list(dataset.asstr()[:])


def _set_attributes(file: h5py.File, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        if value is not None:
            file.attrs[name] = value


def _get_attributes(file: h5py.File) -> dict[str, Any]:
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in file.attrs.items()}
