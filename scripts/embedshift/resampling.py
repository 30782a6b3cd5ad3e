"""Resampling that respects groups: folds, permutations of strengths within clips, bootstrap of groups."""

from collections.abc import Iterator, Sequence

import numpy as np

PERMUTATIONS_PER_BLOCK = 32
VALUES_PER_BLOCK = 1 << 24
"""Resamples are drawn and multiplied in blocks of so many values: all at once they would take gigabytes."""


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


def permuted_levels(clips: int, strengths: int, permutations: int, seed: int) -> np.ndarray:
    """Return strength positions permuted within each clip independently, (clips, strengths, 1 + permutations) int16.

    Column 0 is the order as it is. Under the null hypothesis that the strength leaves no trace, the strengths of a
    clip are exchangeable, whatever differs between clips: fitting and scoring every column in the same way makes
    the p-value of `p_value` exact.
    """
    levels = np.empty((clips, strengths, 1 + permutations), dtype=np.int16)
    levels[:] = np.arange(strengths, dtype=np.int16)[None, :, None]
    rng = np.random.default_rng(seed)
    for start in range(1, 1 + permutations, PERMUTATIONS_PER_BLOCK):
        block = levels[:, :, start : start + PERMUTATIONS_PER_BLOCK]
        levels[:, :, start : start + PERMUTATIONS_PER_BLOCK] = rng.permuted(block, axis=1)
    return levels


def p_value(observed: float, null: np.ndarray) -> float:
    """Return (1 + number of null values >= observed) / (1 + number of null values); NaN without null values.

    Values within 1e-12 count as ties.
    """
    if not len(null) or np.isnan(observed):
        return np.nan
    return (1 + np.count_nonzero(null >= observed - 1e-12)) / (1 + len(null))


def bootstrap_counts(group: Sequence[str], resamples: int, seed: int) -> np.ndarray:
    """Return how often each clip occurs in each resample, (resamples, clips) int16: groups drawn with replacement.

    With fewer than two groups nothing can be resampled and no row is returned.
    """
    names, group_of = np.unique(np.asarray(group), return_inverse=True)
    if len(names) < 2:
        return np.zeros((0, len(group_of)), dtype=np.int16)
    rng, chance = np.random.default_rng(seed), np.full(len(names), 1 / len(names))
    counts = np.empty((resamples, len(group_of)), dtype=np.int16)
    for rows in _blocks_of_resamples(counts):
        drawn = rng.multinomial(len(names), chance, size=rows.stop - rows.start)
        counts[rows] = drawn.astype(np.int16)[:, group_of]
    return counts


def weighted_sums(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return counts (resamples, clips) @ values (clips, columns) in float64, (resamples, columns)."""
    sums = np.empty((len(counts), values.shape[1]))
    for rows in _blocks_of_resamples(counts):
        sums[rows] = counts[rows].astype(np.float64) @ values
    return sums


def bootstrap_means(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean over clips of values (clips, columns) in each resample, (resamples, columns).

    A value that is not a number is left out of the means of its column.
    """
    defined = np.isfinite(values)
    total = weighted_sums(counts, np.where(defined, values, 0.0))
    number = weighted_sums(counts, defined.astype(np.float64))
    return np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0)


def percentile_interval(resampled: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper ends of the percentile interval over axis 0; NaN where nothing was resampled."""
    defined = np.isfinite(resampled).any(axis=0)
    ends = np.full((2, *resampled.shape[1:]), np.nan)
    tail = (1 - confidence) / 2
    if defined.any():
        ends[:, defined] = np.nanquantile(resampled[:, defined], [tail, 1 - tail], axis=0)
    return ends[0], ends[1]


def _blocks_of_resamples(counts: np.ndarray) -> Iterator[slice]:
    return column_blocks(len(counts), max(1, VALUES_PER_BLOCK // max(1, counts.shape[1])))


def column_blocks(columns: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` that cover `columns`."""
    for start in range(0, columns, size):
        yield slice(start, min(start + size, columns))
