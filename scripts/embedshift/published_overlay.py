"""Published curves of ROC AUC to draw over ours, where a study has a model, effect and class of the same names."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedshift.published_curves import CLEAN, REGIMES, curves_for, read_published_curves
from embedshift.robustness_index import TO_CLEAN, TO_EFFECTED, Way
from embedshift.study_layout import StrengthAxis

REGIME_OF = dict(zip((TO_EFFECTED, TO_CLEAN), REGIMES, strict=True))

Point = tuple[float, float]


class PublishedOverlay:
    """The curves of some files (may be none), by model, effect, class, eraser and way."""

    def __init__(self, paths: Sequence[str | Path] = ()) -> None:
        self._curves = [curve for path in paths for curve in read_published_curves(path)]

    def curve(self, model: str, axis: StrengthAxis, label: str, eraser: str, way: Way) -> list[Point]:
        """Return (position on the axis, ROC AUC) of what was published within the range of our sweep."""
        found = curves_for(self._curves, model, axis.effect, label, REGIME_OF[way]).get(eraser)
        if found is None or axis.kind == "ordinal":
            return []
        known = zip(found.strengths, found.auc, strict=True)
        points = [(float(text), float(auc)) for text, auc in known if text != CLEAN and np.isfinite(auc)]
        low, high = min(axis.values), max(axis.values)
        return [point for point in points if low <= point[0] <= high]
