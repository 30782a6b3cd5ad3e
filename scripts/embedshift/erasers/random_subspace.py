"""A random subspace: the baseline that shows what removing any k dimensions does."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from embedshift.erasers.linear_map import LinearMap, orthogonal_map
from embedshift.erasers.training_clips import TrainingClips


def fit(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    """Return the projection along `components` directions drawn uniformly; no more than `dim`."""
    return orthogonal_map(random_basis(min(options["components"], clips.dim), clips.dim, seed)), {}


def random_basis(components: int, dim: int, seed: int) -> np.ndarray:
    """Return an orthonormal basis (components, dim) of a uniformly distributed subspace."""
    drawn = np.random.default_rng(seed).standard_normal((dim, components))
    return np.linalg.qr(drawn)[0].T
