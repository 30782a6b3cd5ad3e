"""Embeddings worth keeping: a key for each row, the last finished output, and the parts of an unfinished one.

Snakemake deletes the outputs of a job before it runs it. A hard link beside them survives, costs no space, and
holds the rows of the last finished run; parts hold those of a run that was killed. Rows are found by their key, never
by their place. Every file here may be deleted at any time: it then only takes longer. A damaged one is passed over.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from embedshift.atomic import write_atomically
from embedshift.canonical import canonical_json
from embedshift.freshness import kept_file
from embedshift.shards import is_of_other_shards
from embedshift.store import EmbeddingReader, Embeddings, stream_embeddings, write_embeddings

LOGGER = logging.getLogger("embedshift")

BLOCK_CLIPS = 256
READ_CLIPS = 4096
OPEN_FILES = 8

CODE_OF_NUMBERS = ("embedshift/models/", "embedshift/batching.py", "embedshift/device.py")
"""The files whose code decides a row's numbers; what else the job imports only moves rows about."""
DECISIVE = ("adapter", "options", "precision", "backend", "plug_in", "compatibility")
"""The settings of a model that decide a row's numbers."""


@dataclass(frozen=True)
class Row:
    """One clip's embedding `(dim,)` float32 and, where they are kept, its frames `(frames, frame_dim)`."""

    embedding: np.ndarray
    frames: np.ndarray | None = None


class Place(NamedTuple):
    """Where a row lies: a file, and the row in it."""

    path: Path
    row: int


@dataclass
class KeptContents:
    """Where rows lie, by key: those of the last finished output, and those of the parts of an unfinished run."""

    finished: dict[str, Place] = field(default_factory=dict)
    unfinished: dict[str, Place] = field(default_factory=dict)


def describe_model(settings: Mapping[str, Any], weights_sha256: str, code: str) -> str:
    """Return what, besides the audio, decides a row's numbers: adapter, options, precision, weights and code.

    Parameters
    ----------
    settings : settings of the job; those in `DECISIVE` are used, where they are there
    code : the job's code digests, `{file: digest}` as JSON (embedshift.codehash); any other text is taken whole
    """
    model = {name: settings[name] for name in DECISIVE if name in settings}
    return canonical_json({"model": model, "weights": weights_sha256, "code": _code_of_numbers(code)})


def _code_of_numbers(code: str) -> Any:
    try:
        digests = json.loads(code)
    except json.JSONDecodeError:
        return code
    if not isinstance(digests, dict):
        return code
    return {name: digest for name, digest in digests.items() if name.startswith(CODE_OF_NUMBERS)}


def row_key(samples: np.ndarray, sample_rate_hz: int, model: str) -> str:
    """Return 32 hexadecimal digits for one clip `(samples, channels)` float32 and `model` (describe_model)."""
    audio = hashlib.sha256(np.ascontiguousarray(samples, dtype="<f4")).hexdigest()
    text = f"{audio} {samples.shape} {sample_rate_hz} {model}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class KeptRows:
    """The rows kept for one output file, in the folder `.kept` of its model."""

    def __init__(self, output: str | Path, condition: str) -> None:
        self.output = Path(output)
        self.link = kept_file(output, condition, "h5")
        self.parts = self.link.parent / "parts" / self.link.name.removesuffix(".h5")

    def read(self, with_frames: bool) -> KeptContents:
        """Return where every usable row lies, in the linked output and in all parts; with frames, where it has some.

        Where the data set was cut into another number of shards before, the outputs of then are looked through too.
        """
        contents = KeptContents()
        for path in [self.link] if self.link.exists() else self._links_of_other_shards():
            contents.finished |= _places_in(path, with_frames)
        for path in sorted(self.parts.glob("*.h5")):
            contents.unfinished |= _places_in(path, with_frames)
        return contents

    def _links_of_other_shards(self) -> list[Path]:
        found = self.link.parent.glob("*.h5")
        return sorted(path for path in found if is_of_other_shards(path, self.link))

    def restore(self, made_from: Mapping[str, str], source: Path | None = None) -> bool:
        """Put the last finished output back if it says that it was made from exactly this; return whether it did.

        `source` is another finished output to take instead, such as one that another user shared.
        """
        source = source or self.link
        try:
            if not source.exists():
                return False
            found = _checked_attributes(source)
        except Exception as error:  # damaged in whatever way: then it is made anew
            LOGGER.info("%s cannot be put back (%s).", source, error)
            return False
        if any(found.get(name) != value for name, value in made_from.items()):
            return False
        with write_atomically(self.output) as copy:
            shutil.copyfile(source, copy)
        self.renew()
        return True

    def write_part(self, rows: Mapping[str, Row]) -> dict[str, Place]:
        """Keep rows of the run that is going on, in a file named after their keys; return where they lie."""
        keys = list(rows)
        path = self.parts / f"{hashlib.sha256(''.join(keys).encode()).hexdigest()[:16]}.h5"
        embedding = np.stack([row.embedding for row in rows.values()])
        frames, offset = None, None
        if all(row.frames is not None for row in rows.values()):
            frames = np.concatenate([row.frames for row in rows.values()])
            offset = np.cumsum([0, *(len(row.frames) for row in rows.values())], dtype=np.int64)
        silent = np.zeros(len(keys), dtype=bool)  # what clip a row belongs to, and whether it is silent, is not kept
        write_embeddings(path, Embeddings(keys, keys, embedding, silent, frames, offset))
        return {key: Place(path, row) for row, key in enumerate(keys)}

    def renew(self) -> None:
        """Link the finished output (copy it where the file system has no hard links), then remove the parts."""
        self.link.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.link.with_name(f".{self.link.name}.new")
        try:
            temporary.unlink(missing_ok=True)
            os.link(self.output, temporary)
            os.replace(temporary, self.link)
        except OSError as error:
            LOGGER.info("No hard link of %s (%s); keeping a copy.", self.output, error)
            with write_atomically(self.link) as copy:
                shutil.copyfile(self.output, copy)
        finally:
            temporary.unlink(missing_ok=True)  # a rename onto a link of the same file does nothing (POSIX)
        shutil.rmtree(self.parts, ignore_errors=True)


