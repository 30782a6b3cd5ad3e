"""Generalised principal components: where displacements are large beside the clean variance in the same direction.

The published normalised PCA divides variances of equal rank, which belong to different directions. Here the ratio
v' D v / v' C v is maximised over directions v, D the second moment of the displacements about zero, C the Ledoit-Wolf
covariance of the clean training embeddings: the generalised eigenvectors of (D, C). The leading ones are removed by the
projection that is orthogonal in whitened coordinates, so that the clean embeddings lose no more than `components` of
`dim` whitened dimensions.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.linalg

from embedshift.erasers.displacement_pca import leading_eigenvectors, second_moment
from embedshift.erasers.ledoit_wolf import shrunk_covariance
from embedshift.erasers.linear_map import LinearMap, identity_map, whitened_map
from embedshift.erasers.training_clips import TrainingClips
from embedshift.least_squares import CentredRows


def fit(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    """Return the oblique projection that removes the leading generalised components; the clean mean stays in place."""
    rows = CentredRows(clips.all_clean[:, None], None, clips.threads)
    covariance = shrunk_covariance([rows], rows.mean, rows.scatter() / len(rows))
    if np.trace(covariance) == 0:
        return identity_map(clips.dim), {}
    factor = np.linalg.cholesky(covariance)
    half = scipy.linalg.solve_triangular(factor, second_moment(clips), lower=True, check_finite=False)
    whitened = scipy.linalg.solve_triangular(factor, half.T, lower=True, check_finite=False)
    sizes, directions = leading_eigenvectors((whitened + whitened.T) / 2, options["components"])
    details = {"largest_ratio": float(sizes[0] / len(clips.displacements))} if len(sizes) else {}
    return whitened_map(factor, directions, rows.mean), details
