"""Published curves of ROC AUC to draw over ours, where a study has a model, effect and class of the same names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.published_curves import CLEAN, REGIMES, PublishedCurve, curves_for, read_published_curves
from embedshift.robustness_columns import NONE
from embedshift.robustness_index import TO_CLEAN, TO_EFFECTED, WAYS, Place, RobustnessIndex, Way
from embedshift.study_layout import StrengthAxis, StudyLayout

REGIME_OF = dict(zip((TO_EFFECTED, TO_CLEAN), REGIMES, strict=True))

Point = tuple[float, float]


@dataclass(frozen=True)
class PublishedPanel:
    """What was published of one model, effect and class, where a data set of the study has the same.

    erasers: `none` first, then those that were published and are in the study, in the order published.
    """

    place: Place
    axis: StrengthAxis
    label: str
    erasers: tuple[str, ...]


@dataclass(frozen=True)
class Agreement:
    """How ours compare with published points at the same strengths.

    points: how many of them; inside: how many lie in our interval; mean: of ours minus published, NaN without points.
    """

    points: int
    inside: int
    mean: float


class PublishedOverlay:
    """The curves of some files (may be none), by model, effect, class, eraser and way."""

    def __init__(self, paths: Sequence[str | Path] = ()) -> None:
        self._curves = [curve for path in paths for curve in read_published_curves(path)]

    def names(self) -> list[tuple[str, str, str]]:
        """Return (model, effect, class) of everything published."""
        return list(dict.fromkeys((curve.model, curve.effect, curve.label) for curve in self._curves))

    def panels(self, table: RobustnessIndex, layout: StudyLayout) -> list[PublishedPanel]:
        """Return what was published and is in the table under the same names; empty where nothing is."""
        found = []
        for model, effect, label in self.names():
            for place in layout.grid_rows:
                axis = layout.effects.get(effect)
                if place[1] == model and axis is not None:
                    erasers = tuple(name for name in self._erasers(model, effect, label)
                                    if any(table.curve(place, axis, name, way, label) for way in WAYS))  # fmt: skip
                    found += [PublishedPanel(place, axis, label, erasers)] if erasers else []
        return found

    def curve(self, model: str, axis: StrengthAxis, label: str, eraser: str, way: Way) -> list[Point]:
        """Return (position on the axis, ROC AUC) of what was published within the range of our sweep."""
        found = self._published(model, axis, label, eraser, way)
        if found is None or axis.kind == "ordinal":
            return []
        known = zip(found.strengths, found.auc, strict=True)
        points = [(float(text), float(auc)) for text, auc in known if text != CLEAN and np.isfinite(auc)]
        low, high = min(axis.values), max(axis.values)
        return [point for point in points if low <= point[0] <= high]

    def clean(self, model: str, axis: StrengthAxis, label: str, eraser: str) -> float:
        """Return the published ROC AUC of training and testing clean, NaN where it is not known."""
        found = [self._published(model, axis, label, eraser, way) for way in WAYS]
        values = [curve.at(CLEAN) for curve in found if curve is not None]
        return next((value for value in values if np.isfinite(value)), np.nan)

    def agreement(self, panel: PublishedPanel, eraser: str, way: Way, ours: Sequence[Mapping[str, Any]]) -> Agreement:
        """Compare the rows of our curve with the published points at the very same strengths."""
        found = self._published(panel.place[1], panel.axis, panel.label, eraser, way)
        pairs = [] if found is None else [(row, found.at(row["strength"])) for row in ours]
        pairs = [(row, auc) for row, auc in pairs if np.isfinite(auc)]
        inside = [row["ci_low"] is not None and row["ci_low"] <= auc <= row["ci_high"] for row, auc in pairs]
        mean = float(np.mean([row["value"] - auc for row, auc in pairs])) if pairs else np.nan
        return Agreement(len(pairs), sum(inside), mean)

    def _erasers(self, model: str, effect: str, label: str) -> list[str]:
        names = [name for regime in REGIMES for name in curves_for(self._curves, model, effect, label, regime)]
        return sorted(dict.fromkeys(names), key=lambda name: name != NONE)

    def _published(self, model: str, axis: StrengthAxis, label: str, eraser: str, way: Way) -> PublishedCurve | None:
        return curves_for(self._curves, model, axis.effect, label, REGIME_OF[way]).get(eraser)
