"""LDA, as published: the discriminant direction between clean and effected embeddings.

Deng et al. (ICASSP 2025): two classes, clean against all strengths stacked (so 1 to the number of strengths),
scikit-learn's LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto"), its coefficients normalised, one direction.
With two classes these are the inverse of the pooled shrunk within-class covariance times the difference of the means.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.linalg

from embedshift.directions import unit
from embedshift.erasers.ledoit_wolf import shrunk_covariance
from embedshift.erasers.linear_map import LinearMap, identity_map, orthogonal_map
from embedshift.erasers.training_clips import TrainingClips


def fit(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    """Return the projection along the discriminant direction; the identity where the two means are equal."""
    difference = clips.effected.mean - clips.clean_rows.mean
    if np.linalg.norm(difference) <= clips.rounding:
        return identity_map(clips.dim), {}
    within = (_shrunk_clean(clips) + clips.strengths * _shrunk_effected(clips)) / (1 + clips.strengths)
    coefficients = scipy.linalg.solve(within, difference, assume_a="pos", check_finite=False)
    return orthogonal_map(unit(coefficients)[None]), {}


def _shrunk_clean(clips: TrainingClips) -> np.ndarray:
    covariance = clips.clean_scatter / len(clips)
    return shrunk_covariance([clips.clean_rows], clips.clean_rows.mean, covariance, standardise=True)


def _shrunk_effected(clips: TrainingClips) -> np.ndarray:
    covariance = clips.effected_scatter / len(clips.effected)
    return shrunk_covariance([clips.effected], clips.effected.mean, covariance, standardise=True)
