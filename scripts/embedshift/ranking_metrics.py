"""ROC AUC, average precision and balanced accuracy of many score columns, and their bootstrap by group.

All equal scikit-learn's, ties included. In a bootstrap of groups each clip has the weight of its group: clips are
sorted once, and all resamples are counted side by side on the way through them.

`stratum` keeps scores apart that cannot be compared, such as those of different folds' classifiers: only pairs within
a stratum count for the AUC; average precision is the mean over strata, weighted by their positive clips.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from embedshift.compiled import compiled
from embedshift.resampling import GroupDraws

FEW_PAIRS = 1 << 12
"""So many pairs are compared sooner than sorted."""


def roc_auc(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve of each column of scores (clips, columns); NaN where a class is missing.

    positive: bool (clips,). The rank formulation of Mann and Whitney; tied pairs count a half.
    """
    number = np.count_nonzero(positive)
    pairs = number * (len(positive) - number)
    if not pairs:
        return np.full(scores.shape[1], np.nan)
    if pairs <= FEW_PAIRS:
        below, above = scores[~positive][:, None], scores[positive]
        return ((below < above).sum(axis=(0, 1)) + (below <= above).sum(axis=(0, 1))) / (2 * pairs)
    rank = rankdata(scores, axis=0)
    return (rank[positive].sum(axis=0) - number * (number + 1) / 2) / pairs


def average_precision(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return sum_k (recall_k - recall_k-1) precision_k of each column of scores (clips, columns); or NaN."""
    number = np.count_nonzero(positive)
    if not number:
        return np.full(scores.shape[1], np.nan)
    at_or_above = rankdata(-scores, axis=0, method="max")[positive]
    positive_at_or_above = rankdata(-scores[positive], axis=0, method="max")
    return (positive_at_or_above / at_or_above).mean(axis=0)


def balanced_accuracy(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return the mean of sensitivity and specificity of the decision score > 0 for each column; NaN without a class."""
    if positive.all() or not positive.any():
        return np.full(scores.shape[1], np.nan)
    decided = scores > 0
    return 0.5 * (decided[positive].mean(axis=0) + 1 - decided[~positive].mean(axis=0))


@dataclass(frozen=True)
class GroupCounts:
    """How often each group occurs in each resample.

    Attributes
    ----------
    group_of : int array (clips,), the number of each clip's group
    counts : float64 array (1 + resamples, groups); row 0 is the sample itself, once each
    """

    group_of: np.ndarray
    counts: np.ndarray


def group_counts(draws: GroupDraws) -> GroupCounts:
    """Return the counts of groups in the sample itself and in the resamples of `draws`."""
    once = np.ones((1, draws.of_group.shape[1]))
    return GroupCounts(draws.group_of, np.concatenate([once, draws.of_group.astype(np.float64)]))


def resampled_roc_auc(
    scores: np.ndarray, positive: np.ndarray, groups: GroupCounts, stratum: np.ndarray | None = None
) -> np.ndarray:
    """Return the AUC of each column of scores (clips, columns) in each resample, (1 + resamples, columns).

    Row 0 is the sample itself. NaN where no stratum of a resample has both classes.
    """
    drawn = np.ascontiguousarray(groups.counts.T)
    won, pairs = np.zeros((scores.shape[1], drawn.shape[1])), np.zeros(drawn.shape[1])
    for inside in _strata(positive, stratum):
        ranked, of_class, group_of = scores[inside].T, positive[inside], groups.group_of[inside]
        pairs += _total(drawn, group_of[of_class]) * _total(drawn, group_of[~of_class])
        _add_wins(np.ascontiguousarray(ranked), np.argsort(ranked), of_class, group_of, drawn, won)
    return np.divide(won, pairs, out=np.full_like(won, np.nan), where=pairs > 0).T


def resampled_average_precision(
    scores: np.ndarray, positive: np.ndarray, groups: GroupCounts, stratum: np.ndarray | None = None
) -> np.ndarray:
    """Return the average precision of each column in each resample, (1 + resamples, columns); row 0 is the sample.

    Two things that resampling does to clips happen in no new sample, and both raise the average precision. Copies of a
    clip tie with each other: here they take their places below each other instead. And the share of positive clips
    varies, most where a stratum has few: here it is that of the sample in every resample, positive and negative clips
    weighted accordingly.
    """
    drawn = np.ascontiguousarray(groups.counts.T)
    total, number = np.zeros((scores.shape[1], drawn.shape[1])), np.zeros(drawn.shape[1])
    for inside in _strata(positive, stratum):
        ranked, of_class, group_of = scores[inside].T, positive[inside], groups.group_of[inside]
        found = _total(drawn, group_of[of_class])
        weights = np.stack([_weights(found), _weights(_total(drawn, group_of[~of_class]))])
        number += found
        _add_precision(np.ascontiguousarray(ranked), np.argsort(-ranked), of_class, group_of, drawn, weights, total)
    return np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0).T


