"""Curves of a metric over the strengths from stored scores: value, bootstrap band by group, difference to no eraser."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from embedshift.bias_corrected import bias_corrected_interval
from embedshift.classification import Condition, RegimeScores
from embedshift.paired_difference import PairedDifference, paired_difference
from embedshift.ranking_metrics import (
    GroupCounts,
    group_counts,
    resampled_average_precision,
    resampled_balanced_accuracy,
    resampled_roc_auc,
)
from embedshift.resampling import draw_groups, percentile_interval
from embedshift.robustness_columns import AUGMENTED, CLEAN, EFFECTED, MIX, NONE

METRICS = ("roc_auc", "average_precision", "balanced_accuracy")

Row = dict[str, Any]
Regime = tuple[str, Condition, Condition]


@dataclass(frozen=True)
class RegimeValues:
    """A metric in every regime.

    Attributes
    ----------
    metric : one of METRICS
    classes : names; the last column of the values is the mean over the classes
    groups : number of groups of the tested clips
    values : {(eraser, train, test): float64 array (1 + resamples, classes + 1)}, row 0 the sample itself
    positives : int array (classes + 1,), tested clips of each class, and of all
    """

    metric: str
    classes: list[str]
    groups: int
    values: dict[Regime, np.ndarray]
    positives: np.ndarray


def measure_regimes(
    scores: RegimeScores,
    label: Sequence[str],
    group: Sequence[str],
    *,
    metric: str = "roc_auc",
    resamples: int = 1000,
    seed: int = 0,
    threads: int = 1,
) -> RegimeValues:
    """Return a metric for every class and the mean over classes in every regime and bootstrap resample of groups.

    label, group (clips,) are those of all clips. Scores of different folds are never compared with each other. The
    same resamples serve all regimes. `threads` does not change the result.
    """
    label, group = np.asarray(label)[scores.clips], np.asarray(group)[scores.clips]
    groups = group_counts(draw_groups(group, resamples, seed))
    resampled = _metric(metric, groups, scores.fold)
    columns = {regime: column for column, regime in enumerate(scores.scores)}
    values = np.empty((len(groups.counts), len(scores.classes) + 1, len(columns)))

    def measure(position: int) -> None:
        of_class = np.stack([table[position] for table in scores.scores.values()], axis=1)
        values[:, position] = resampled(of_class, label == scores.classes[position])

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        list(pool.map(measure, range(len(scores.classes))))
    values[:, -1] = values[:, :-1].mean(axis=1)
    positives = np.array([*(np.count_nonzero(label == name) for name in scores.classes), len(label)])
    by_regime = {regime: values[:, :, column] for regime, column in columns.items()}
    return RegimeValues(metric, scores.classes, groups.counts.shape[1], by_regime, positives)


def _metric(name: str, groups: GroupCounts, fold: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    if name == "balanced_accuracy":
        return partial(resampled_balanced_accuracy, groups=groups)
    ranked = {"roc_auc": resampled_roc_auc, "average_precision": resampled_average_precision}[name]
    return partial(ranked, groups=groups, stratum=fold)


def curve_rows(measured: RegimeValues, strengths: Sequence[str], confidence: float = 0.95) -> Iterator[Row]:
    """Yield the table rows of all values with their bands; own columns train, test and eraser.

    strengths: texts in the order of the sweep. `label` is a class, or `all` for the mean over the classes.
    """
    for (eraser, train, test), values in measured.values.items():
        low, high = _interval(measured.metric, values, confidence)
        for column, name in enumerate([*measured.classes, "all"]):
            yield _named(eraser, train, test, strengths) | {
                "label": name,
                "measure": measured.metric,
                "split": "held_out",
                "value": values[0, column],
                "ci_low": low[column],
                "ci_high": high[column],
                "n": int(measured.positives[column]),
            }


def _interval(metric: str, values: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the bands; resampling raises the average precision of few positive clips."""
    if metric == "average_precision":
        return bias_corrected_interval(values[0], values[1:], confidence)
    return percentile_interval(values[1:], confidence)


