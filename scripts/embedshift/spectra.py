"""Spectra: in how many dimensions embeddings move, and how many the clean ones fill."""

from collections.abc import Iterable, Iterator

import numpy as np
import scipy.linalg

from embedshift.least_squares import CentredRows


def displacement_variances(clean: np.ndarray, trajectories: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the variances along principal axes of all displacements (every clip and strength), largest first.

    The first array is centred, as in PCA: the one mean displacement over clips and strengths is removed, so what is
    left is how displacements differ between clips and grow with the strength. The second is not centred and holds
    the common shift too. Both have min(rows, dim) entries and sum to the mean squared length (about the mean, or
    about zero).
    """
    displacements = _Displacements(clean, trajectories)
    rows, dim = len(displacements), displacements.dim
    if rows <= dim:
        centred = displacements.all()
        whole = centred + displacements.mean
        return tuple(_squared_singular_values(matrix) / rows for matrix in (centred, whole))
    scatter = displacements.scatter()
    shift = rows * np.outer(displacements.mean, displacements.mean)
    return tuple(_eigenvalues(matrix) / rows for matrix in (scatter, scatter + shift))


class _Displacements(CentredRows):
    """The displacements of all clips, centred, without an array of the size of the sweep."""

    def __init__(self, clean: np.ndarray, trajectories: np.ndarray) -> None:
        self._clean = clean
        super().__init__(trajectories)

    def _parts(self) -> Iterator[tuple[slice, np.ndarray]]:
        for at, part in super()._parts():
            clips = slice(at.start // self.strengths, at.stop // self.strengths)
            yield at, part.astype(np.float64) - self._clean[clips, None]


def clean_variances(clean: np.ndarray) -> np.ndarray:
    """Return the variances of clean embeddings (clips, dim) along their principal axes, largest first."""
    rows = CentredRows(clean[:, None])
    if len(rows) <= rows.dim:
        return _squared_singular_values(rows.all()) / len(clean)
    return _eigenvalues(rows.scatter()) / len(clean)


def participation_ratio(variances: np.ndarray) -> float:
    """Return (sum v)^2 / sum v^2: k equal variances give k; NaN where nothing varies."""
    square = np.sum(variances**2)
    return float(np.sum(variances) ** 2 / square) if square > 0 else np.nan


def components_for(variances: np.ndarray, share: float) -> float:
    """Return how many of the largest variances hold `share` of their sum; NaN where nothing varies."""
    total = variances.sum()
    if total <= 0:
        return np.nan
    return float(np.searchsorted(np.cumsum(variances), share * total * (1 - 1e-12)) + 1)


def relative_singular_values(blocks: Iterable[np.ndarray], rows: int, count: int) -> np.ndarray:
    """Return the `count` largest singular values of a matrix, divided by the largest; empty where all are zero.

    blocks: the matrix of so many rows, in blocks (rows, dim) float64; they are held at once only where there are no
    more rows than dimensions. Taken from the smaller Gram matrix, so values below about 1e-8 of the largest are
    rounding noise.
    """
    remaining = iter(blocks)
    first = next(remaining)
    if rows <= first.shape[1]:
        squared = _squared_singular_values(np.concatenate([first, *remaining]))
    else:
        squared = _eigenvalues(sum((block.T @ block for block in remaining), start=first.T @ first))
    size = np.sqrt(squared)[:count]
    return size / size[0] if len(size) and size[0] > 0 else np.zeros(0)


def _squared_singular_values(matrix: np.ndarray) -> np.ndarray:
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    return _eigenvalues(gram)


def _eigenvalues(symmetric: np.ndarray) -> np.ndarray:
    """Return the eigenvalues, largest first; those that rounding made negative become zero."""
    return np.maximum(scipy.linalg.eigvalsh(symmetric, check_finite=False)[::-1], 0.0)
