"""Intrinsic dimension of a cloud from distances to near neighbours: TwoNN and Levina-Bickel.

Both look at a small scale, where noise of full dimension counts more than at the large scale of principal components:
they belong beside those, not in their place. Neighbours are taken from other groups only, since clips of one recording
lie close together for another reason; both estimators hold for any set of points with locally even density.
"""

import numpy as np

from embedshift.resampling import GroupDraws

DISCARDED = 0.1
"""Share of the largest ratios left out of TwoNN's fit, as in Facco et al. 2017, where the density is not even."""


def neighbour_distances(gram: np.ndarray, group_of: np.ndarray, neighbours: int) -> np.ndarray:
    """Return distances to the nearest clips of other groups, nearest first, (clips, neighbours) float64.

    gram (clips, clips) holds inner products. With fewer clips in other groups the last columns are infinite.
    """
    square = np.diagonal(gram)
    nearest = np.full((len(gram), neighbours), np.inf)
    for start in range(0, len(gram), 512):
        at = slice(start, start + 512)
        distance = square[at, None] + square[None] - 2 * gram[at]
        distance[group_of[at, None] == group_of[None]] = np.inf
        kept = min(neighbours, distance.shape[1])
        found = np.partition(distance, kept - 1, axis=1)[:, :kept] if kept < distance.shape[1] else distance
        nearest[at, :kept] = np.sqrt(np.maximum(np.sort(found, axis=1), 0.0))
    return nearest


def two_nn(nearest: np.ndarray, draws: GroupDraws) -> tuple[float, np.ndarray]:
    """Return the TwoNN estimate (Facco et al. 2017) and that of each resample of clips.

    With mu the ratio of the second to the first distance, -log(1 - F(mu)) = d log(mu): d is the slope of a line
    through the origin, F the share of clips with a ratio up to mu. Clips with a copy elsewhere are left out.
    """
    usable = (nearest[:, 0] > 0) & np.isfinite(nearest[:, 1])
    if usable.sum() < 3:
        return np.nan, np.full(len(draws), np.nan)
    log_ratio = np.log(nearest[usable, 1] / nearest[usable, 0])
    order = np.argsort(log_ratio, kind="stable")
    x = log_ratio[order]
    weights = np.concatenate([np.ones((1, len(x))), draws.of_clips(clips=np.flatnonzero(usable)[order])])
    total = weights.sum(axis=1, keepdims=True)
    up_to = np.cumsum(weights, axis=1)
    share = np.divide(up_to, total, out=np.zeros_like(up_to), where=total > 0)
    kept = weights * (up_to <= np.floor(total * (1 - DISCARDED)))
    y = -np.log1p(-np.minimum(share, 1 - DISCARDED))
    slope = _ratio((kept * x * y).sum(axis=1), (kept * x * x).sum(axis=1))
    return float(slope[0]), slope[1:]


def levina_bickel(nearest: np.ndarray, draws: GroupDraws) -> tuple[float, np.ndarray]:
    """Return the maximum-likelihood estimate from all columns of nearest and that of each resample of clips.

    Levina & Bickel 2004, in the harmonic mean over points of MacKay & Ghahramani 2005: the inverse of the mean over
    clips of the mean over j < k of log(T_k / T_j). Clips with a copy elsewhere, or too few neighbours, are left out.
    """
    usable = (nearest[:, 0] > 0) & np.isfinite(nearest[:, -1])
    if not usable.any() or nearest.shape[1] < 2:
        return np.nan, np.full(len(draws), np.nan)
    logs = np.log(nearest[usable])
    inverse = logs[:, -1] - logs[:, :-1].mean(axis=1)
    weights = np.concatenate([np.ones((1, len(inverse))), draws.of_clips(clips=usable)])
    found = _ratio(weights.sum(axis=1), weights @ inverse)
    return float(found[0]), found[1:]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
