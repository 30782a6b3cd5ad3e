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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.atomic import write_atomically
from embedshift.canonical import canonical_json
from embedshift.freshness import kept_file
from embedshift.store import Embeddings, read_embeddings, write_embeddings

LOGGER = logging.getLogger("embedshift")

CODE_OF_NUMBERS = ("embedshift/models/", "embedshift/batching.py", "embedshift/device.py")
"""The files whose code decides a row's numbers; what else the job imports only moves rows about."""
DECISIVE = ("adapter", "options", "precision", "backend", "plug_in", "compatibility")
"""The settings of a model that decide a row's numbers."""


@dataclass(frozen=True)
class Row:
    """One clip's embedding `(dim,)` float32 and, where they are kept, its frames `(frames, frame_dim)`."""

    embedding: np.ndarray
    frames: np.ndarray | None = None


@dataclass
class KeptContents:
    """Rows by key: those of the last finished output, and those of the parts of an unfinished run."""

    finished: dict[str, Row] = field(default_factory=dict)
    unfinished: dict[str, Row] = field(default_factory=dict)


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
        """Return every usable row of the linked output and of all parts; with frames, only rows that have some."""
        contents = KeptContents(finished=_rows_in(self.link, with_frames))
        for path in sorted(self.parts.glob("*.h5")):
            contents.unfinished |= _rows_in(path, with_frames)
        return contents

    def restore(self, made_from: Mapping[str, str], source: Path | None = None) -> bool:
        """Put the last finished output back if it says that it was made from exactly this; return whether it did.

        `source` is another finished output to take instead, such as one that another user shared.
        """
        source = source or self.link
        try:
            found = read_embeddings(source).attributes
        except Exception as error:  # damaged in whatever way: then it is made anew
            LOGGER.info("%s cannot be put back (%s).", source, error)
            return False
        if any(found.get(name) != value for name, value in made_from.items()):
            return False
        with write_atomically(self.output) as copy:
            shutil.copyfile(source, copy)
        self.renew()
        return True

    def write_part(self, rows: Mapping[str, Row]) -> None:
        """Keep rows of the run that is going on, in a file named after their keys."""
        name = hashlib.sha256("".join(rows).encode()).hexdigest()[:16]
        keys = list(rows)
        with_frames = all(row.frames is not None for row in rows.values())
        silent = np.zeros(len(keys), dtype=bool)  # what clip a row belongs to, and whether it is silent, is not kept
        write_embeddings(self.parts / f"{name}.h5", merge_rows(keys, keys, rows, silent, with_frames, {}))

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


def merge_rows(
    clip_id: list[str],
    keys: list[str],
    rows: Mapping[str, Row],
    silent: np.ndarray,
    with_frames: bool,
    attributes: dict[str, Any],
) -> Embeddings:
    """Return the embeddings of `clip_id` in that order, clip `i` having the row of `keys[i]`."""
    chosen = [rows[key] for key in keys]
    embedding = np.stack([row.embedding for row in chosen]) if chosen else np.zeros((0, 0), dtype=np.float32)
    frames, offset = None, None
    if with_frames and chosen:
        frames = np.concatenate([row.frames for row in chosen])
        offset = np.cumsum([0, *(len(row.frames) for row in chosen)], dtype=np.int64)
    return Embeddings(clip_id, keys, embedding, silent, frames, offset, attributes)


def _rows_in(path: Path, with_frames: bool) -> dict[str, Row]:
    if not path.exists():
        return {}
    try:
        rows = dict(_rows_of(read_embeddings(path)))
    except Exception as error:  # whatever is wrong with a file here, doing without it is right
        LOGGER.warning("Passing over %s, which cannot be used (%s); its rows are computed anew.", path, error)
        return {}
    return {key: row for key, row in rows.items() if row.frames is not None} if with_frames else rows


def _rows_of(found: Embeddings) -> Iterable[tuple[str, Row]]:
    for index, key in enumerate(found.row_key):
        frames = None
        if found.frames is not None:
            frames = found.frames[found.frame_offset[index] : found.frame_offset[index + 1]]
        yield key, Row(found.embedding[index], frames)
