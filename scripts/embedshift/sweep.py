"""The sweep of one model and one effect: every clip's trajectory over the strengths, as one array."""

import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedshift.errors import UserError
from embedshift.shards import as_list, by_condition, rows_of_shards
from embedshift.store import read_embeddings

LOGGER = logging.getLogger("embedshift")
Files = str | Path | Sequence[str | Path]
"""One file, or one for each shard."""


@dataclass(frozen=True)
class Sweep:
    """All trajectories of one model and one effect, and the same clips unchanged.

    Attributes
    ----------
    clip_id, label, group : str arrays, shape (clips,)
    clean : float32 array, shape (clips, dim)
    trajectories : float32 array, shape (clips, strengths, dim), strengths from the weakest to the strongest
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


def build_sweep(manifest: str | Path, clean: Files, effected: Sequence[str | Path]) -> Sweep:
    """Read a sweep from embedding files, `effected` in the order of the strengths.

    Of a data set in shards `clean` holds one file a shard, and `effected` all shards of the first strength, then those
    of the second. Clips come in the order of the manifest, whatever the shards.

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
    trajectories = np.empty((len(clip_id), len(conditions), reference.shape[1]), dtype=np.float32)
    for position, files in enumerate(conditions):
        trajectories[:, position], silent_there = shards.read(files)
        silent |= silent_there
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
        trajectories=_keep_in_place(trajectories, kept),
        left_out=tuple(np.array(clip_id)[silent].tolist()),
        split=np.array(split)[kept],
    )


def _keep_in_place(trajectories: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the rows `kept` (ascending) without a second array of the size of the sweep."""
    for target, source in enumerate(kept):
        if target != source:
            trajectories[target] = trajectories[source]
    return trajectories[: len(kept)]


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
        self._rows = rows_of_shards(clip_id, len(files))
        self._first: tuple[str | Path, int] | None = None

    def __len__(self) -> int:
        """Return the number of shards."""
        return len(self._rows)

    def read(self, files: Sequence[str | Path]) -> tuple[np.ndarray, np.ndarray]:
        """Return embeddings (clips, dim) float32 and whether each clip is silent (clips,)."""
        embedding, silent = None, np.zeros(len(self._clip_id), dtype=bool)
        for rows, path in zip(self._rows, files, strict=True):
            found = read_embeddings(path, [self._clip_id[row] for row in rows])
            if not rows:
                continue
            self._check_dimension(path, found.embedding.shape[1])
            if embedding is None:
                embedding = np.empty((len(self._clip_id), found.embedding.shape[1]), dtype=np.float32)
            embedding[rows], silent[rows] = found.embedding, found.silent
        return embedding, silent

    def _check_dimension(self, path: str | Path, found: int) -> None:
        first, expected = self._first = self._first or (path, found)
        if found != expected:
            raise UserError(
                f"{path} has {found} dimensions, {first} has {expected}: they come from different models. "
                "Delete both and start the same command again: they are made anew."
            )
