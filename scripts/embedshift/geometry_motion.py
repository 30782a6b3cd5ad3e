"""Rows on motion: what is common to all clips at each strength, and the shape of trajectories along the sweep."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from embedshift.common_motion import CommonShare, unit_rows
from embedshift.estimates import Estimate
from embedshift.geometry_settings import GeometrySettings, Subset
from embedshift.group_pairs import signs
from embedshift.resampling import bootstrap_means
from embedshift.sweep import Sweep
from embedshift.sweep_shape import SweepShape, common_jump, measure_shape

FEWEST_STRENGTHS_FOR_SHAPE = 3
Row = dict[str, Any]


class CommonMotion:
    """Mean cosines and shares of a common translation, strength by strength and over all strengths."""

    def __init__(self, subsets: Sequence[Subset], chosen: GeometrySettings) -> None:
        self._subsets = [subset for subset in subsets if len(subset.groups) > 1]
        self._chosen = chosen
        self._flips = [signs(subset.groups, chosen.permutations, chosen.seed) for subset in self._subsets]
        self._over_all = [
            tuple(CommonShare(subset.groups, flips) for _ in _COMMON)
            for subset, flips in zip(self._subsets, self._flips, strict=True)
        ]

    def rows_at(self, text: str, displacements: np.ndarray) -> Iterator[Row]:
        """Yield the rows of one strength from the displacements of all clips (clips, dim)."""
        units = unit_rows(displacements)
        for subset, flips, totals in zip(self._subsets, self._flips, self._over_all, strict=True):
            for (measure, variant), rows, total in zip(_COMMON, (displacements, units), totals, strict=True):
                found = CommonShare(subset.groups, flips).add(rows[subset.clips])
                total.join(found)
                yield self._row(subset, found, {"strength": text, "measure": measure, "variant": variant})

    def rows_over_all(self) -> Iterator[Row]:
        """Yield the rows over all strengths seen: one common trajectory."""
        for subset, totals in zip(self._subsets, self._over_all, strict=True):
            for (measure, variant), total in zip(_COMMON, totals, strict=True):
                yield self._row(subset, total, {"measure": measure, "variant": variant})

    def _row(self, subset: Subset, found: CommonShare, names: Mapping[str, Any]) -> Row:
        estimate = Estimate(*found.share(), found.null())
        cells = estimate.cells(self._chosen.confidence)
        return {**names, "label": subset.label, "n": len(subset.clips), **cells}


_COMMON = (("common_share", "translation"), ("mean_cosine", "between_groups"))


def shape_rows(
    sweep: Sweep, texts: Sequence[str], subsets: Sequence[Subset], chosen: GeometrySettings
) -> Iterator[Row]:
    """Yield steps and turns at each strength, jumps and straightness; nothing for fewer than three strengths."""
    if len(texts) < FEWEST_STRENGTHS_FOR_SHAPE:
        return
    found = measure_shape(sweep.trajectories)
    for subset in subsets:
        yield from _shape_rows_of(found, texts, subset, chosen)


def _shape_rows_of(found: SweepShape, texts: Sequence[str], subset: Subset, chosen: GeometrySettings) -> Iterator[Row]:
    inside = subset.clips
    along = (
        ("relative_step", texts[1:], found.relative_step[inside]),
        ("turning_degrees", texts[1:-1], found.turning_degrees[inside]),
    )
    for measure, at, values in along:
        for text, row in zip(at, _mean_rows(values, subset, chosen), strict=True):
            yield {"strength": text, "measure": measure, "label": subset.label, **row}
    whole = np.stack(
        [_mean_turn(found.turning_degrees[inside]), found.jump[inside], found.straightness[inside]], axis=1
    )
    measures = (("turning_degrees", "mean"), ("jump", "largest_step"), ("straightness", ""))
    for (measure, variant), row in zip(measures, _mean_rows(whole, subset, chosen), strict=True):
        yield {"measure": measure, "variant": variant, "label": subset.label, **row}
    value, resampled, null, _ = common_jump(found.relative_step[inside], subset.draws, chosen.permutations, chosen.seed)
    cells = Estimate(value, resampled, null).cells(chosen.confidence)
    yield {"measure": "jump", "variant": "at_one_strength", "label": subset.label, "n": len(inside), **cells}


def _mean_rows(values: np.ndarray, subset: Subset, chosen: GeometrySettings) -> Iterator[Row]:
    """Yield value, interval and n of the mean over clips of each column of values (clips, columns)."""
    resampled = bootstrap_means(values, subset.draws)
    for column in range(values.shape[1]):
        defined = values[np.isfinite(values[:, column]), column]
        mean = float(defined.mean()) if len(defined) else np.nan
        yield {"n": len(defined), **Estimate(mean, resampled[:, column]).cells(chosen.confidence)}


def _mean_turn(degrees: np.ndarray) -> np.ndarray:
    defined = np.isfinite(degrees)
    total, number = np.where(defined, degrees, 0.0).sum(axis=1), defined.sum(axis=1)
    return np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)
