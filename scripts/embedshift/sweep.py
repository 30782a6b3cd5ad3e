"""The sweep of one model and one effect: every clip's trajectory over the strengths, as one array."""

import csv
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.errors import UserError
from embedshift.scratch_sweep import ScratchSweep
from embedshift.shards import as_list, by_condition, rows_of_shards
from embedshift.store import EmbeddingReader, read_shape

LOGGER = logging.getLogger("embedshift")
Files = str | Path | Sequence[str | Path]
"""One file, or one for each shard."""
MEMORY_BYTES = 1 << 28
"""What analyses hold of trajectories in memory, 256 MiB; more lies in a scratch file (same numbers, more reading)."""
BLOCK_CLIPS = 4096


@dataclass(frozen=True)
class Sweep:
    """All trajectories of one model and one effect, and the same clips unchanged.

    Attributes
    ----------
    clip_id, label, group : str arrays, shape (clips,)
    clean : float32 array, shape (clips, dim)
    trajectories : float32 array, shape (clips, strengths, dim), strengths from the weakest to the strongest, or a
        `ScratchSweep` in its place
    left_out : clips of the manifest that are silent, clean or at some strength, and so are missing here
    split : str array, shape (clips,), the division given with the data set (`train`, `test` or empty), or None
    """

    clip_id: np.ndarray
    label: np.ndarray
    group: np.ndarray
    clean: np.ndarray
    trajectories: np.ndarray
    left_out: tuple[str, ...] = ()
    split: np.ndarray | None = None

    def subsets(self) -> list[tuple[str, np.ndarray]]:
        """Return `all` and, where there are several, every class, each with the positions of its clips."""
        classes = np.unique(self.label)
        everything = ("all", np.arange(len(self.label)))
        if len(classes) < 2:
            return [everything]
        return [everything, *((str(label), np.flatnonzero(self.label == label)) for label in classes)]


def build_sweep(
    manifest: str | Path, clean: Files, effected: Sequence[str | Path], memory_bytes: int | None = None
) -> Sweep:
    """Read a sweep from embedding files, `effected` in the order of the strengths.

    Of a data set in shards `clean` holds one file a shard, and `effected` all shards of the first strength, then those
    of the second. Clips come in the order of the manifest, whatever the shards. Trajectories of more than
    `memory_bytes` are kept in a scratch file.

    A clip that is silent at one strength only has no meaningful displacement there, so it is left out at all
    strengths; otherwise the strengths would be compared on different clips. A clip without a group is its own.

    Raises
    ------
    UserError
        If a file does not hold the clips of the manifest, the dimensions differ, no clip remains, or a clip or class
        has a name that the tables use for something else.
    """
    clip_id, label, group, split = _read_manifest(manifest)
    _check_names(manifest, clip_id, label)
    shards = _Shards(clip_id, as_list(clean))
    reference, silent = shards.read(as_list(clean))
    conditions = by_condition(effected, len(shards))
    shape = (len(clip_id), len(conditions), reference.shape[1])
    trajectories: Any = _InMemory(shape) if fits(shape, memory_bytes) else ScratchSweep(*shape)
    for position, files in enumerate(conditions):
        silent |= shards.read_into(files, partial(trajectories.write, position))
    kept = np.flatnonzero(~silent)
    if not len(kept):
        raise UserError(
            f"No clip of {manifest} is audible at all {len(conditions)} strengths: nothing can be analysed."
        )
    return Sweep(
        clip_id=np.array(clip_id)[kept],
        label=np.array(label)[kept],
        group=np.array(group)[kept],
        clean=reference[kept],
        trajectories=trajectories.chosen(kept),
        left_out=tuple(np.array(clip_id)[silent].tolist()),
        split=np.array(split)[kept],
    )


def fits(shape: tuple[int, int, int], memory_bytes: int | None) -> bool:
    """Return whether float32 trajectories of this shape may be held in memory."""
    return memory_bytes is None or 4 * int(np.prod(shape, dtype=np.int64)) <= memory_bytes


