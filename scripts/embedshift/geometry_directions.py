"""Rows on directions beside least squares: those of single clips, and global ones by cross-covariance and ridge."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from embedshift.clip_histogram import bin_name, membership
from embedshift.estimates import Estimate
from embedshift.geometry_settings import GeometrySettings, Subset
from embedshift.monotonicity import measure_monotonicity, scatter_of_folds
from embedshift.monotonicity_rows import correlation_rows
from embedshift.resampling import bootstrap_means, group_folds
from embedshift.sample_wise import measure_sample_wise
from embedshift.shrunken_directions import solve_cross_covariance, solve_ridge
from embedshift.sweep import Sweep

Row = dict[str, Any]


def sample_wise_rows(sweep: Sweep, subsets: Sequence[Subset], chosen: GeometrySettings) -> Iterator[Row]:
    """Yield means and histograms over clips of squared correlations along their own directions, in sample, left out."""
    options = {"ridge_share": chosen.ridge_share, "permutations": chosen.permutations, "seed": chosen.seed}
    found = measure_sample_wise(sweep.trajectories, **options)
    for subset in subsets:
        for measure, values in found.in_sample.items():
            names = {"variant": "sample_wise_directions", "split": "in_sample"}
            yield _mean_row(subset, measure, values[subset.clips, None], chosen) | names
            yield from _histogram_rows(subset, f"{measure}_share", values[subset.clips], names, chosen)
        for measure, values in found.left_out.items():
            names = {"variant": "sample_wise_ridge", "split": "held_out"}
            yield _mean_row(subset, measure, values[subset.clips], chosen) | names
            yield from _histogram_rows(subset, f"{measure}_share", values[subset.clips, 0], names, chosen)


def _mean_row(subset: Subset, measure: str, values: np.ndarray, chosen: GeometrySettings) -> Row:
    """Return the row of the mean over clips; column 0 of values is observed, the others are the null."""
    mean = values.mean(axis=0)
    estimate = Estimate(float(mean[0]), bootstrap_means(values[:, :1], subset.draws)[:, 0], mean[1:])
    return {"label": subset.label, "measure": measure, "n": len(subset.clips), **estimate.cells(chosen.confidence)}


def _histogram_rows(
    subset: Subset, measure: str, values: np.ndarray, names: Row, chosen: GeometrySettings
) -> Iterator[Row]:
    """Yield the share of clips in each bin that has any, with its interval."""
    inside = membership(values)
    share, resampled = inside.mean(axis=0), bootstrap_means(inside, subset.draws)
    for place in np.flatnonzero(share):
        cells = Estimate(float(share[place]), resampled[:, place]).cells(chosen.confidence)
        what = {"label": subset.label, "measure": measure, "variant": bin_name(names["variant"], place)}
        yield {**what, "split": names["split"], "n": len(values), **cells}


def robust_direction_rows(sweep: Sweep, subsets: Sequence[Subset], chosen: GeometrySettings) -> Iterator[Row]:
    """Yield the correlations of the global directions by cross-covariance (PLS) and ridge, as those of CCA."""
    for subset in subsets:
        label = sweep.label[subset.clips]
        fold = group_folds(subset.group, label, chosen.folds, chosen.seed)
        parts = scatter_of_folds(sweep.trajectories, subset.clips, fold)
        for variant, solve in (
            ("global_pls", solve_cross_covariance),
            ("global_ridge", partial(solve_ridge, share=chosen.ridge_share)),
        ):
            found = measure_monotonicity(
                sweep.trajectories,
                subset.clips,
                subset.group,
                label,
                folds=chosen.folds,
                permutations=chosen.permutations,
                resamples=chosen.bootstrap,
                seed=chosen.seed,
                solve=solve,
                parts=parts,
            )
            names = {"label": subset.label, "n": len(subset.clips), "variant": variant}
            yield from correlation_rows(found, names, chosen.confidence)
