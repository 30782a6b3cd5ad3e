"""Directions of single clips: how well each orders the clip's own strengths, in sample and for strengths left out.

In sample, as published (Deng et al. 2025), the squared correlation of a clip's projection with its strengths is 1 for
any clip, noise included, wherever the strengths are not more than the dimensions: an identity, no finding. What can
fail is to predict a strength that the fit has not seen. The prediction is ridge regression with an intercept; its
penalty is a share of the mean eigenvalue of the clip's centred Gram matrix, so that it depends on the embeddings only,
is the same for all permutations of the strengths, and scales with the embedding. With the hat matrix
H = 1 1'/P + G (G + penalty I)^-1 the prediction of a left-out strength is (H y - h y) / (1 - h), h the diagonal of H
(Allen 1974, PRESS): all clips, strengths and permutations at once, without a refit.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from embedshift.directions import sample_wise_directions
from embedshift.permuted_levels import PermutedLevels
from embedshift.rank_correlation import signed_square

CHUNK_VALUES = 1 << 21
TIED_BELOW = 1e-9
"""Projections that differ by less, relative to the largest, are ties: strengths at which the embedding is the same."""


@dataclass(frozen=True)
class SampleWise:
    """Squared correlations of each clip with its own strengths.

    Attributes
    ----------
    in_sample : measure -> (clips,), squared; measures are `squared_spearman` and `squared_pearson`
    left_out : measure -> (clips, 1 + permutations), sign(rho) * rho^2 of the left-out predictions; column 0 is the
        observed order, the others are strengths permuted within the clip. Its value by chance is below zero: the mean
        of the other strengths is low where the left-out one is high.
    """

    in_sample: dict[str, np.ndarray]
    left_out: dict[str, np.ndarray]


def measure_sample_wise(trajectories: np.ndarray, *, ridge_share: float, permutations: int, seed: int) -> SampleWise:
    """Measure the trajectories (clips, strengths, dim) one by one; a clip that does not move has the value 0."""
    clips, strengths, dim = trajectories.shape
    levels = PermutedLevels(clips, strengths, permutations, seed)
    in_sample = {name: np.empty(clips) for name in ("squared_spearman", "squared_pearson")}
    left_out = {name: np.empty((clips, 1 + permutations)) for name in in_sample}
    step = max(1, CHUNK_VALUES // (strengths * max(dim, 1 + permutations)))
    for start in range(0, clips, step):
        at = slice(start, start + step)
        projection = _own_projection(trajectories[at])[:, :, None]
        prediction = left_out_predictions(trajectories[at], levels[at], ridge_share)
        for name, correlate in (("squared_spearman", spearman_within), ("squared_pearson", pearson_within)):
            in_sample[name][at] = correlate(projection, levels[at, :, :1])[:, 0] ** 2
            left_out[name][at] = signed_square(correlate(prediction, levels[at]))
    return SampleWise(in_sample, left_out)


def left_out_predictions(trajectories: np.ndarray, levels: np.ndarray, ridge_share: float) -> np.ndarray:
    """Return what ridge regression on the other strengths predicts for each, (clips, strengths, columns).

    levels (clips, strengths, columns) holds the targets. Where a clip does not move, all predictions are 0.
    """
    strengths = trajectories.shape[1]
    rows = trajectories.astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    variance, axes = np.linalg.eigh(rows @ rows.transpose(0, 2, 1))
    variance = np.maximum(variance, 0.0)
    penalty = ridge_share * variance.sum(axis=1, keepdims=True) / (strengths - 1)
    kept = np.divide(variance, variance + penalty, out=np.zeros_like(variance), where=variance > 0)
    hat = (axes * kept[:, None]) @ axes.transpose(0, 2, 1) + 1 / strengths
    own = np.diagonal(hat, axis1=1, axis2=2)[:, :, None]
    targets = levels.astype(np.float64)
    predicted = (hat @ targets - own * targets) / (1 - own)
    return np.where(variance.sum(axis=1)[:, None, None] > 0, predicted, 0.0)


def spearman_within(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return Spearman's rho of each clip and column, (clips, columns); 0 where the values are constant.

    values and levels are (clips, strengths, columns); the levels of a clip are a permutation of its positions.
    """
    return pearson_within(rankdata(values, axis=1), levels)


def pearson_within(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return Pearson's r of each clip and column, (clips, columns); 0 where the values are constant."""
    centred = values - values.mean(axis=1, keepdims=True)
    levels = levels - levels.mean(axis=1, dtype=np.float64, keepdims=True)
    product = np.einsum("cpk,cpk->ck", centred, levels)
    size = np.einsum("cpk,cpk->ck", centred, centred) * np.einsum("cpk,cpk->ck", levels, levels)
    return np.divide(product, np.sqrt(size), out=np.zeros_like(product), where=size > 0)


def _own_projection(trajectories: np.ndarray) -> np.ndarray:
    """Return each clip's projections on its own direction, ties made exact, (clips, strengths)."""
    rows = trajectories - trajectories.mean(axis=1, keepdims=True, dtype=np.float64)
    projection = np.einsum("cpd,cd->cp", rows, sample_wise_directions(trajectories))
    largest = np.abs(projection).max(axis=1, keepdims=True)
    relative = np.divide(projection, largest, out=np.zeros_like(projection), where=largest > 0)
    return np.round(relative / TIED_BELOW) * TIED_BELOW