def merge_rows(output: str | Path, described: Embeddings, places: Mapping[str, Place], with_frames: bool) -> None:
    """Write the embeddings of `described`, clip `i` having the row of key `i`, from where the rows lie.

    Rows are read and written in blocks: memory does not grow with the clips, nor with their frames, but for the keys.
    """
    with _OpenFiles() as files:
        found = [places[key] for key in described.row_key]
        dims = files.dims(found[0], with_frames) if found else (0, 0)
        if with_frames and found:
            counts = [files.frames_of(place) for place in found]
            described = replace(described, frame_offset=np.cumsum([0, *counts], dtype=np.int64))
        blocks = (
            files.read_block(found[start : start + BLOCK_CLIPS], with_frames)
            for start in range(0, len(found), BLOCK_CLIPS)
        )
        stream_embeddings(output, described, blocks, *dims)


class _OpenFiles:
    """The files that rows are read from, the few last used of them open."""

    def __init__(self) -> None:
        self._readers: dict[Path, EmbeddingReader] = {}

    def __getitem__(self, path: Path) -> EmbeddingReader:
        """Return the reader of a file, opened where it is not."""
        if path not in self._readers:
            if len(self._readers) == OPEN_FILES:
                self._readers.pop(next(iter(self._readers))).close()
            self._readers[path] = EmbeddingReader(path)
        return self._readers[path]

    def dims(self, place: Place, with_frames: bool) -> tuple[int, int]:
        """Return the dimensions of an embedding and of a frame, 0 where none are asked for."""
        reader = self[place.path]
        return reader.dim, reader.frame_dim if with_frames else 0

    def frames_of(self, place: Place) -> int:
        """Return how many frames a row has."""
        return int(np.diff(self[place.path].frame_offset[place.row : place.row + 2])[0])

    def read_block(self, places: Sequence[Place], with_frames: bool) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the embeddings (clips, dim) of some places and, where asked for, their frames one after the other."""
        embedding = np.concatenate([self[path].read(start, stop) for path, start, stop in _runs(places)])
        if not with_frames:
            return embedding, None
        return embedding, np.concatenate([self[place.path].read_frames(place.row) for place in places])

    def __enter__(self) -> Self:
        """Return the files."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all files."""
        for reader in self._readers.values():
            reader.close()


def _runs(places: Sequence[Place]) -> Iterator[tuple[Path, int, int]]:
    """Yield `(file, first row, past the last row)` of stretches that lie one after the other in one file."""
    start = 0
    for end in range(1, len(places) + 1):
        if end == len(places) or places[end] != Place(places[start].path, places[start].row + end - start):
            yield places[start].path, places[start].row, places[start].row + end - start
            start = end


def _places_in(path: Path, with_frames: bool) -> dict[str, Place]:
    """Return where the rows of a file lie, by key; nothing of a file that is not there or cannot be used."""
    if not path.exists():
        return {}
    try:
        with EmbeddingReader(path) as reader:
            if with_frames and reader.frame_offset is None:
                return {}
            _read_all(reader)
            return {key: Place(path, row) for row, key in enumerate(reader.row_key)}
    except Exception as error:  # whatever is wrong with a file here, doing without it is right
        LOGGER.warning("Passing over %s, which cannot be used (%s); its rows are computed anew.", path, error)
        return {}


def _checked_attributes(path: Path) -> dict[str, Any]:
    """Return what made a file whose rows can all be read."""
    with EmbeddingReader(path) as reader:
        _read_all(reader)
        return reader.attributes


def _read_all(reader: EmbeddingReader) -> None:
    """Read every row once, a block at a time: a damaged file is found before anything rests on it."""
    for start in range(0, reader.clips, READ_CLIPS):
        reader.read(start, start + READ_CLIPS)
