"""Find the curves of robustness.csv: by class, eraser and way (what the probe is trained on and tested on)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from embedshift.robustness_columns import AUGMENTED, CLEAN, EFFECTED, NONE
from embedshift.study_layout import StrengthAxis

KEYS = ("dataset", "model", "effect", "measure", "variant", "label", "eraser", "train", "test", "strength")
TO_EFFECTED, TO_CLEAN = (CLEAN, EFFECTED), (EFFECTED, CLEAN)
WAYS = {TO_EFFECTED: "train clean, test effected", TO_CLEAN: "train effected, test clean"}

Place = tuple[str, str]
Way = tuple[str, str]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class ErasureNames:
    """What the figures name: erasers in the order of the config, without `none`, and what counts as a difference.

    Attributes
    ----------
    augmentation : the name of the baseline that augments the training set, empty without it
    alpha : a difference counts as one at a corrected p of at most this
    effects : those whose robustness is studied
    """

    erasers: tuple[str, ...]
    augmentation: str
    alpha: float
    effects: tuple[str, ...]


def read_names(settings: str) -> ErasureNames:
    """Return the names from the JSON text that the figure rules get as their settings."""
    chosen = json.loads(settings)["robustness"]
    erasers = tuple(name for name in chosen["eraser_order"] if name != NONE)
    alpha = round(1 - chosen["confidence"], 10)
    return ErasureNames(erasers, chosen["augmentation"], alpha, tuple(chosen["effects"]))


class RobustnessIndex:
    """Rows of robustness.csv by their key columns; rows without a value are left out."""

    def __init__(self, rows: Iterable[Row], augmentation: str = "") -> None:
        self._augmentation = augmentation
        self._rows = {tuple(row[key] for key in KEYS): row for row in rows if row["value"] is not None}
        self.labels = sorted({row["label"] for row in self._rows.values()} - {"all", ""})

    def curve(self, place: Place, axis: StrengthAxis, eraser: str, way: Way, label: str = "all") -> list[Row]:
        """Return the ROC AUC at every strength, weakest first."""
        return self._over(place, axis, ("roc_auc", "", label), eraser, way)

    def differences(self, place: Place, axis: StrengthAxis, eraser: str, way: Way, label: str = "all") -> list[Row]:
        """Return the AUC minus that of `none` at every strength, p-values corrected over the strengths."""
        return self._over(place, axis, ("roc_auc_difference", "against_none", label), eraser, way)

    def mean_difference(self, place: Place, effect: str, eraser: str, way: Way, label: str = "all") -> Row | None:
        """Return the mean over strengths of the differences, its p-value corrected over the erasers."""
        what = ("roc_auc_difference", "mean_over_strengths", label)
        return self._rows.get((*place, effect, *what, *self._column(eraser, way), ""))

    def clean_point(self, place: Place, effect: str, eraser: str, label: str = "all") -> Row | None:
        """Return the ROC AUC of training and testing clean (of training augmented, for the augmentation)."""
        where = self._column(eraser, (CLEAN, CLEAN))
        return self._rows.get((*place, effect, "roc_auc", "", label, *where, ""))

    def decodability(self, place: Place, effect: str, eraser: str, probe: str) -> Row | None:
        """Return R2 of the strength read from held-out clips; probe: linear or non_linear."""
        return self._rows.get((*place, effect, "strength_r2", probe, "all", eraser, "", "", ""))

    def metric(self, place: Place, effect: str, measure: str, variant: str, way: Way, strength: str = "") -> Row | None:
        """Return a metric of probes without eraser, mean over classes; variant: empty, multinomial or multi_label."""
        return self._rows.get((*place, effect, measure, variant, "all", NONE, *way, strength))

    def removed(self, place: Place, effect: str, eraser: str, measure: str, label: str = "all") -> Row | None:
        """Return a fact of the fitted eraser, such as `eraser_dimensions`."""
        return self._rows.get((*place, effect, measure, "mean_over_folds", label, eraser, "", "", ""))

    def _over(self, place: Place, axis: StrengthAxis, what: tuple[str, str, str], eraser: str, way: Way) -> list[Row]:
        where = (*place, axis.effect, *what, *self._column(eraser, way))
        found = [self._rows.get((*where, text)) for text in axis.texts]
        return [row for row in found if row is not None]

    def _column(self, eraser: str, way: Way) -> tuple[str, str, str]:
        """Return eraser, train and test as in the table: augmentation is another training set, without eraser."""
        train, test = way
        if self._augmentation and eraser == self._augmentation:
            return NONE, AUGMENTED if train == CLEAN else "", test
        return eraser, train, test
