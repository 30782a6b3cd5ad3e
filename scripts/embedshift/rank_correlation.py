"""Spearman's and Pearson's correlation between projections and strengths, for many columns or resamples at once.

Every clip has one row at each strength, so all strengths are equally frequent, the midrank of a strength is a linear
function of its position, and Spearman's rho is Pearson's correlation between the midranks of the projection and
the positions. Results equal scipy.stats.spearmanr, ties included.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from embedshift.resampling import GroupDraws, column_blocks

VALUES_PER_BLOCK = 1 << 19


def spearman(projection: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return rho for each column of projection and level, both (rows, columns); level holds balanced positions.

    A column that is constant has no order: its rho is 0.
    """
    rank = rankdata(projection, axis=0)
    rank -= rank.mean(axis=0)
    centred = level - level.mean(axis=0, dtype=np.float64)
    covariance = np.einsum("rc,rc->c", rank, centred)
    return _ratio(covariance, np.einsum("rc,rc->c", rank, rank) * np.einsum("rc,rc->c", centred, centred))


def pearson(projection: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return r for each column of projection and level, both (rows, columns); 0 where a column is constant."""
    value, centred = (matrix - matrix.mean(axis=0, dtype=np.float64) for matrix in (projection, level))
    covariance = np.einsum("rc,rc->c", value, centred)
    return _ratio(covariance, np.einsum("rc,rc->c", value, value) * np.einsum("rc,rc->c", centred, centred))


def resampled_pearson(projection: np.ndarray, draws: GroupDraws) -> np.ndarray:
    """Return r of projection (clips, strengths) in each resample, (resamples,); NaN where it holds no clip."""
    strengths = projection.shape[1]
    level = np.arange(strengths) - (strengths - 1) / 2
    centred = projection - projection.mean()
    parts = np.stack([centred.sum(axis=1), (centred**2).sum(axis=1), centred @ level], axis=1)
    total, square, covariance = draws.sums(parts).T
    rows = strengths * draws.sizes()
    mean_square = np.divide(total**2, rows, out=np.zeros_like(total), where=rows > 0)
    product = np.maximum(square - mean_square, 0.0) * rows * (strengths**2 - 1) / 12
    return np.where(rows > 0, _ratio(covariance, product), np.nan)


def resampled_spearman(projection: np.ndarray, draws: GroupDraws) -> np.ndarray:
    """Return rho of projection (clips, strengths) in each resample, (resamples,); NaN where it holds no clip.

    Copies of a drawn clip count as clips that are next to each other, not as ties, so that a perfect order has the
    same rho in all resamples as in the sample itself. The sort is done once for all resamples.
    """
    clips, strengths = projection.shape
    flat = projection.ravel()
    order = np.argsort(flat, kind="stable")
    tied = _Ties(
        clip=order // strengths,
        level=np.tile(np.arange(strengths) - (strengths - 1) / 2, clips)[order],
        start=np.flatnonzero(np.concatenate([[True], np.diff(flat[order]) > 0])),
        level_variance=(strengths**2 - 1) / 12,
    )
    size = max(1, VALUES_PER_BLOCK // projection.size)
    blocks = [tied.rho(draws.of_clips(some, tied.clip)) for some in column_blocks(len(draws), size)]
    return np.concatenate([np.zeros(0), *blocks])


@dataclass(frozen=True)
class _Ties:
    """Rows in the order of their projection: clip and level of each, where groups of ties start."""

    clip: np.ndarray
    level: np.ndarray
    start: np.ndarray
    level_variance: float

    def rho(self, copies: np.ndarray) -> np.ndarray:
        """Return rho where each row occurs so often, copies (resamples, rows)."""
        covariance_parts = np.add.reduceat(copies * self.level, self.start, axis=1)
        within_copies = np.einsum("br,br,br->b", copies, copies, copies) - copies.sum(axis=1)
        weight = np.add.reduceat(copies, self.start, axis=1)
        rows = weight.sum(axis=1)
        rank = np.cumsum(weight, axis=1) - weight / 2 - rows[:, None] / 2
        spread = np.einsum("bg,bg,bg->b", weight, rank, rank) + within_copies / 12
        covariance = np.einsum("bg,bg->b", covariance_parts, rank)
        return np.where(rows > 0, _ratio(covariance, spread * rows * self.level_variance), np.nan)


def highest_squared_spearman(clips: int, strengths: int) -> float:
    """Return rho^2 of a perfect order of clips that all have their own projection at each of the strengths.

    Clips are tied within a strength, so that it stays below 1: (1 - 1 / P^2) / (1 - 1 / (N P)^2) for N clips and P
    strengths, about 0.75 for 2 strengths, 0.96 for 5 and 0.99 for 10.
    """
    return (1 - 1 / strengths**2) / (1 - 1 / (clips * strengths) ** 2)


def signed_square(rho: np.ndarray) -> np.ndarray:
    """Return sign(rho) * rho^2: a held-out projection that falls with the strength must not count as success."""
    return np.sign(rho) * rho**2


def _ratio(covariance: np.ndarray, product: np.ndarray) -> np.ndarray:
    return np.divide(covariance, np.sqrt(product), out=np.zeros_like(covariance), where=product > 0)
