"""How alike clean and effected clouds are up to a rotation: debiased linear CKA and Procrustes distance.

Linear CKA compares which clips lie close to which, before and after (Kornblith et al. 2019); in its plain form it goes
to 1 with more dimensions than clips, so the unbiased estimate of Song et al. 2012 stands in its place (as in Nguyen et
al. 2021): 1 for a rotated and scaled copy, 0 in expectation for unrelated clouds. Procrustes is what remains of the
squared distance after the best shift, rotation and scale, as a share: 0 for such a copy. It is biased towards 0 where
dimensions outnumber clips; its null, clean clips paired with other clips' effected ones, shows by how much.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from embedshift.group_pairs import Groups


@dataclass(frozen=True)
class Alignment:
    """A value, bootstrap values to first order (resamples,), and values with clips paired at random."""

    value: float
    resampled: np.ndarray
    shuffled: np.ndarray


def u_centred(gram: np.ndarray) -> np.ndarray:
    """Return the U-centred matrix of inner products (Székely & Rizzo 2014), zero on the diagonal; at least 4 clips."""
    clips = len(gram)
    centred = gram.copy()
    np.fill_diagonal(centred, 0.0)
    sums = centred.sum(axis=0)
    centred -= (sums[:, None] + sums[None]) / (clips - 2)
    centred += sums.sum() / ((clips - 1) * (clips - 2))
    np.fill_diagonal(centred, 0.0)
    return centred


def debiased_cka(left: np.ndarray, right: np.ndarray, groups: Groups, shuffles: np.ndarray) -> Alignment:
    """Return CKA of two U-centred matrices (clips, clips); shuffles (number, clips) hold orders of the clips.

    Resamples are of first order: a clip enters by its row of the products.
    """
    weights = np.concatenate([np.ones((1, len(groups))), groups.draws])
    number = weights @ groups.size
    sums = [
        weights @ groups.total(np.einsum("ij,ij->i", one, other)) / number
        for one, other in ((left, right), (left, left), (right, right))
    ]
    size = np.maximum(sums[1], 0.0) * np.maximum(sums[2], 0.0)
    cka = np.divide(sums[0], np.sqrt(size), out=np.full(len(size), np.nan), where=size > 0)
    cka[1:] = cka[0] + 2 * (cka[1:] - cka[0])
    scale = np.sqrt(size[0]) * len(left)
    shuffled = [np.einsum("ij,ij->", left, right[np.ix_(order, order)]) / scale for order in shuffles if scale > 0]
    return Alignment(float(cka[0]), cka[1:], np.array(shuffled))


def procrustes_distance(clean: np.ndarray, effected: np.ndarray, groups: Groups, shuffles: np.ndarray) -> Alignment:
    """Return the Procrustes distance of clean and effected (clips, dim), as `disparity` of scipy.spatial.procrustes.

    It is 1 - s^2 / (|X|^2 |Y|^2), with s the sum of the singular values of X'Y for centred X and Y. Either may have
    been turned before, by `few_columns`: rotations change nothing.
    """
    left, right = (few_columns(rows - rows.mean(axis=0, dtype=np.float64)) for rows in (clean, effected))
    u, size, v = scipy.linalg.svd(left.T @ right, full_matrices=False, check_finite=False)
    sizes = _square_rows(left), _square_rows(right)
    if not sizes[0].sum() > 0 or not sizes[1].sum() > 0:
        return Alignment(np.nan, np.full(len(groups.draws), np.nan), np.full(len(shuffles), np.nan))
    weights = np.concatenate([np.ones((1, len(groups))), groups.draws])
    mixed = np.einsum("nd,nd->n", left @ u, right @ v.T)
    parts = [weights @ groups.total(values) for values in (mixed, *sizes)]
    value = 1 - parts[0] ** 2 / (parts[1] * parts[2])
    scale = sizes[0].sum() * sizes[1].sum()
    shuffled = 1 - _sums_of_sizes(left, right, shuffles) ** 2 / scale
    return Alignment(1 - size.sum() ** 2 / scale, value[1:], shuffled)


def _sums_of_sizes(left: np.ndarray, right: np.ndarray, shuffles: np.ndarray) -> np.ndarray:
    """Return the sum of the singular values of X'Y for each order of the rows of Y."""
    sizes = [scipy.linalg.svdvals(left.T @ right[order], check_finite=False).sum() for order in shuffles]
    return np.array(sizes)


def _square_rows(rows: np.ndarray) -> np.ndarray:
    return np.einsum("nd,nd->n", rows, rows)


def few_columns(rows: np.ndarray) -> np.ndarray:
    """Return rows (clips, dim), where there are fewer clips than dimensions, turned so that dim becomes clips."""
    return rows if len(rows) >= rows.shape[1] else np.linalg.qr(rows.T, mode="r").T