def difference_rows(measured: RegimeValues, strengths: Sequence[str], confidence: float = 0.95) -> Iterator[Row]:
    """Yield the table rows of every eraser minus `none`, p-values corrected over the strengths of each curve.

    A curve is one way to train and test (clean to effected, effected to clean, both effected) over the strengths;
    regimes without a strength are curves of one point. The baseline `augmented` is compared with training clean.
    """
    for regimes, references in _curves(measured, len(strengths)):
        for column, name in enumerate([*measured.classes, "all"]):
            found = paired_difference(
                _points(measured, regimes, column), _points(measured, references, column), measured.groups, confidence
            )
            for position, regime in enumerate(regimes):
                row = _difference_row(measured, found, position, column, name)
                yield _named(*regime, strengths) | row


def mean_difference_rows(measured: RegimeValues, strengths: Sequence[str], confidence: float = 0.95) -> Iterator[Row]:
    """Yield rows of the mean over the strengths of every eraser minus `none`, p-values corrected over the erasers.

    As `difference_rows`, one row a curve and class; the variant is `mean_over_strengths`, the strength empty.
    """
    ways: dict[tuple[str, str], list[tuple[list[Regime], list[Regime]]]] = {}
    for regimes, references in _curves(measured, len(strengths)):
        named = _named(*regimes[0], strengths)
        if named["strength"]:
            train = CLEAN if named["train"] == AUGMENTED else named["train"]
            ways.setdefault((train, named["test"]), []).append((regimes, references))
    for curves in ways.values():
        for column, name in enumerate([*measured.classes, "all"]):
            ours, theirs = (
                np.stack([_points(measured, curve[side], column).mean(axis=1) for curve in curves], axis=1)
                for side in (0, 1)
            )
            found = paired_difference(ours, theirs, measured.groups, confidence)
            for position, (regimes, _) in enumerate(curves):
                row = _difference_row(measured, found, position, column, name)
                yield _named(*regimes[0], strengths) | row | {"strength": "", "variant": "mean_over_strengths"}


def _difference_row(measured: RegimeValues, found: PairedDifference, position: int, column: int, label: str) -> Row:
    return {
        "label": label,
        "measure": f"{measured.metric}_difference",
        "variant": "against_none",
        "split": "held_out",
        "value": found.value[position],
        "ci_low": found.ci_low[position],
        "ci_high": found.ci_high[position],
        "null_mean": 0.0,
        "p_value": found.p_corrected[position],
        "n": int(measured.positives[column]),
    }


def _curves(measured: RegimeValues, strengths: int) -> Iterator[tuple[list[Regime], list[Regime]]]:
    """Yield the regimes of each curve with the regimes that they are compared with."""
    erasers = [name for name in dict.fromkeys(eraser for eraser, _, _ in measured.values) if name != NONE]
    over_strengths = [
        lambda p: (CLEAN, p),
        lambda p: (p, CLEAN),
        lambda p: (p, p),
    ]
    singles = [(CLEAN, CLEAN), (CLEAN, MIX), (MIX, CLEAN), (MIX, MIX)]
    curves = [[way(p) for p in range(strengths)] for way in over_strengths] + [[single] for single in singles]
    for eraser in erasers:
        for curve in curves:
            yield [(eraser, *ends) for ends in curve], [(NONE, *ends) for ends in curve]
    if (NONE, AUGMENTED, CLEAN) in measured.values:
        for tests in (list(range(strengths)), [CLEAN], [MIX]):
            yield [(NONE, AUGMENTED, test) for test in tests], [(NONE, CLEAN, test) for test in tests]


def _points(measured: RegimeValues, regimes: list[Regime], column: int) -> np.ndarray:
    return np.stack([measured.values[regime][:, column] for regime in regimes], axis=1)


def _named(eraser: str, train: Condition, test: Condition, strengths: Sequence[str]) -> Row:
    position = next((end for end in (train, test) if isinstance(end, int)), None)
    return {
        "strength": "" if position is None else strengths[position],
        "train": EFFECTED if isinstance(train, int) else train,
        "test": EFFECTED if isinstance(test, int) else test,
        "eraser": eraser,
    }
