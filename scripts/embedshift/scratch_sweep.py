"""Trajectories too large for the memory: in a scratch file, read row by row where they are asked for.

The file lies where temporary files lie (TMPDIR) and has no name: the space is free again when the process ends, however
it ends. It takes the place of an array of shape (clips, strengths, dim) as far as the analyses read one: by clips, or
by clips and strengths.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from embedshift.disk_space import NO_SPACE, out_of_space, require_space

GAP_ROWS = 32
"""Stretches of rows that lie no further apart are read in one go."""
_TEMPORARY = Path(tempfile.gettempdir(), "trajectories")


class ScratchSweep:
    """Trajectories (clips, strengths, dim) float32 on disk; write strength after strength, then read.

    Raises
    ------
    UserError
        If the disk of temporary files has no space for them.
    """

    dtype = np.dtype(np.float32)
    ndim = 3

    def __init__(self, clips: int, strengths: int, dim: int) -> None:
        require_space(_TEMPORARY, clips * strengths * dim * 4)
        self._file = tempfile.TemporaryFile(prefix="embedshift")  # noqa: SIM115 (lives as long as the array)
        self._rows = np.arange(clips)
        self._clips = clips
        self.shape = (clips, strengths, dim)

    def __len__(self) -> int:
        """Return the number of clips."""
        return self.shape[0]

    def write(self, strength: int, rows: np.ndarray, block: np.ndarray) -> None:
        """Write the embeddings (rows, dim) of some clips, ascending, at one strength."""
        for first, last in stretches(rows, gap=1):
            content = np.ascontiguousarray(block[first:last], dtype=np.float32)
            self._write_all(content.data.cast("B"), self._place(strength, int(rows[first])))

    def _write_all(self, content: memoryview, place: int) -> None:
        try:
            while content:
                written = os.pwrite(self._file.fileno(), content, place)
                content, place = content[written:], place + written
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            raise out_of_space(_TEMPORARY, error, place) from error

    def chosen(self, clips: np.ndarray) -> Self:
        """Return the same trajectories with these clips only, without reading any."""
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__ | {"_rows": self._rows[clips]}
        other.shape = (len(other._rows), *self.shape[1:])
        return other

    def __getitem__(self, key: Any) -> np.ndarray:
        """Return what an array would: `[clips]` or `[clips, strengths]`, either of them a number, slice or array."""
        clips, strengths = key if isinstance(key, tuple) else (key, slice(None))
        if np.ndim(clips) == 2:  # np.ix_
            clips, strengths = np.ravel(clips), np.ravel(strengths)
        rows, levels = self._rows[clips], np.arange(self.shape[1])[strengths]
        found = np.empty((np.size(rows), np.size(levels), self.shape[2]), dtype=np.float32)
        order = np.argsort(np.atleast_1d(rows), kind="stable")
        for column, strength in enumerate(np.atleast_1d(levels)):
            self._read(int(strength), np.atleast_1d(rows)[order], order, found[:, column])
        found = found if np.ndim(levels) else found[:, 0]
        return found if np.ndim(rows) else found[0]

    def _read(self, strength: int, rows: np.ndarray, order: np.ndarray, found: np.ndarray) -> None:
        """Read ascending rows of the file at one strength into `found`, row i into place order[i]."""
        for first, last in stretches(rows, gap=GAP_ROWS):
            block = np.empty((int(rows[last - 1] - rows[first]) + 1, self.shape[2]), dtype=np.float32)
            self._fill(block.data.cast("B"), self._place(strength, int(rows[first])))
            found[order[first:last]] = block[rows[first:last] - rows[first]]

    def _fill(self, block: memoryview, place: int) -> None:
        while block:
            found = os.preadv(self._file.fileno(), [block], place)
            block, place = block[found:], place + found

    def _place(self, strength: int, row: int) -> int:
        return (strength * self._clips + row) * self.shape[2] * 4


def stretches(rows: np.ndarray, gap: int) -> Iterator[tuple[int, int]]:
    """Yield (first, past the last) positions of ascending rows that follow each other at distances up to `gap`."""
    edges = [0, *(np.flatnonzero(np.diff(rows) > gap) + 1), len(rows)]
    return ((first, last) for first, last in zip(edges[:-1], edges[1:], strict=True) if last > first)


def chosen_clips(trajectories: "np.ndarray | ScratchSweep", clips: np.ndarray) -> "np.ndarray | ScratchSweep":
    """Return the trajectories of some clips, from an array or from the disk."""
    return trajectories.chosen(clips) if isinstance(trajectories, ScratchSweep) else trajectories[clips]