def resampled_balanced_accuracy(scores: np.ndarray, positive: np.ndarray, groups: GroupCounts) -> np.ndarray:
    """Return the balanced accuracy of score > 0 of each column in each resample, (1 + resamples, columns)."""
    found = np.zeros((len(groups.counts), scores.shape[1]))
    for of_class, right in ((positive, scores > 0), (~positive, scores <= 0)):
        sums = np.zeros((groups.counts.shape[1], scores.shape[1] + 1))
        np.add.at(sums, groups.group_of[of_class], np.column_stack([right, np.ones(len(right))])[of_class])
        weighted = groups.counts @ sums
        total = weighted[:, -1:]
        found += 0.5 * np.divide(weighted[:, :-1], total, out=np.full_like(found, np.nan), where=total > 0)
    return found


def _strata(positive: np.ndarray, stratum: np.ndarray | None) -> Iterator[np.ndarray]:
    """Yield the clips (bool) of each stratum that holds both classes."""
    stratum = np.zeros(len(positive), dtype=np.int64) if stratum is None else np.asarray(stratum)
    for name in np.unique(stratum):
        inside = stratum == name
        if positive[inside].any() and not positive[inside].all():
            yield inside


def _total(drawn: np.ndarray, group_of: np.ndarray) -> np.ndarray:
    """Return how many clips of these groups (clips,) are drawn in each resample, (1 + resamples,)."""
    return np.bincount(group_of, minlength=len(drawn)).astype(np.float64) @ drawn


def _weights(number: np.ndarray) -> np.ndarray:
    """Return the weight of a clip in each resample (1 + resamples,): together they weigh as much as in the sample."""
    return np.divide(number[0], number, out=np.zeros_like(number), where=number > 0)


@compiled
def _end_of_tie(values: np.ndarray, order: np.ndarray, start: int) -> int:
    """Return the place after the last clip with the score of the one at `start`."""
    end = start + 1
    while end < len(order) and values[order[end]] == values[order[start]]:
        end += 1
    return end


@compiled
def _add_wins(
    scores: np.ndarray,
    order: np.ndarray,
    positive: np.ndarray,
    group_of: np.ndarray,
    drawn: np.ndarray,
    won: np.ndarray,
) -> None:
    """Add to won (columns, resamples) the pairs that positive clips win, ties a half.

    scores, order (columns, clips): order from the lowest score; drawn (groups, resamples).
    """
    resamples = drawn.shape[1]
    for column in range(len(scores)):
        below, start = np.zeros(resamples), 0
        while start < order.shape[1]:
            end = _end_of_tie(scores[column], order[column], start)
            tied = np.zeros(resamples)
            for clip in order[column, start:end]:
                if not positive[clip]:
                    tied += drawn[group_of[clip]]
            for clip in order[column, start:end]:
                if positive[clip]:
                    for b in range(resamples):
                        won[column, b] += drawn[group_of[clip], b] * (below[b] + 0.5 * tied[b])
            below += tied
            start = end


@compiled
def _add_precision(
    scores: np.ndarray,
    order: np.ndarray,
    positive: np.ndarray,
    group_of: np.ndarray,
    drawn: np.ndarray,
    weights: np.ndarray,
    total: np.ndarray,
) -> None:
    """Add to total (columns, resamples) the precision at each drawn positive clip.

    scores, order (columns, clips): order from the highest score; weights (2, resamples): of positive and negative.
    """
    for column in range(len(scores)):
        above, start = np.zeros(weights.shape), 0
        while start < order.shape[1]:
            end = _end_of_tie(scores[column], order[column], start)
            for clip in order[column, start:end]:
                above[0 if positive[clip] else 1] += drawn[group_of[clip]]
            for clip in order[column, start:end]:
                if positive[clip]:
                    _add_copies(drawn[group_of[clip]], above, weights, total[column])
            start = end


@compiled
def _add_copies(copies: np.ndarray, above: np.ndarray, weights: np.ndarray, total: np.ndarray) -> None:
    """Add the precision at each copy of a positive clip, one below the other, in each resample.

    above (2, resamples): positive clips, all copies included, and negative ones at or above its score.
    """
    for b in range(len(copies)):
        wrong = weights[1, b] * above[1, b]
        for copy in range(1, int(copies[b]) + 1):
            right = weights[0, b] * (above[0, b] - copies[b] + copy)
            total[b] += right / (right + wrong)
