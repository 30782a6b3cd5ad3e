"""Rows on dimensions: of displacements, and the condition of the pooled embeddings that directions are fitted to."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.linalg

from embedshift.displaced_dimensions import (
    DisplacementScatter,
    components_for_share,
    noise_corrected,
    participation_between_groups,
)
from embedshift.estimates import Estimate
from embedshift.geometry_settings import GeometrySettings, Subset
from embedshift.least_squares import CentredRows
from embedshift.parallel_analysis import rows_to_look_at, shared_rank
from embedshift.scratch_sweep import chosen_clips
from embedshift.sweep import Sweep

FEWEST_GROUPS_FOR_RANK = 20
Row = dict[str, Any]


def condition_rows(sweep: Sweep, subsets: Sequence[Subset]) -> Iterator[Row]:
    """Yield rank and condition number of the pooled, centred embeddings at all strengths.

    The condition number is that of the rows, the square root of the covariance's: largest over smallest singular value
    above rounding. Where it is large the least-squares direction rests on differences that hardly exist.
    """
    for subset in subsets:
        rows = CentredRows(sweep.trajectories, subset.clips)
        if len(rows) <= rows.dim:
            matrix = rows.all()
            size = scipy.linalg.eigvalsh(matrix @ matrix.T, check_finite=False)
        else:
            size = scipy.linalg.eigvalsh(rows.scatter(), check_finite=False)
        kept = size[size > size[-1] * len(size) * np.finfo(np.float64).eps * 10] if size[-1] > 0 else size[:0]
        condition = float(np.sqrt(kept[-1] / kept[0])) if len(kept) else np.nan
        names = {"label": subset.label, "n": len(subset.clips), "variant": "pooled_embeddings"}
        yield {**names, "measure": "condition_number", "value": condition}
        yield {**names, "measure": "rank", "value": float(len(kept))}


def dimension_rows(sweep: Sweep, subset: Subset, chosen: GeometrySettings) -> Iterator[Row]:
    """Yield participation ratios, components for 90 % and the number of shared directions of displacements."""
    names = {"label": subset.label, "n": len(subset.clips)}
    scatter = _scatter(sweep, subset)
    ratio = participation_between_groups(scatter)
    yield names | _row("participation_ratio", "between_groups", ratio, chosen)
    count = components_for_share(scatter, 0.9)
    yield names | _row("components_for_90_percent", "interpolated", count, chosen)
    if len(subset.groups) < FEWEST_GROUPS_FOR_RANK:
        return
    clips, strengths = rows_to_look_at(subset.group, sweep.trajectories.shape[1], chosen.seed)
    positions = subset.clips[clips]
    displacements = sweep.trajectories[np.ix_(positions, strengths)].astype(np.float64) - sweep.clean[positions, None]
    shared = shared_rank(displacements, rotations=chosen.rotations, seed=chosen.seed)
    looked_at = {"label": subset.label, "n": shared.clips, "variant": "parallel_analysis"}
    first = shared.p_values[0] if shared.p_values else np.nan
    yield {**looked_at, "measure": "shared_rank", "value": float(shared.rank), "p_value": first}
    share = {"value": shared.observed_share, "null_mean": shared.null_share, "p_value": first}
    yield {**looked_at, "measure": "first_component_share", **share}
    ratio, count = noise_corrected(scatter, shared.rank)
    yield names | _row("participation_ratio", "noise_corrected", ratio, chosen)
    yield names | _row("components_for_90_percent", "noise_corrected", count, chosen)


def _scatter(sweep: Sweep, subset: Subset) -> DisplacementScatter:
    if subset.label == "all":
        return DisplacementScatter(sweep.clean, sweep.trajectories, subset.groups)
    chosen = chosen_clips(sweep.trajectories, subset.clips)
    return DisplacementScatter(sweep.clean[subset.clips], chosen, subset.groups)


def _row(measure: str, variant: str, estimate: Estimate, chosen: GeometrySettings) -> Row:
    return {"measure": measure, "variant": variant, **estimate.cells(chosen.confidence)}
