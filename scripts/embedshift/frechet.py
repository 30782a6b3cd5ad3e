"""Fréchet distance between clean and effected embeddings, and its limit for many clips.

Between Gaussians with means m, n and covariances C, D it is |m - n|^2 + tr C + tr D - 2 tr (C D)^(1/2) (Dowson & Landau
1982; as audio distance, Kilgour et al. 2019). With centred rows X and Y, scaled so that C = X'X and D = Y'Y, the last
trace is the sum of the singular values of X Y', which needs no square root of a matrix and no inverse, and holds
where there are fewer clips than dimensions. The bias of a finite sample falls with 1 / clips: a line through distances
of random subsets against 1 / clips, read at 0, is the extrapolation of Chong & Forsyth 2020 (Gui et al. 2024, audio).
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from embedshift.group_pairs import Groups

SHARES = (0.5, 0.75)
DRAWS = 4


@dataclass(frozen=True)
class Frechet:
    """The distance of all clips, its bootstrap values to first order (resamples,), and its limit for many clips."""

    value: float
    resampled: np.ndarray
    limit: float


def frechet_distance(clean: np.ndarray, effected: np.ndarray) -> float:
    """Return the distance between Gaussians fitted to clean and effected, both (clips, dim), at least 2 clips."""
    shift, left, right = _moments(clean, effected)
    return shift + _square(left) + _square(right) - 2 * _nuclear_norm(left, right)


def measure_frechet(clean: np.ndarray, effected: np.ndarray, groups: Groups, seed: int) -> Frechet:
    """Return the distance with resamples and limit; subsets are drawn by whole groups, the same for all strengths.

    The bootstrap is of first order in the frequencies of groups: a clip moves the traces by its squared distances to
    the means and the mixed term by half the diagonals of (X D X')^(1/2) and (Y C Y')^(1/2).
    """
    shift, left, right = _moments(clean, effected)
    own = np.einsum("nd,nd->n", left, left) + np.einsum("nd,nd->n", right, right) - 2 * _mixed_parts(left, right)
    value = shift + float(own.sum())
    sizes, distances = [len(clean)], [value]
    rng = np.random.default_rng(seed)
    for share in SHARES:
        for _ in range(DRAWS):
            inside = np.isin(groups.of_clip, rng.permutation(len(groups))[: max(2, round(share * len(groups)))])
            if 2 <= inside.sum() < len(clean):
                sizes.append(int(inside.sum()))
                distances.append(frechet_distance(clean[inside], effected[inside]))
    return Frechet(value, _resampled(clean, effected, own, groups), _limit(np.array(sizes), np.array(distances)))


def _moments(clean: np.ndarray, effected: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the squared distance of the means and centred rows over sqrt(clips - 1)."""
    parts = []
    for rows in (clean, effected):
        rows = rows.astype(np.float64)
        mean = rows.mean(axis=0)
        rows -= mean
        rows /= np.sqrt(len(rows) - 1)
        parts.append((mean, rows))
    shift = parts[0][0] - parts[1][0]
    return float(shift @ shift), parts[0][1], parts[1][1]


def _square(rows: np.ndarray) -> float:
    return float(np.einsum("nd,nd->", rows, rows))


def _nuclear_norm(left: np.ndarray, right: np.ndarray) -> float:
    """Return the sum of the singular values of left @ right.T, through the smaller side."""
    if len(left) <= left.shape[1]:
        return float(scipy.linalg.svdvals(left @ right.T, check_finite=False).sum())
    root = _root(left.T @ left)
    size = scipy.linalg.eigvalsh(root @ (right.T @ right) @ root, check_finite=False)
    return float(np.sqrt(np.maximum(size, 0.0)).sum())


def _root(covariance: np.ndarray) -> np.ndarray:
    size, axes = scipy.linalg.eigh(covariance, check_finite=False)
    return (axes * np.sqrt(np.maximum(size, 0.0))) @ axes.T


def _mixed_parts(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return what each clip contributes to the nuclear norm of left @ right.T, (clips,); they sum to it."""
    if len(left) <= left.shape[1]:
        u, size, v = scipy.linalg.svd(left @ right.T, check_finite=False)
        return 0.5 * ((u**2) @ size + (v.T**2) @ size)
    parts = np.zeros(len(left))
    for rows, other in ((left, right), (right, left)):
        root = _root(other.T @ other)
        size, axes = scipy.linalg.eigh(root @ (rows.T @ rows) @ root, check_finite=False)
        kept = size > 1e-12 * max(size[-1], 1e-300)
        turned = rows @ (root @ axes[:, kept])
        parts += 0.5 * (turned**2) @ (size[kept] ** -0.5)
    return parts


def _resampled(clean: np.ndarray, effected: np.ndarray, own: np.ndarray, groups: Groups) -> np.ndarray:
    """Return the distance in each resample; `own` (clips,) is what each clip adds to the traces."""
    if not len(groups.draws):
        return np.zeros(0)
    number = groups.draws @ groups.size
    spread = groups.draws @ groups.total(own) * len(clean) / number
    shifts = groups.total(effected.astype(np.float64) - clean)
    mean = groups.draws @ shifts / number[:, None]
    return np.einsum("rd,rd->r", mean, mean) + spread


def _limit(sizes: np.ndarray, distances: np.ndarray) -> float:
    """Return the intercept of distances against 1 / sizes."""
    if len(np.unique(sizes)) < 2:
        return np.nan
    return float(np.polynomial.polynomial.polyfit(1 / sizes, distances, 1)[0])
