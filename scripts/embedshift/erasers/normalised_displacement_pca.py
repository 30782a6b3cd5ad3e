"""Normalised PCA, as published: the component of the displacements whose variance is largest beside the clean one's.

Deng et al. (ICASSP 2025): the i-th variance of a centred PCA of the displacements is divided by the i-th variance of a
PCA of all clean training embeddings, matched by rank, not by direction; the component with the largest ratio is
removed, one direction. Variances fall to almost nothing at the end of both spectra, so the ratio is decided there by
estimation noise more often than not: `component` (from 0) and `share_of_displacement` say which one was removed.

One restriction was added: ranks at which the clean variance is rounding noise are left out, where the published ratio
would be arbitrary.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.linalg

from embedshift.erasers.displacement_rows import triangle_of
from embedshift.erasers.linear_map import LinearMap, identity_map, orthogonal_map
from embedshift.erasers.training_clips import TrainingClips
from embedshift.least_squares import CentredRows

SMALLEST_RATIO = 1e-12
"""Smallest singular value of the clean rows, relative to the largest, that is told from zero."""


def fit(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    """Return the projection along the component with the largest ratio of variances."""
    displacements = clips.displacements
    _, size, components = scipy.linalg.svd(triangle_of(displacements), full_matrices=False, check_finite=False)
    clean = clean_singular_values(clips.all_clean)
    ranks = min(len(size), len(clean))
    if not ranks or size[0] == 0:
        return identity_map(clips.dim), {}
    variance = size[:ranks] ** 2 / max(1, len(displacements) - 1)
    ratio = variance / (clean[:ranks] ** 2 / max(1, len(clips.all_clean) - 1))
    chosen = int(np.argmax(ratio))
    share = float(size[chosen] ** 2 / np.sum(size**2))
    details = {"component": chosen, "components": len(size), "share_of_displacement": share}
    return orthogonal_map(components[chosen : chosen + 1]), details


def clean_singular_values(clean: np.ndarray) -> np.ndarray:
    """Return the singular values of the centred clean rows (clips, dim) that are not rounding noise."""
    triangle = triangle_of(CentredRows(clean[:, None]))
    size = scipy.linalg.svd(triangle, compute_uv=False, check_finite=False)
    return size[size > max(SMALLEST_RATIO * size[0], np.finfo(np.float64).tiny)]
