"""How monotonically the projection on one direction follows the strength: in sample, held out, and by chance.

The published value (Deng et al. 2025) is the squared Spearman correlation on the very rows that the direction was
fitted on; its value without any effect is about dim / rows, up to a perfect order where rows do not outnumber
dimensions (which is 1 - 1 / strengths^2, as clips are not tied within a strength). Beside it stand the value on
groups that the fit has not seen, a permutation null for both, and intervals from resampled groups; and, for the same
projections, Pearson's correlation and the rank correlation within each held-out clip, which differences between clips
cannot dilute.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from embedshift.directions import unit
from embedshift.least_squares import CentredRows, Solution, Targets, merge_scatter, solve_least_squares
from embedshift.permuted_levels import LevelRows, PermutedLevels
from embedshift.rank_correlation import (
    pearson,
    resampled_pearson,
    resampled_spearman,
    signed_square,
    spearman,
)
from embedshift.resampling import GroupDraws, bootstrap_means, column_blocks, draw_groups, group_folds
from embedshift.sample_wise import spearman_within

COLUMNS_PER_BLOCK = 32
PROJECTED_VALUES, SCORED_VALUES = 1 << 23, 1 << 20
"""Rows are read once for a block of columns, and projections are scored, in several copies, in smaller ones."""
Solver = Callable[[CentredRows, Targets, np.ndarray | None], Solution]
Parts = list[tuple[int, np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Score:
    """A correlation, squared unless said otherwise, its null (permutations,) and bootstrap values (resamples,)."""

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
    in_sample, held_out : Score of the squared Spearman correlation; held_out is None with one group
    in_sample_pearson, held_out_pearson : the same of the squared Pearson correlation
    within_clip : Score of the mean over held-out clips of Spearman's rho within the clip, not squared; or None
    """

    direction: np.ndarray
    condition_number: float
    method: str
    projection: np.ndarray
    fold: np.ndarray
    held_out_projection: np.ndarray
    in_sample: Score
    held_out: Score | None
    in_sample_pearson: Score
    held_out_pearson: Score | None
    within_clip: Score | None


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
    solve: Solver = solve_least_squares,
    parts: Parts | None = None,
) -> Monotonicity:
    """Fit and score the global direction of the chosen clips of trajectories (all clips, strengths, dim).

    group and label are those of the chosen clips. `solve` gives the direction; `parts` are the `scatter_of_folds` of
    the same clips, for callers that try several solvers. The held-out value is sign(rho) * rho^2 over the held-out
    projections of all clips together, each centred and scaled by its own fit's training projections. Within small
    folds the rank correlation would be inflated: every clip alone is often in perfect order, and few clips leave few
    ranks for others to come between. In the null every step, fitting and scaling included, is repeated on
    strengths permuted within clips; the observed order is column 0 of the same matrix products. The bootstrap
    resamples groups among the projections and keeps the fitted directions: it tells how the value varies with the
    clips scored.
    """
    fold = group_folds(group, label, folds, seed)
    levels = PermutedLevels(len(clips), trajectories.shape[1], permutations, seed)
    draws = draw_groups(group, resamples, seed)
    parts = scatter_of_folds(trajectories, clips, fold) if parts is None else parts
    whole = _Fit(trajectories, clips, levels.rows(slice(None)), parts, solve)
    found, standardised = _score([whole], np.zeros_like(fold), clips, levels)
    projection = standardised * whole.deviation[0]
    in_sample, in_sample_pearson = _in_sample_scores(found, projection, draws)
    held_out_projection, held_out, held_out_pearson, within_clip = np.full_like(projection, np.nan), None, None, None
    if fold.max() > 0:
        fits = []
        for one in range(fold.max() + 1):
            others = [part for k, part in enumerate(parts) if k != one]
            fits.append(_Fit(trajectories, clips[fold != one], levels.rows(fold != one), others, solve))
        found, held_out_projection = _score(fits, fold, clips, levels)
        held_out, held_out_pearson, within_clip = _held_out_scores(found, held_out_projection, draws)
    return Monotonicity(
        direction=whole.direction[:, 0],
        condition_number=whole.condition_number,
        method=whole.method,
        projection=projection,
        fold=fold,
        held_out_projection=held_out_projection,
        in_sample=in_sample,
        held_out=held_out,
        in_sample_pearson=in_sample_pearson,
        held_out_pearson=held_out_pearson,
        within_clip=within_clip,
    )


