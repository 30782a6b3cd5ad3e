"""Canonical directions of the strength, as published: one for all clips, or the subspace of one for each clip.

Deng et al. (ICASSP 2025): first direction of scikit-learn's CCA(n_components=1, scale=False) between the embeddings of
the clips at all strengths (clean ones take no part) and the strength's rank. See `directions` for the closed form.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from embedshift.directions import strength_targets, unit
from embedshift.erasers.linear_map import LinearMap, identity_map, orthogonal_map
from embedshift.erasers.training_clips import TrainingClips
from embedshift.least_squares import solve_least_squares


def fit_global(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    """Return the projection along the one direction of the pooled rows; the identity where nothing moves.

    The direction follows from the means at the strengths: where these are equal it is zero but for rounding.
    """
    rows = clips.effected
    if np.ptp(clips.level_means[1:], axis=0).max() <= clips.rounding:
        return identity_map(clips.dim), {}
    targets = np.tile(strength_targets(clips.strengths), len(clips))[:, None]
    scatter = clips.effected_scatter if len(rows) > rows.dim else None
    solution = solve_least_squares(rows, targets, scatter)
    details = {"condition_number": solution.condition_number}
    return orthogonal_map(unit(solution.coefficients[:, 0])[None]), details


def fit_sample_wise(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    """Return the projection along the leading right singular vectors of the clips' directions, stacked, not centred.

    Removed is every vector whose singular value is at least `threshold` times the largest (published: 0.3, also 0.4 and
    0.5). Where all are, all are removed, as the published projector does (its stored list stays empty then).
    """
    size, vectors = clips.sample_wise_axes
    kept = np.count_nonzero(size >= options["threshold"] * size[0]) if len(size) else 0
    return orthogonal_map(vectors[:kept]), {"directions": len(size)}