class _InMemory:
    """Trajectories gathered strength after strength in one array."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._array = np.empty(shape, dtype=np.float32)

    def write(self, strength: int, rows: np.ndarray, block: np.ndarray) -> None:
        self._array[rows, strength] = block

    def chosen(self, kept: np.ndarray) -> np.ndarray:
        """Return the rows `kept` (ascending) without a second array of the size of the sweep."""
        for target, source in enumerate(kept):
            if target != source:
                self._array[target] = self._array[source]
        return self._array[: len(kept)]


def _read_manifest(path: str | Path) -> tuple[list[str], list[str], list[str], list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = {"clip_id", "label", "group"} - set(reader.fieldnames or ())
        if missing:
            raise UserError(f"{path} lacks the columns {', '.join(sorted(missing))}; it is no manifest of embedshift.")
        # row by row: all columns of 100,000 rows at once would take hundreds of megabytes
        rows = [
            (row["clip_id"], row["label"], row["group"] or row["clip_id"], row.get("split") or "") for row in reader
        ]
    if not rows:
        raise UserError(f"{path} lists no clips: every clip was excluded, or the data set is empty.")
    return tuple(map(list, zip(*rows, strict=True)))


def _check_names(manifest: str | Path, clip_id: list[str], label: list[str]) -> None:
    """Refuse the names that stand for all clips and for the mean of a class in the tables."""
    if "all" in label:
        raise UserError(
            f"{manifest}: clip {clip_id[label.index('all')]} has the label 'all', which names the rows over all "
            "classes in the tables. Rename the label in the table of the data set, or the folder that it comes from."
        )
    if "mean" in clip_id:
        raise UserError(
            f"{manifest}: a clip is called 'mean', the name of the mean of a class in trajectories.csv. Rename clip_id "
            "in the table of the data set, or the file that it comes from."
        )


class _Shards:
    """Reads conditions from one file a shard into the order of the manifest.

    Raises UserError where a file holds other clips, or has other dimensions than the first that was read.
    """

    def __init__(self, clip_id: Sequence[str], files: Sequence[str | Path]) -> None:
        self._clip_id = clip_id
        self._rows = [np.array(rows, dtype=np.int64) for rows in rows_of_shards(clip_id, len(files))]
        self._first: tuple[str | Path, int] | None = None

    def __len__(self) -> int:
        """Return the number of shards."""
        return len(self._rows)

    def read(self, files: Sequence[str | Path]) -> tuple[np.ndarray, np.ndarray]:
        """Return embeddings (clips, dim) float32 and whether each clip is silent (clips,)."""
        found = _InMemory((len(self._clip_id), 1, self._dimension(files)))
        silent = self.read_into(files, partial(found.write, 0))
        return found.chosen(np.arange(len(self._clip_id)))[:, 0], silent

    def read_into(self, files: Sequence[str | Path], write: Callable[[np.ndarray, np.ndarray], None]) -> np.ndarray:
        """Hand blocks of rows (positions in the manifest, embeddings) to `write`; return whether clips are silent."""
        silent = np.zeros(len(self._clip_id), dtype=bool)
        for rows, path in zip(self._rows, files, strict=True):
            with EmbeddingReader(path) as reader:
                reader.check_clips([self._clip_id[row] for row in rows])
                silent[rows] = reader.silent
                if len(rows):
                    self._check_dimension(path, reader.dim)
                for start in range(0, len(rows), BLOCK_CLIPS):
                    block = reader.read(start, start + BLOCK_CLIPS)
                    write(rows[start : start + BLOCK_CLIPS], block)
        return silent

    def _dimension(self, files: Sequence[str | Path]) -> int:
        return max(read_shape(path, "embedding")[1] for path in files)

    def _check_dimension(self, path: str | Path, found: int) -> None:
        first, expected = self._first = self._first or (path, found)
        if found != expected:
            raise UserError(
                f"{path} has {found} dimensions, {first} has {expected}: they come from different models. "
                "Delete both and start the same command again: they are made anew."
            )
