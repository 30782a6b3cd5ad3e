"""Ledoit-Wolf covariance from a scatter matrix and one more pass: no array of all rows is needed.

Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", J. Multivariate Analysis 88
(2004). Equal to sklearn.covariance.ledoit_wolf on the same rows.
"""

from collections.abc import Sequence

import numpy as np

from embedshift.least_squares import CentredRows, merge_scatter


def merge_rows(sets: Sequence[CentredRows], scatters: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (dim,) and the covariance (dim, dim), divided by the number of rows, of all sets together."""
    numbers = [len(rows) for rows in sets]
    mean = sum(number * rows.mean for number, rows in zip(numbers, sets, strict=True)) / sum(numbers)
    parts = [(number, rows.mean, scatter) for number, rows, scatter in zip(numbers, sets, scatters, strict=True)]
    return mean, merge_scatter(parts) / sum(numbers)


def shrunk_covariance(
    sets: Sequence[CentredRows], mean: np.ndarray, covariance: np.ndarray, standardise: bool = False
) -> np.ndarray:
    """Return the Ledoit-Wolf covariance (dim, dim) of all rows of `sets`, whose mean and covariance are given.

    With `standardise`, shrinkage is chosen and done on features of unit variance and scaled back, as
    scikit-learn's LinearDiscriminantAnalysis(shrinkage="auto") does.
    """
    scale = _scale(covariance) if standardise else np.ones(len(mean))
    scaled = covariance / np.outer(scale, scale)
    share = _shrinkage(scaled, _fourth_moment(sets, mean, scale), sum(map(len, sets)))
    shrunk = (1 - share) * scaled
    shrunk[np.diag_indices_from(shrunk)] += share * np.trace(scaled) / len(scaled)
    return shrunk * np.outer(scale, scale)


def _scale(covariance: np.ndarray) -> np.ndarray:
    """Return standard deviations; 1 for features that vary by no more than rounding."""
    deviation = np.sqrt(np.diag(covariance))
    return np.where(deviation > 1e-12 * max(deviation.max(), np.finfo(np.float64).tiny), deviation, 1.0)


def _fourth_moment(sets: Sequence[CentredRows], mean: np.ndarray, scale: np.ndarray) -> float:
    """Return the mean over rows of the squared squared length of (row - mean) / scale."""
    total = 0.0
    for rows in sets:
        shift = rows.mean - mean
        for _, block in rows.blocks():
            block += shift
            block /= scale
            total += float(np.sum(np.einsum("nd,nd->n", block, block) ** 2))
    return total / sum(map(len, sets))


def _shrinkage(covariance: np.ndarray, fourth_moment: float, rows: int) -> float:
    dim = len(covariance)
    square, mean_variance = float(np.sum(covariance**2)), np.trace(covariance) / dim
    distance = square - dim * mean_variance**2
    if distance <= 0:
        return 0.0
    return float(np.clip((fourth_moment - square) / rows / distance, 0.0, 1.0))
