"""The average displacement, as published: the mean over clips and strengths, normalised, one direction.

Deng et al. (ICASSP 2025). A mean shorter than 1e-10 counts as none: nothing is removed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from embedshift.directions import unit
from embedshift.erasers.linear_map import LinearMap, identity_map, orthogonal_map
from embedshift.erasers.training_clips import TrainingClips

SHORTEST = 1e-10


def fit(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    """Return the projection along the average displacement."""
    mean = clips.displacements.mean
    length = float(np.linalg.norm(mean))
    fitted = identity_map(clips.dim) if length < SHORTEST else orthogonal_map(unit(mean)[None])
    return fitted, {"mean_displacement": length}
