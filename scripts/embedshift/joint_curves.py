"""Probes of all classes at once, trained clean and tested at every strength: one multinomial, one multi-label."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from embedshift.bias_corrected import bias_corrected_interval
from embedshift.errors import UserError
from embedshift.joint_probes import JointProbe, fit_multi_label, fit_multinomial
from embedshift.logistic_grid import PUBLISHED_FOLDS
from embedshift.ranking_metrics import GroupCounts, group_counts, resampled_average_precision
from embedshift.resampling import draw_groups, group_folds, percentile_interval
from embedshift.robustness_columns import CLEAN, EFFECTED, NONE
from embedshift.sweep import Sweep

LOGGER = logging.getLogger("embedshift")

Row = dict[str, Any]


def joint_rows(sweep: Sweep, fold: np.ndarray, wanted: Mapping[str, Any]) -> Iterator[Row]:
    """Yield balanced accuracy of the multinomial probe and mean average precision of the multi-label one, with bands.

    fold (clips,) int: the fold that tests each clip, -1 for none. Embeddings are not erased; the resamples are of
    groups. Where a fold lacks a class nothing is yielded, and the log says why.
    """
    choices = wanted["robustness"]
    tested = np.flatnonzero(fold >= 0)
    try:
        probes = [_train(sweep, np.flatnonzero(fold != number), wanted["seed"]) for number in range(fold.max() + 1)]
    except UserError as error:
        LOGGER.warning("Probes of all classes at once are left out. %s", error)
        return
    groups = group_counts(draw_groups(sweep.group[tested], choices["bootstrap"], wanted["seed"]))
    member = sweep.label[tested][:, None] == np.unique(sweep.label)
    conditions = [(CLEAN, "", sweep.clean)]
    conditions += [(EFFECTED, text, sweep.trajectories[:, p]) for p, text in enumerate(wanted["strengths"])]
    for test, strength, embeddings in conditions:
        softmax, sigmoid = (_scores(of_kind, embeddings, fold, tested) for of_kind in zip(*probes, strict=True))
        shared = {"strength": strength, "train": CLEAN, "test": test, "eraser": NONE, "n": len(tested)}
        recalls = _balanced_accuracy(softmax, member, groups)
        interval = percentile_interval(recalls[1:, None], choices["confidence"])
        yield shared | _measured("balanced_accuracy", "multinomial", recalls, interval)
        precisions = _average_precision(sigmoid, member, groups, fold[tested])
        interval = bias_corrected_interval(precisions[:1], precisions[1:, None], choices["confidence"])
        yield shared | _measured("average_precision", "multi_label", precisions, interval)


def _train(sweep: Sweep, train: np.ndarray, seed: int) -> tuple[JointProbe, JointProbe]:
    embeddings, label = sweep.clean[train], sweep.label[train]
    inner = group_folds(sweep.group[train], label, PUBLISHED_FOLDS, seed)
    classes = np.unique(sweep.label)
    multi_label = fit_multi_label(embeddings, label[:, None] == classes, inner, [str(name) for name in classes])
    return fit_multinomial(embeddings, label, inner), multi_label


def _scores(probes: tuple[JointProbe, ...], embeddings: np.ndarray, fold: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Return the scores (tested, classes), of each clip from the probe of its fold."""
    of_fold = np.stack([probe.scores(embeddings[tested]) for probe in probes])
    return of_fold[fold[tested], np.arange(len(tested))]


def _balanced_accuracy(scores: np.ndarray, member: np.ndarray, groups: GroupCounts) -> np.ndarray:
    """Return the mean over classes of the share recognised, for the sample and each resample, (1 + resamples,)."""
    right = member[np.arange(len(scores)), scores.argmax(axis=1)]
    drawn = groups.counts[:, groups.group_of]
    recognised, number = drawn @ (member * right[:, None]), drawn @ member.astype(np.float64)
    recall = np.divide(recognised, number, out=np.full_like(number, np.nan), where=number > 0)
    return np.nanmean(recall, axis=1)


def _average_precision(scores: np.ndarray, member: np.ndarray, groups: GroupCounts, fold: np.ndarray) -> np.ndarray:
    of_classes = [
        resampled_average_precision(scores[:, [k]], member[:, k], groups, fold)[:, 0] for k in range(member.shape[1])
    ]
    return np.mean(of_classes, axis=0)


def _measured(measure: str, variant: str, values: np.ndarray, interval: tuple[np.ndarray, np.ndarray]) -> Row:
    row = {"label": "all", "measure": measure, "variant": variant, "split": "held_out"}
    return row | {"value": float(values[0]), "ci_low": float(interval[0][0]), "ci_high": float(interval[1][0])}
