"""Principal components of displacements: centred and one component, as published, or uncentred and k components.

Deng et al. (ICASSP 2025) centre the displacements, as PCA does. That removes the mean displacement, the effect's
common shift, before looking for the first component: what is erased is how displacements differ. Uncentred, the common
shift takes part.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.linalg

from embedshift.erasers.linear_map import LinearMap, orthogonal_map
from embedshift.erasers.training_clips import TrainingClips

SMALLEST_SHARE = 1e-13
"""Components with a smaller share of the variance of the first are rounding noise and are not removed."""


def fit_centred(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    """Return the projection along the first principal component of all displacements."""
    return _project(clips.displacement_scatter, 1)


def fit_uncentred(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    """Return the projection along the first `components` axes of the displacements' second moment about zero."""
    return _project(second_moment(clips), options["components"])


def second_moment(clips: TrainingClips) -> np.ndarray:
    """Return the sum of outer products of all displacements about zero, (dim, dim)."""
    mean = clips.displacements.mean
    return clips.displacement_scatter + len(clips.displacements) * np.outer(mean, mean)


def _project(scatter: np.ndarray, components: int) -> tuple[LinearMap, dict[str, float]]:
    sizes, vectors = leading_eigenvectors(scatter, components)
    share = float(sizes.sum() / np.trace(scatter)) if len(sizes) else np.nan
    return orthogonal_map(vectors), {"share_of_components": share}


def leading_eigenvectors(symmetric: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `number` largest eigenvalues and their eigenvectors (number, dim); fewer where the rank is lower."""
    dim = len(symmetric)
    first = max(0, dim - number)
    sizes, vectors = scipy.linalg.eigh(symmetric, subset_by_index=[first, dim - 1], check_finite=False)
    kept = sizes > max(SMALLEST_SHARE * sizes[-1], np.finfo(np.float64).tiny)
    return sizes[kept][::-1], vectors[:, kept][:, ::-1].T
