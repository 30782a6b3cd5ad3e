"""How monotonically the projection on one direction follows the strength: in sample, held out, and by chance.

The published value (Deng et al. 2025) is the squared Spearman correlation on the very rows that the direction was
fitted on; its value without any effect is about dim / rows, up to a perfect order where rows do not outnumber
dimensions (which is 1 - 1 / strengths^2, as clips are not tied within a strength). Beside it stand the value on groups that the
fit has not seen, a permutation null for both, and intervals from resampled groups.
"""

from dataclasses import dataclass

import numpy as np

from embedshift.directions import unit
from embedshift.least_squares import CentredRows, merge_scatter, solve_least_squares
from embedshift.rank_correlation import resampled_spearman, signed_square, spearman
from embedshift.resampling import bootstrap_counts, column_blocks, group_folds, permuted_levels

COLUMNS_PER_BLOCK = 32


@dataclass(frozen=True)
class Score:
    """Squared Spearman correlation with its null values (permutations,) and bootstrap values (resamples,)."""

    value: float
    null: np.ndarray
    resampled: np.ndarray


@dataclass(frozen=True)
class Monotonicity:
    """The global direction of some clips and how well it orders the strengths.

    Attributes
    ----------
    direction : (dim,), fitted on all clips; condition_number and method as in `least_squares.Solution`
    projection : (clips, strengths), centred rows times direction
    fold : (clips,) int, the fold in which a clip was held out
    held_out_projection : (clips, strengths), on the direction fitted without the clip's fold, in standard deviations
        of the training projections around their mean; NaN with one group
    in_sample, held_out : Score; held_out is None with one group
    """

    direction: np.ndarray
    condition_number: float
    method: str
    projection: np.ndarray
    fold: np.ndarray
    held_out_projection: np.ndarray
    in_sample: Score
    held_out: Score | None


def measure_monotonicity(
    trajectories: np.ndarray,
    clips: np.ndarray,
    group: np.ndarray,
    label: np.ndarray,
    *,
    folds: int,
    permutations: int,
    resamples: int,
    seed: int,
) -> Monotonicity:
    """Fit and score the global direction of the chosen clips of trajectories (all clips, strengths, dim).

    group and label are those of the chosen clips. The held-out value is sign(rho) * rho^2 within each fold, averaged
    over folds by their number of clips: folds have different directions with different offsets and scales, so
    rho is not taken over pooled projections. In the null every step, fitting included, is repeated on strengths
    permuted within clips; the observed order is column 0 of the same matrix products. The bootstrap resamples groups
    among the projections and keeps the fitted directions: it tells how the value varies with the clips scored.
    """
    strengths = trajectories.shape[1]
    fold = group_folds(group, label, folds, seed)
    levels = permuted_levels(len(clips), strengths, permutations, seed)
    parts = _scatter_of_folds(trajectories, clips, fold)
    counts = bootstrap_counts(group, resamples, seed)
    everything = np.full(len(clips), True)
    whole = _Fit(trajectories, clips, everything, levels, parts)
    projection = whole.project(clips)
    held_out_projection = np.full((len(clips), strengths), np.nan)
    held_out = None
    if fold.max() > 0:
        scores = np.empty((fold.max() + 1, 1 + permutations))
        for one in range(fold.max() + 1):
            inside = fold == one
            fit = _Fit(trajectories, clips, ~inside, levels, [part for k, part in enumerate(parts) if k != one])
            held_out_projection[inside] = fit.standardise(fit.project(clips[inside]))
            scores[one] = signed_square(fit.score(clips[inside], levels[inside]))
        value = np.average(scores, axis=0, weights=np.bincount(fold))
        held_out = Score(value[0], value[1:], _resampled(held_out_projection, fold, counts))
    in_sample = whole.score(clips, levels) ** 2
    return Monotonicity(
        direction=whole.direction,
        condition_number=whole.solution.condition_number,
        method=whole.solution.method,
        projection=projection,
        fold=fold,
        held_out_projection=held_out_projection,
        in_sample=Score(in_sample[0], in_sample[1:], _resampled(projection, np.zeros_like(fold), counts)),
        held_out=held_out,
    )


class _Fit:
    """Directions for the observed and all permuted orders, fitted on the clips where `inside` is true."""

    def __init__(
        self, trajectories: np.ndarray, clips: np.ndarray, inside: np.ndarray, levels: np.ndarray, parts: list
    ) -> None:
        self._trajectories = trajectories
        self._rows = CentredRows(trajectories, clips[inside])
        scatter = merge_scatter(parts) if len(self._rows) > self._rows.dim else None
        targets = levels[inside].reshape(len(self._rows), -1)
        self.solution = solve_least_squares(self._rows, targets, scatter)
        self.direction = unit(self.solution.coefficients[:, 0])

    def project(self, clips: np.ndarray) -> np.ndarray:
        """Return the projections (clips, strengths), centred by the mean of the fitted rows."""
        rows = CentredRows(self._trajectories, clips)
        flat = rows.times(self.direction[:, None])[:, 0] + (rows.mean - self._rows.mean) @ self.direction
        return flat.reshape(len(clips), -1)

    def standardise(self, projection: np.ndarray) -> np.ndarray:
        """Return projections in units of the standard deviation of the fitted rows' own projections."""
        deviation = self._rows.times(self.direction[:, None]).std()
        return projection / deviation if deviation > 0 else np.zeros_like(projection)

    def score(self, clips: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Return Spearman's rho between projections and levels of clips, (1 + permutations,)."""
        rows, flat = CentredRows(self._trajectories, clips), levels.reshape(-1, levels.shape[2])
        rho = np.empty(levels.shape[2])
        for columns in column_blocks(levels.shape[2], COLUMNS_PER_BLOCK):
            rho[columns] = spearman(rows.times(self.solution.coefficients[:, columns]), flat[:, columns])
        return rho


def _scatter_of_folds(trajectories: np.ndarray, clips: np.ndarray, fold: np.ndarray) -> list:
    """Return (rows, mean, scatter) of each fold, or nothing where no fit has more rows than dimensions."""
    if len(clips) * trajectories.shape[1] <= trajectories.shape[2]:
        return []
    parts = [CentredRows(trajectories, clips[fold == one]) for one in range(fold.max() + 1)]
    return [(len(rows), rows.mean, rows.scatter()) for rows in parts]


def _resampled(projection: np.ndarray, fold: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the signed squared correlation, averaged over folds by clips, in each resample (resamples,)."""
    total, weight = np.zeros(len(counts)), np.zeros(len(counts))
    for one in range(fold.max() + 1):
        inside = fold == one
        per_block = max(1, (1 << 22) // projection[inside].size)
        for rows in column_blocks(len(counts), per_block):
            drawn = counts[rows][:, inside]
            number = drawn.sum(axis=1)
            rho = resampled_spearman(projection[inside], drawn)
            total[rows] += np.where(number > 0, number * signed_square(np.nan_to_num(rho)), 0)
            weight[rows] += number
    return np.divide(total, weight, out=np.full(len(counts), np.nan), where=weight > 0)
