"""Least-squares concept erasure (LEACE): no linear map predicts the strength afterwards, at the least change.

Belrose et al., "LEACE: Perfect linear concept erasure in closed form" (NeurIPS 2023). With S the covariance of the
embeddings and A their covariance with the concept, the projection that is orthogonal to S^(-1/2) A in whitened
coordinates makes that covariance zero and moves embeddings least. Any regular S does the former, so a shrunk one may be
used. The concept is the strength's position (`strength`: one dimension, effected embeddings only) or every level by
itself, clean included (`levels`: the means of all levels become equal, up to as many dimensions as strengths).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.linalg

from embedshift.directions import strength_targets
from embedshift.erasers.ledoit_wolf import merge_rows, shrunk_covariance
from embedshift.erasers.linear_map import LinearMap, identity_map, oblique_map, whitened_map
from embedshift.erasers.training_clips import SMALLEST_DIFFERENCE, TrainingClips
from embedshift.least_squares import CentredRows

SMALLEST_SHARE = 1e-10
"""Directions of the cross-covariance below this share of the largest are rounding noise."""


def fit(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    """Return the LEACE projection of the options' concept, the covariance shrunk as they say."""
    if options["concept"] == "strength":
        sets, scatters, levels = [clips.effected], [clips.effected_scatter], clips.level_means[1:]
        concept = strength_targets(clips.strengths)[:, None]
    else:
        sets, scatters = [clips.effected, clips.clean_rows], [clips.effected_scatter, clips.clean_scatter]
        levels, concept = clips.level_means, np.eye(1 + clips.strengths)
    return fit_to_moments(sets, scatters, levels, concept, options["shrinkage"]), {}


def fit_to_moments(
    sets: Sequence[CentredRows], scatters: Sequence[np.ndarray], levels: np.ndarray, concept: np.ndarray, shrinkage: str
) -> LinearMap:
    """Return the LEACE projection from the moments of all rows.

    Parameters
    ----------
    sets, scatters : the rows, and the scatter of each set; every level has equally many rows
    levels : mean of the rows of each level, (levels, dim)
    concept : value of the concept at each level, (levels, k)
    shrinkage : `ledoit_wolf`, or `none` for the sample covariance (its pseudo-inverse where it is singular)
    """
    mean, covariance = merge_rows(sets, scatters)
    cross = (levels - levels.mean(axis=0)).T @ (concept - concept.mean(axis=0)) / len(levels)
    if np.abs(cross).max() <= SMALLEST_DIFFERENCE * np.sqrt(np.trace(covariance) + mean @ mean):
        return identity_map(len(mean))
    if shrinkage == "none":
        return _with_pseudo_inverse(covariance, cross, mean)
    factor = np.linalg.cholesky(shrunk_covariance(sets, mean, covariance))
    whitened = scipy.linalg.solve_triangular(factor, cross, lower=True, check_finite=False)
    return whitened_map(factor, _column_space(whitened), mean)


def _with_pseudo_inverse(covariance: np.ndarray, cross: np.ndarray, mean: np.ndarray) -> LinearMap:
    sizes, vectors = scipy.linalg.eigh(covariance, check_finite=False)
    kept = sizes > sizes[-1] * len(sizes) * np.finfo(np.float64).eps
    deviation, vectors = np.sqrt(sizes[kept]), vectors[:, kept]
    directions = _column_space((vectors.T @ cross) / deviation[:, None])
    return oblique_map((directions * deviation) @ vectors.T, (directions / deviation) @ vectors.T, mean)


def _column_space(matrix: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis (rank, rows of the matrix) of the columns."""
    left, size, _ = np.linalg.svd(matrix, full_matrices=False)
    return left[:, size > SMALLEST_SHARE * size[0]].T
