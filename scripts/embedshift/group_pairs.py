"""Means over pairs of clips from different groups: estimates without the bias that clips of one group bring.

A mean over all pairs (i, j) holds each clip with itself and with others of its recording; left out, the mean is an
unbiased estimate (a U-statistic over groups). Everything is reduced to a matrix of sums between groups, on which
resampling groups and flipping the signs of groups are quadratic forms.
"""

from dataclasses import dataclass

import numpy as np

from embedshift.resampling import GroupDraws


@dataclass(frozen=True)
class Groups:
    """The groups of some clips: `of_clip` (clips,) int, `size` (groups,) clips in each, `draws` (resamples, groups).

    `draws` says how often each group occurs in each bootstrap resample; without rows nothing is resampled.
    """

    of_clip: np.ndarray
    size: np.ndarray
    draws: np.ndarray

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.size)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of values (clips, ...) in each group, (groups, ...) float64."""
        values = values.astype(np.float64, copy=False)
        order = np.argsort(self.of_clip, kind="stable")
        if len(self) == len(order):
            return values[order]
        starts = np.concatenate([[0], np.cumsum(self.size[:-1])]).astype(int)
        return np.add.reduceat(values[order], starts, axis=0)


def groups_of(draws: GroupDraws) -> Groups:
    """Return the groups that the clips of `draws` have, numbered without gaps, and how often each is drawn."""
    kept, of_clip, size = np.unique(draws.group_of, return_inverse=True, return_counts=True)
    return Groups(of_clip, size.astype(np.float64), draws.of_group[:, kept].astype(np.float64))


def sums_between(matrix: np.ndarray, groups: Groups) -> np.ndarray:
    """Return the sums of matrix (clips, clips) over all pairs of groups, (groups, groups), zero within a group."""
    between = groups.total(groups.total(matrix).T).T
    np.fill_diagonal(between, 0.0)
    return between


def products_between(rows: np.ndarray, groups: Groups, weights: np.ndarray) -> np.ndarray:
    """Return `quadratic` in weights (number, groups) of `sums_between` of the inner products of rows (clips, dim).

    Neither matrix is made where there are more groups than dimensions: with T the sums of the groups, the form is
    |w T|^2 less each group with itself, and its cost grows with the groups and not with their square.
    """
    total = groups.total(rows)
    if len(total) <= total.shape[1]:
        between = total @ total.T
        np.fill_diagonal(between, 0.0)
        return quadratic(between, weights)
    along, within = weights @ total, np.einsum("gd,gd->g", total, total)
    return np.einsum("rd,rd->r", along, along) - (weights**2) @ within


def mean_between(between: np.ndarray, groups: Groups) -> tuple[float, np.ndarray]:
    """Return the mean over pairs of clips from different groups, and that of each resample; NaN with one group.

    Copies of one group in a resample count as that group, not as pairs of different ones.
    """
    weights = once_and_drawn(groups)
    mean = mean_of_pairs(quadratic(between, weights), weights, groups)
    return float(mean[0]), mean[1:]


def mean_of_pairs(total: np.ndarray, weights: np.ndarray, groups: Groups) -> np.ndarray:
    """Return totals over pairs of different groups (number,) over the pairs that weights (number, groups) make."""
    pairs = weights * groups.size
    number = pairs.sum(axis=1) ** 2 - (pairs**2).sum(axis=1)
    return np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)


def once_and_drawn(groups: Groups) -> np.ndarray:
    """Return how often each group occurs, (1 + resamples, groups): once in the sample, and in each resample."""
    return np.concatenate([np.ones((1, len(groups))), groups.draws])


def quadratic(matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return r' M r for each of rows (number, groups)."""
    return np.einsum("rg,rg->r", rows @ matrix, rows)


def signs(groups: Groups, number: int, seed: int) -> np.ndarray:
    """Return random signs of groups, (number, groups): the null where a group's rows might as well be reversed."""
    return np.random.default_rng(seed).choice([-1.0, 1.0], size=(number, len(groups)))
