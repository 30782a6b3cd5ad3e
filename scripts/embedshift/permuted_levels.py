"""Strengths permuted within clips, for nulls: kept where they are few, drawn again at each reading where they are many.

Under the null hypothesis that the strength leaves no trace, the strengths of a clip are exchangeable, whatever differs
between clips: fitting and scoring every permuted order as the true one makes the p-value of `resampling.p_value`
exact. The orders of a hundred thousand clips at 34 strengths would take 0.7 GB; each cell of CLIPS_PER_CELL clips by
ORDERS_PER_CELL orders has a generator of its own, so that any part can be drawn alone, and is always the same.
"""

from typing import Any

import numpy as np

CLIPS_PER_CELL = 512
ORDERS_PER_CELL = 8
KEPT_BYTES = 1 << 26
"""Up to so many bytes are drawn once and kept."""


class PermutedLevels:
    """Positions of strengths, read like an array (clips, strengths, 1 + permutations) of small unsigned integers.

    Column 0 is the order as it is. Read by clips, by clips and strengths, or by clips, strengths and columns; clips
    are a slice, positions or a mask, strengths and columns are slices.
    """

    def __init__(self, clips: int, strengths: int, permutations: int, seed: int) -> None:
        self.shape = (clips, strengths, 1 + permutations)
        self.dtype = np.min_scalar_type(max(0, strengths - 1))
        self._seed = seed
        self._kept: np.ndarray | None = None
        if clips * strengths * (1 + permutations) * self.dtype.itemsize <= KEPT_BYTES:
            self._kept = self._drawn(np.arange(clips), np.arange(1 + permutations))

    def __getitem__(self, asked: Any) -> np.ndarray:
        """Return the levels asked for, in the order of the clips asked for."""
        if self._kept is not None:
            return self._kept[asked]
        clips, strengths, columns = (*(asked if isinstance(asked, tuple) else (asked,)), *[slice(None)] * 2)[:3]
        return self._drawn(np.arange(self.shape[0])[clips], np.arange(self.shape[2])[columns])[:, strengths]

    def rows(self, clips: np.ndarray) -> "LevelRows":
        """Return the levels of some clips as targets of pooled rows."""
        return LevelRows(self, clips)

    def _drawn(self, clips: np.ndarray, columns: np.ndarray) -> np.ndarray:
        found = np.empty((len(clips), self.shape[1], len(columns)), dtype=self.dtype)
        found[:, :, columns == 0] = np.arange(self.shape[1], dtype=self.dtype)[None, :, None]
        for block, of_clips in _parts(clips // CLIPS_PER_CELL):
            within = clips[of_clips] % CLIPS_PER_CELL
            # column 0 falls to number -1, of which no cell is drawn
            for number, of_columns in _parts((columns - 1) // ORDERS_PER_CELL):
                if number >= 0:
                    orders = (columns[of_columns] - 1) % ORDERS_PER_CELL
                    found[np.ix_(of_clips, range(self.shape[1]), of_columns)] = self._cell(block, number)[within][
                        :, :, orders
                    ]
        return found

    def _cell(self, block: int, number: int) -> np.ndarray:
        """Return permuted positions (CLIPS_PER_CELL, strengths, ORDERS_PER_CELL)."""
        shape = (CLIPS_PER_CELL, self.shape[1], ORDERS_PER_CELL)
        levels = np.broadcast_to(np.arange(self.shape[1], dtype=self.dtype)[None, :, None], shape)
        return np.random.default_rng([self._seed, block, number]).permuted(levels, axis=1)


class LevelRows:
    """The levels of some clips as targets (rows, columns), row `i * strengths + p` being clip i at strength p.

    Read by slices of whole clips, as `least_squares.CentredRows` yields them.
    """

    def __init__(self, levels: PermutedLevels, clips: np.ndarray) -> None:
        self._levels, self._clips = levels, np.arange(levels.shape[0])[clips]
        self._strengths = levels.shape[1]
        self.shape = (len(self._clips) * self._strengths, levels.shape[2])

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Return the targets of some rows, (rows, columns)."""
        clips = self._clips[rows.start // self._strengths : rows.stop // self._strengths]
        return self._levels[clips].reshape(-1, self.shape[1])

    def mean(self, axis: int = 0, dtype: Any = np.float64) -> np.ndarray:
        """Return the mean of each column, which is the same for all: every clip has all strengths."""
        assert axis == 0
        return np.full(self.shape[1], (self._strengths - 1) / 2, dtype=dtype)

    def all(self) -> np.ndarray:
        """Return all targets at once; only for few rows."""
        return self[slice(0, self.shape[0])]


def _parts(numbers: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Return each distinct number with the places where it stands."""
    order = np.argsort(numbers, kind="stable")
    distinct, starts = np.unique(numbers[order], return_index=True)
    return list(zip(distinct.tolist(), np.split(order, starts[1:]), strict=True))
