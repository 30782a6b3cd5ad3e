"""Squared maximum mean discrepancy between clean and effected embeddings: unbiased, with a test that keeps the pairs.

With h(i, j) = k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(y_i, x_j), the mean of h over pairs of clips from different
groups is unbiased (Gretton et al. 2012) also though x_i and y_i are the same clip, clean and effected. Were the effect
without trace, clean and effected could be exchanged within a group, which turns the sign of h(i, j): the permutation
null flips the signs of groups. Two kernels, on embeddings centred and scaled by the clean clips so that the mean
squared length is the number of dimensions: the cubic (x.y / dim + 1)^3 of the kernel inception distance (Binkowski et
al. 2018), and the Gaussian with the median distance of clean clips as bandwidth, of the kernel audio distance (Chung et
al. 2025, there times 100).
"""

import numpy as np

from embedshift.group_pairs import Groups, mean_between, quadratic, signs

KERNELS = ("polynomial", "gaussian")


def standardised(clean: np.ndarray, effected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both (clips, dim) float64, minus the clean mean, over the clean root mean square of a dimension."""
    left, right = clean.astype(np.float64), effected.astype(np.float64)
    mean = left.mean(axis=0)
    left -= mean
    right -= mean
    scale = np.sqrt(np.mean(left**2))
    return (left / scale, right / scale) if scale > 0 else (left, right)


def bandwidth(clean_gram: np.ndarray, groups: Groups) -> float:
    """Return the median distance between clean clips of different groups, from their inner products."""
    different = groups.of_clip[:, None] != groups.of_clip[None]
    square = np.diagonal(clean_gram)
    distance = (square[:, None] + square[None] - 2 * clean_gram)[different]
    return float(np.median(np.sqrt(np.maximum(distance, 0.0)))) if distance.size else np.nan


def discrepancy_sums(
    kernel: str, grams: tuple[np.ndarray, np.ndarray, np.ndarray], dim: int, width: float, groups: Groups
) -> np.ndarray:
    """Return the sums of h between groups, (groups, groups); grams are x x', y y' and x y' of standardised rows."""
    clean, effected, mixed = grams
    own = np.diagonal(clean), np.diagonal(effected)
    parts = []
    for gram, left, right in ((clean, own[0], own[0]), (effected, own[1], own[1]), (mixed, own[0], own[1])):
        values = _kernel(kernel, gram, left, right, dim, width)
        parts.append(groups.total(groups.total(values).T).T)
    between = parts[0] + parts[1] - parts[2] - parts[2].T
    np.fill_diagonal(between, 0.0)
    return between


def measure_discrepancy(
    between: np.ndarray, groups: Groups, permutations: int, seed: int
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the squared discrepancy, its bootstrap values and its null values."""
    value, resampled = mean_between(between, groups)
    number = groups.size.sum() ** 2 - (groups.size**2).sum()
    flipped = quadratic(between, signs(groups, permutations, seed))
    return value, resampled, flipped / number if number > 0 else np.full(permutations, np.nan)


def _kernel(kernel: str, gram: np.ndarray, left: np.ndarray, right: np.ndarray, dim: int, width: float) -> np.ndarray:
    if kernel == "polynomial":
        return (gram / dim + 1) ** 3
    distance = np.maximum(left[:, None] + right[None] - 2 * gram, 0.0)
    return np.exp(distance / (-2 * width**2)) if width > 0 else (distance == 0).astype(np.float64)
