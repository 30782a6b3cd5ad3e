"""Spearman's rank correlation between projections and strengths, for many columns or many resamples at once.

Every clip has one row at each strength, so all strengths are equally frequent, the midrank of a strength is a linear
function of its position, and Spearman's rho is Pearson's correlation between the midranks of the projection and
the positions. Results equal scipy.stats.spearmanr, ties included.
"""

import numpy as np
from scipy.stats import rankdata


def spearman(projection: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return rho for each column of projection and level, both (rows, columns); level holds balanced positions.

    A column that is constant has no order: its rho is 0.
    """
    rank = rankdata(projection, axis=0)
    rank -= rank.mean(axis=0)
    centred = level - level.mean(axis=0, dtype=np.float64)
    covariance = np.einsum("rc,rc->c", rank, centred)
    return _ratio(covariance, np.einsum("rc,rc->c", rank, rank) * np.einsum("rc,rc->c", centred, centred))


def resampled_spearman(projection: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return rho for each resample of clips, (resamples,); NaN where a resample holds no clip.

    projection (clips, strengths); counts (resamples, clips), how often each clip was drawn. A clip drawn twice
    contributes tied rows, as if its rows stood there twice. The sort is done once for all resamples.
    """
    clips, strengths = projection.shape
    flat = projection.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(flat[order]) > 0]))
    level = np.tile(np.arange(strengths) - (strengths - 1) / 2, clips)[order]
    weight = counts.astype(np.float64)[:, order // strengths]
    weight_level = np.add.reduceat(weight * level, starts, axis=1)
    weight = np.add.reduceat(weight, starts, axis=1)
    rows = weight.sum(axis=1, keepdims=True)
    centred_rank = np.cumsum(weight, axis=1) - weight / 2 - rows / 2
    spread = np.einsum("bg,bg,bg->b", weight, centred_rank, centred_rank)
    level_spread = rows[:, 0] * (strengths**2 - 1) / 12
    rho = _ratio(np.einsum("bg,bg->b", weight_level, centred_rank), spread * level_spread)
    return np.where(rows[:, 0] > 0, rho, np.nan)


def signed_square(rho: np.ndarray) -> np.ndarray:
    """Return sign(rho) * rho^2: a held-out projection that falls with the strength must not count as success."""
    return np.sign(rho) * rho**2


def _ratio(covariance: np.ndarray, product: np.ndarray) -> np.ndarray:
    return np.divide(covariance, np.sqrt(product), out=np.zeros_like(covariance), where=product > 0)
