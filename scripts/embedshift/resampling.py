"""Resampling that respects groups: folds, p-values of permutations, bootstrap of groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

VALUES_PER_BLOCK = 1 << 20
"""Resamples are drawn and multiplied in blocks of so many values: all at once they would take gigabytes."""
MOST_DRAWN = np.iinfo(np.uint8).max
"""A group is drawn about once in a resample: more than 255 times has a chance below 1e-500."""


def group_folds(group: Sequence[str], label: Sequence[str], folds: int, seed: int) -> np.ndarray:
    """Return the fold of each clip, (clips,) int, such that no group is in two folds.

    Groups are dealt, the largest first and in seeded order among equals, each to the fold that has the fewest clips
    of the group's labels so far, then the fewest clips: folds are stratified by label and balanced by clips as far as
    whole groups allow. With fewer groups than `folds` there are as many folds as groups; a single group gives one
    fold, which leaves nothing to fit on: the caller must check `fold.max()`.
    """
    _, group_of = np.unique(np.asarray(group), return_inverse=True)
    _, label_of = np.unique(np.asarray(label), return_inverse=True)
    counts = np.zeros((group_of.max() + 1, label_of.max() + 1), dtype=np.int64)
    np.add.at(counts, (group_of, label_of), 1)
    folds = min(folds, len(counts))
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    dealt = np.zeros((folds, counts.shape[1]), dtype=np.int64)
    fold_of_group = np.empty(len(counts), dtype=np.int64)
    for one in order:
        of_its_labels = dealt[:, counts[one] > 0].sum(axis=1)
        fold = np.lexsort((dealt.sum(axis=1), of_its_labels))[0]
        fold_of_group[one] = fold
        dealt[fold] += counts[one]
    return fold_of_group[group_of]


def p_value(observed: float, null: np.ndarray) -> float:
    """Return (1 + number of null values >= observed) / (1 + number of null values); NaN without null values.

    Values within 1e-12 count as ties.
    """
    if not len(null) or np.isnan(observed):
        return np.nan
    return (1 + np.count_nonzero(null >= observed - 1e-12)) / (1 + len(null))


@dataclass(frozen=True)
class GroupDraws:
    """How often each group occurs in each bootstrap resample; all clips of a group are drawn together.

    Attributes
    ----------
    of_group : (resamples, groups) uint8; without rows nothing is resampled
    group_of : (clips,) int, the group of each clip; a group may have none of the clips
    """

    of_group: np.ndarray
    group_of: np.ndarray

    def __len__(self) -> int:
        """Return the number of resamples."""
        return len(self.of_group)

    def of_clips(self, resamples: slice = slice(None), clips: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return how often each of the clips occurs in some resamples, (resamples, clips) float64."""
        return self.of_group[resamples].astype(np.float64)[:, self.group_of[clips]]

    def among(self, clips: np.ndarray) -> "GroupDraws":
        """Return the same draws for some of the clips, given as positions or as a mask."""
        return GroupDraws(self.of_group, self.group_of[clips])

    def sizes(self) -> np.ndarray:
        """Return the number of clips in each resample, (resamples,) float64."""
        return self.sums(np.ones((len(self.group_of), 1)))[:, 0]

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum over the clips of each resample of values (clips, columns), (resamples, columns) float64."""
        of_groups = np.zeros((self.of_group.shape[1], values.shape[1]))
        np.add.at(of_groups, self.group_of, values)
        sums = np.empty((len(self), values.shape[1]))
        for rows in _blocks_of_resamples(*self.of_group.shape):
            sums[rows] = self.of_group[rows].astype(np.float64) @ of_groups
        return sums


def draw_groups(group: Sequence[str], resamples: int, seed: int) -> GroupDraws:
    """Return how often each group is drawn in each resample: as many groups as there are, with replacement.

    With fewer than two groups nothing can be resampled.
    """
    names, group_of = np.unique(np.asarray(group), return_inverse=True)
    resamples = resamples if len(names) > 1 else 0
    rng, chance = np.random.default_rng(seed), np.full(len(names), 1 / len(names))
    of_group = np.empty((resamples, len(names)), dtype=np.uint8)
    for rows in _blocks_of_resamples(*of_group.shape):
        drawn = rng.multinomial(len(names), chance, size=rows.stop - rows.start)
        of_group[rows] = np.minimum(drawn, MOST_DRAWN)
    return GroupDraws(of_group, group_of)


def bootstrap_means(values: np.ndarray, draws: GroupDraws) -> np.ndarray:
    """Return the mean over clips of values (clips, columns) in each resample, (resamples, columns).

    A value that is not a number is left out of the means of its column.
    """
    defined = np.isfinite(values)
    total = draws.sums(np.where(defined, values, 0.0))
    number = draws.sums(defined.astype(np.float64))
    return np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0)


def percentile_interval(resampled: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper ends of the percentile interval over axis 0; NaN where nothing was resampled."""
    defined = np.isfinite(resampled).any(axis=0)
    ends = np.full((2, *resampled.shape[1:]), np.nan)
    tail = (1 - confidence) / 2
    if defined.any():
        ends[:, defined] = np.nanquantile(resampled[:, defined], [tail, 1 - tail], axis=0)
    return ends[0], ends[1]


def _blocks_of_resamples(resamples: int, groups: int) -> Iterator[slice]:
    return column_blocks(resamples, max(1, VALUES_PER_BLOCK // max(1, groups)))


def column_blocks(columns: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` that cover `columns`."""
    for start in range(0, columns, size):
        yield slice(start, min(start + size, columns))
