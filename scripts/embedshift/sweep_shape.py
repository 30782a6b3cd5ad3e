"""The shape of trajectories along a sweep: steps, jumps, turns and straightness, in the embedding space itself.

A map in two dimensions can tear a smooth path or bridge a jump; lengths and angles in the space of the embedding
cannot. Strengths are taken in their order; what counts as an even step is for the study's grid of strengths to say.
"""

from dataclasses import dataclass

import numpy as np

from embedshift.resampling import GroupDraws, bootstrap_means, p_value

CHUNK_VALUES = 1 << 21


@dataclass(frozen=True)
class SweepShape:
    """Shapes of single clips; NaN where a length is zero.

    Attributes
    ----------
    relative_step : (clips, strengths - 1), length of each step over the clip's median step
    turning_degrees : (clips, strengths - 2), angle between successive steps: 0 for a straight path, 120 on average
        for independent noise around one point, 180 for a path that goes back
    straightness : (clips,), distance between the ends over the length of the path: 1 for a straight path
    """

    relative_step: np.ndarray
    turning_degrees: np.ndarray
    straightness: np.ndarray

    @property
    def jump(self) -> np.ndarray:
        """Return each clip's longest step over its median step, (clips,); 1 for an even path."""
        return self.relative_step.max(axis=1)


def measure_shape(trajectories: np.ndarray) -> SweepShape:
    """Measure the trajectories (clips, strengths, dim), strengths >= 2."""
    clips, strengths, dim = trajectories.shape
    length, turn, straight = np.empty((clips, strengths - 1)), np.empty((clips, strengths - 2)), np.empty(clips)
    chunk = max(1, CHUNK_VALUES // (strengths * dim))
    for start in range(0, clips, chunk):
        at = slice(start, start + chunk)
        rows = trajectories[at].astype(np.float64)
        step = np.diff(rows, axis=1)
        length[at] = np.linalg.norm(step, axis=2)
        product = np.einsum("cpd,cpd->cp", step[:, 1:], step[:, :-1])
        cosine = _ratio(product, length[at, 1:] * length[at, :-1])
        turn[at] = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        straight[at] = _ratio(np.linalg.norm(rows[:, -1] - rows[:, 0], axis=1), length[at].sum(axis=1))
    median = np.median(length, axis=1, keepdims=True)
    return SweepShape(_ratio(length, np.broadcast_to(median, length.shape)), turn, straight)


def common_jump(
    relative_step: np.ndarray, draws: GroupDraws, permutations: int, seed: int
) -> tuple[float, np.ndarray, np.ndarray, float]:
    """Return the largest mean relative step over strengths, its resamples, its null, and the p-value.

    The null permutes the steps within each clip: jumps as large, but not at one strength for all clips. A clip
    whose steps are not all defined is left out; NaN where none remains.
    """
    kept = np.isfinite(relative_step).all(axis=1)
    steps = relative_step[kept]
    if not len(steps):
        return np.nan, np.zeros(0), np.zeros(0), np.nan
    rng = np.random.default_rng(seed)
    null = np.array([rng.permuted(steps, axis=1).mean(axis=0).max() for _ in range(permutations)])
    resampled = bootstrap_means(steps, draws.among(kept))
    value = float(steps.mean(axis=0).max())
    return value, resampled.max(axis=1, initial=-np.inf), null, p_value(value, null)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
