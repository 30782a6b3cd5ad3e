"""How much of the displacement is common to all clips: one translation, one trajectory, one direction.

A linear effect moves all clips alike. Three grades of it: the cosine between two clips' displacements; the share of
the mean squared displacement that one common displacement explains (a translation: the squared length of the mean
displacement over the mean squared length); and the share explained when each clip may go its own distance along it
(rank one). The first two are means over pairs of clips of different groups, so that they are 0 in expectation for
unrelated directions; the third is measured on groups that the direction was not fitted on.
"""

import numpy as np
import scipy.linalg
from scipy.sparse.linalg import eigsh

from embedshift.group_pairs import Groups, mean_of_pairs, once_and_drawn, products_between
from embedshift.resampling import GroupDraws

DENSE_UP_TO = 64


class CommonShare:
    """Sums over pairs of groups from which shares over several strengths are formed: `|mean|^2 / mean of |.|^2`.

    `flips` are signs of groups (number, groups) for the null. Kept are sums for the sample, each resample and each row
    of signs, and no matrix of groups.
    """

    def __init__(self, groups: Groups, flips: np.ndarray | None = None) -> None:
        self._groups = groups
        self._flips = np.zeros((0, len(groups))) if flips is None else flips
        self._pairs = np.zeros(1 + len(groups.draws) + len(self._flips))
        self._square = np.zeros(len(groups))

    def add(self, rows: np.ndarray) -> "CommonShare":
        """Add the displacements (clips, dim) of one strength."""
        weights = np.concatenate([once_and_drawn(self._groups), self._flips])
        self._pairs += products_between(rows, self._groups, weights)
        self._square += self._groups.total(np.einsum("nd,nd->n", rows, rows))
        return self

    def join(self, other: "CommonShare") -> None:
        """Add what another one, of the same groups and signs, has gathered."""
        self._pairs += other._pairs
        self._square += other._square

    def share(self) -> tuple[float, np.ndarray]:
        """Return the share and its bootstrap values (resamples,); NaN where nothing moves or with one group."""
        weights = once_and_drawn(self._groups)
        mean = mean_of_pairs(self._pairs[: len(weights)], weights, self._groups)
        mean_square = (weights @ self._square) / (weights @ self._groups.size)
        share = np.divide(mean, mean_square, out=np.full(len(mean), np.nan), where=mean_square > 0)
        return float(share[0]), share[1:]

    def null(self) -> np.ndarray:
        """Return the share for each row of signs."""
        size = self._groups.size
        number = size.sum() ** 2 - (size**2).sum()
        scale = number * self._square.sum() / size.sum()
        flipped = self._pairs[1 + len(self._groups.draws) :]
        return flipped / scale if scale > 0 else np.full(len(flipped), np.nan)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Return rows at length one; zero stays zero. The `CommonShare` of unit rows is their mean cosine."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)


def rank_one_parts(gram: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return the squared length of each clip along the first axis of the clips of other folds, (clips,); NaN if none.

    gram (clips, clips) holds inner products of displacements, of one strength or summed over strengths: then the axis
    is one trajectory of which each clip runs through a multiple. Nothing is centred. With u the first eigenvector and
    s the eigenvalue of the fitted clips' Gram matrix, a held-out clip's coordinate is gram[clip, fitted] u / sqrt(s).
    """
    explained = np.full(len(gram), np.nan)
    if fold.max() == 0:
        return explained
    for one in range(fold.max() + 1):
        inside, others = np.flatnonzero(fold == one), np.flatnonzero(fold != one)
        size, vector = first_axis(gram[np.ix_(others, others)])
        if size > 0:
            explained[inside] = (gram[np.ix_(inside, others)] @ vector) ** 2 / size
        else:
            explained[inside] = 0.0
    return explained


def first_axis(gram: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the largest eigenvalue of a positive semi-definite matrix and its eigenvector."""
    last = len(gram) - 1
    if len(gram) <= DENSE_UP_TO or not gram.any():
        size, vector = scipy.linalg.eigh(gram, subset_by_index=[last, last], check_finite=False)
    else:
        size, vector = eigsh(gram, k=1, v0=np.ones(len(gram)), which="LA")
    return float(size[0]), vector[:, 0]


def ratio_of_sums(numerator: np.ndarray, denominator: np.ndarray, draws: GroupDraws) -> tuple[float, np.ndarray]:
    """Return sum(numerator) / sum(denominator) over clips, and the same of each resample; NaN where nothing moves."""
    parts = np.stack([numerator, denominator], axis=1)
    above, below = np.concatenate([parts.sum(axis=0, keepdims=True), draws.sums(parts)]).T
    ratio = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return float(ratio[0]), ratio[1:]