def _in_sample_scores(found: np.ndarray, projection: np.ndarray, draws: GroupDraws) -> tuple[Score, Score]:
    """Return squared Spearman and Pearson; the sign of a fitted direction follows the strength by construction."""
    rho, r = found[0] ** 2, found[1] ** 2
    return (
        Score(rho[0], rho[1:], resampled_spearman(projection, draws) ** 2),
        Score(r[0], r[1:], resampled_pearson(projection, draws) ** 2),
    )


def _held_out_scores(found: np.ndarray, projection: np.ndarray, draws: GroupDraws) -> tuple[Score, Score, Score]:
    rho, r, within = signed_square(found[0]), signed_square(found[1]), found[2]
    levels = np.broadcast_to(np.arange(projection.shape[1])[None, :, None], (*projection.shape, 1))
    of_clip = spearman_within(projection[:, :, None], levels)
    return (
        Score(rho[0], rho[1:], signed_square(resampled_spearman(projection, draws))),
        Score(r[0], r[1:], signed_square(resampled_pearson(projection, draws))),
        Score(within[0], within[1:], bootstrap_means(of_clip, draws)[:, 0]),
    )


class _Fit:
    """Unit directions (dim, 1 + permutations) for the observed and all permuted orders of the clips fitted on.

    The first is `directions.global_direction` of these clips. It is solved here together with those of the null, with
    the scatter that the folds share: one factorisation for all columns instead of one each.
    """

    def __init__(
        self, trajectories: np.ndarray, clips: np.ndarray, levels: LevelRows, parts: Parts, solve: Solver
    ) -> None:
        rows = CentredRows(trajectories, clips)
        scatter = merge_scatter(parts) if len(rows) > rows.dim else None
        solution = solve(rows, levels.all() if scatter is None else levels, scatter)
        self._trajectories, self._mean = trajectories, rows.mean
        self.condition_number, self.method = solution.condition_number, solution.method
        self.direction = unit(solution.coefficients.T).T
        product = rows.times(self.direction) ** 2 if scatter is None else self.direction * (scatter @ self.direction)
        self.deviation = np.sqrt(np.maximum(product.sum(axis=0), 0) / len(rows))

    def project(self, clips: np.ndarray, columns: slice) -> np.ndarray:
        """Return projections (clips, strengths, columns) in standard deviations of the fitted rows' projections."""
        rows, deviation = CentredRows(self._trajectories, clips), self.deviation[columns]
        direction = self.direction[:, columns]
        flat = rows.times(direction) + (rows.mean - self._mean) @ direction
        scaled = np.divide(flat, deviation, out=np.zeros_like(flat), where=deviation > 0)
        return scaled.reshape(len(clips), rows.strengths, -1)


def _score(
    fits: list[_Fit], fit_of_clip: np.ndarray, clips: np.ndarray, levels: PermutedLevels
) -> tuple[np.ndarray, np.ndarray]:
    """Return Spearman's rho, Pearson's r and the mean rho within clips of each column, (3, 1 + permutations).

    Also return the projections of the observed order (clips, strengths).

    Clip i is projected by `fits[fit_of_clip[i]]`.
    """
    found, observed = np.empty((3, levels.shape[2])), np.empty(levels.shape[:2])
    rows = levels.shape[0] * levels.shape[1]
    at_once = max(1, min(COLUMNS_PER_BLOCK, PROJECTED_VALUES // rows))
    for columns in column_blocks(levels.shape[2], at_once):
        projection = np.empty((*levels.shape[:2], columns.stop - columns.start))
        for one, fit in enumerate(fits):
            projection[fit_of_clip == one] = fit.project(clips[fit_of_clip == one], columns)
        if columns.start == 0:
            observed = projection[:, :, 0].copy()
        for some in column_blocks(projection.shape[2], max(1, SCORED_VALUES // rows)):
            whole = slice(columns.start + some.start, columns.start + some.stop)
            found[:, whole] = _correlations(projection[:, :, some], levels[:, :, whole])
    return found, observed


def _correlations(projection: np.ndarray, level: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rho, r and mean rho within clips of each column; both arrays are (clips, strengths, columns)."""
    flat = projection.reshape(-1, level.shape[2]), level.reshape(-1, level.shape[2])
    return spearman(*flat), pearson(*flat), spearman_within(projection, level).mean(axis=0)


def scatter_of_folds(trajectories: np.ndarray, clips: np.ndarray, fold: np.ndarray) -> Parts:
    """Return (rows, mean, scatter) of each fold, or nothing where no fit has more rows than dimensions."""
    if len(clips) * trajectories.shape[1] <= trajectories.shape[2]:
        return []
    parts = [CentredRows(trajectories, clips[fold == one]) for one in range(fold.max() + 1)]
    return [(len(rows), rows.mean, rows.scatter()) for rows in parts]
