"""The displacements of chosen clips as centred rows, and as a triangle that keeps their smallest variances."""

from collections.abc import Iterator

import numpy as np

from embedshift.least_squares import CentredRows


class DisplacementRows(CentredRows):
    """Effected minus clean, every clip and strength, centred, without an array of the size of the sweep.

    Row `i * strengths + p` is chosen clip `i` at strength `p`; `clean` holds the chosen clips only.
    """

    def __init__(self, clean: np.ndarray, trajectories: np.ndarray, clips: np.ndarray, threads: int = 1) -> None:
        self._clean = clean
        super().__init__(trajectories, clips, threads)

    def _parts(self) -> Iterator[tuple[slice, np.ndarray]]:
        for at, part in super()._parts():
            clips = slice(at.start // self.strengths, at.stop // self.strengths)
            yield at, part.astype(np.float64) - self._clean[clips, None]


def triangle_of(rows: CentredRows) -> np.ndarray:
    """Return R (min(rows, dim), dim) with R'R = the scatter of the rows, by orthogonal factorisation of blocks.

    Its singular values and vectors are those of the rows to full precision, where the scatter would lose every
    variance below 1e-16 of the largest.
    """
    triangle = np.zeros((0, rows.dim))
    for block in _large_blocks(rows):
        triangle = np.linalg.qr(np.concatenate([triangle, block]), mode="r")
    return triangle


def _large_blocks(rows: CentredRows) -> Iterator[np.ndarray]:
    """Yield centred rows in blocks of at least 4 times the dimension: the triangle is factored again with each."""
    waiting: list[np.ndarray] = []
    for _, block in rows.blocks():
        waiting.append(block.copy())
        if sum(map(len, waiting)) >= 4 * rows.dim:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)
