"""ROC AUC, average precision and balanced accuracy of many score columns, and their bootstrap by group.

All equal scikit-learn's, ties included. In a bootstrap of groups each clip has the weight of its group, so that the
AUC is a ratio of two quadratic forms in the groups' counts: the comparisons between positive and negative clips are
counted once per pair of groups, and all resamples are one matrix product.

`stratum` keeps scores apart that cannot be compared, such as those of different folds' classifiers: only pairs within
a stratum count for the AUC; average precision is the mean over strata, weighted by their positive clips.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

EXACT_FLOAT32 = 1 << 24
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


def group_counts(group: np.ndarray, counts: np.ndarray) -> GroupCounts:
    """Return the counts of groups for counts of clips (resamples, clips) of `resampling.bootstrap_counts`."""
    _, first, group_of = np.unique(np.asarray(group), return_index=True, return_inverse=True)
    of_groups = counts[:, first].astype(np.float64)
    return GroupCounts(group_of, np.concatenate([np.ones((1, len(first))), of_groups]))


def resampled_roc_auc(
    scores: np.ndarray, positive: np.ndarray, groups: GroupCounts, stratum: np.ndarray | None = None
) -> np.ndarray:
    """Return the AUC of each column of scores (clips, columns) in each resample, (1 + resamples, columns).

    Row 0 is the sample itself. NaN where no stratum of a resample has both classes.
    """
    won = np.zeros((len(groups.counts), scores.shape[1]))
    pairs = np.zeros((len(groups.counts), 1))
    for part in _strata(positive, groups.group_of, stratum):
        pairs += part.pairs(groups.counts)
        for column, values in enumerate(scores.T):
            won[:, column] += part.won(values, groups.counts)
    return np.divide(won, pairs, out=np.full_like(won, np.nan), where=pairs > 0)


def resampled_average_precision(
    scores: np.ndarray, positive: np.ndarray, groups: GroupCounts, stratum: np.ndarray | None = None
) -> np.ndarray:
    """Return the average precision of each column in each resample, (1 + resamples, columns); row 0 is the sample."""
    total = np.zeros((len(groups.counts), scores.shape[1]))
    number = np.zeros((len(groups.counts), 1))
    for part in _strata(positive, groups.group_of, stratum):
        number += part.positives.total(groups.counts)
        for column, values in enumerate(scores.T):
            total[:, column] += part.precision_of_positives(values, groups.counts)
    return np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0)


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


class _Members:
    """Clips of one class, sorted by group, so that sums over groups are sums over slices."""

    def __init__(self, clips: np.ndarray, group_of: np.ndarray) -> None:
        self.clips = clips[np.argsort(group_of[clips], kind="stable")]
        self.groups, self.start, self.sizes = np.unique(group_of[self.clips], return_index=True, return_counts=True)

    def total(self, counts: np.ndarray) -> np.ndarray:
        """Return the number of clips drawn in each resample, (resamples, 1)."""
        return counts[:, self.groups] @ self.sizes[:, None].astype(np.float64)


@dataclass(frozen=True)
class _Stratum:
    positives: _Members
    negatives: _Members

    def pairs(self, counts: np.ndarray) -> np.ndarray:
        """Return the number of (positive, negative) pairs in each resample, (resamples, 1)."""
        return self.positives.total(counts) * self.negatives.total(counts)

    def won(self, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Return the number of pairs that the positive clip wins, ties a half, in each resample."""
        beaten = _twice_beaten(values[self.negatives.clips], values[self.positives.clips])
        by_group = np.add.reduceat(beaten, self.negatives.start, axis=0, dtype=np.int64)
        by_group = np.add.reduceat(by_group, self.positives.start, axis=1)
        beaten_of_positives = _exact_product(counts[:, self.negatives.groups], by_group)
        return 0.5 * np.einsum("bg,bg->b", counts[:, self.positives.groups], beaten_of_positives)

    def precision_of_positives(self, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Return the sum over drawn positive clips of the precision at their score, in each resample."""
        own = values[self.positives.clips]
        above = []
        for members in (self.positives, self.negatives):
            reached = values[members.clips][:, None] >= own
            by_group = np.add.reduceat(reached, members.start, axis=0, dtype=np.int64)
            above.append(_exact_product(counts[:, members.groups], by_group))
        copies = np.repeat(counts[:, self.positives.groups], self.positives.sizes, axis=1)
        drawn = copies > 0
        precision = np.divide(above[0], above[0] + above[1], out=np.zeros_like(copies), where=drawn)
        return np.einsum("bp,bp->b", copies, precision)


def _twice_beaten(negative: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Return 2 where the positive score is larger, 1 where they are equal, (negatives, positives) uint8."""
    beaten = (negative[:, None] < positive).view(np.uint8)
    beaten += (negative[:, None] <= positive).view(np.uint8)
    return beaten


def _exact_product(counts: np.ndarray, by_group: np.ndarray) -> np.ndarray:
    """Return counts @ by_group, both whole numbers, in float32 where that is exact (and twice as fast)."""
    largest = counts.sum(axis=1).max(initial=0) * by_group.max(initial=0)
    kind = np.float32 if largest < EXACT_FLOAT32 else np.float64
    return (counts.astype(kind) @ by_group.astype(kind)).astype(np.float64)


def _strata(positive: np.ndarray, group_of: np.ndarray, stratum: np.ndarray | None) -> Iterator[_Stratum]:
    """Yield the strata that hold both classes."""
    stratum = np.zeros(len(positive), dtype=np.int64) if stratum is None else np.asarray(stratum)
    for name in np.unique(stratum):
        inside = stratum == name
        clips = [np.flatnonzero(inside & of_class) for of_class in (positive, ~positive)]
        if len(clips[0]) and len(clips[1]):
            yield _Stratum(*(_Members(found, group_of) for found in clips))
