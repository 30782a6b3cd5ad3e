"""How many directions clips share: parallel analysis with rotated clips as the null.

Principal components of noise have sizes too; parallel analysis (Horn 1965) counts those that are larger than in data
without common structure. Here that data is made by turning the displacements of each clip by a random rotation of its
own: lengths and angles within a clip stay, what clips have in common goes. For isotropic noise the rotated data are
distributed as the data, so that the test of the first component is exact; no coordinate axis is special, as it would be
with permuted columns. Nothing is centred: a translation common to all clips is one shared direction. After each
component that passes, it is projected out and what is left is rotated anew (deflation, Dobriban & Owen 2019), or else
a large component would hide the smaller ones. Projecting out makes the rotated data smaller, so a component that
exceeds those of an earlier step needs no new rotations.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import eigsh

from embedshift.resampling import p_value

LEVEL = 0.05
MOST_ROWS = 1536
MOST_STRENGTHS = 8
MOST_RANK = 32
DENSE_UP_TO = 16


@dataclass(frozen=True)
class SharedRank:
    """`rank` directions pass at the level 0.05 one after another; of each step tried, its p-value.

    observed_share, null_share : share of the squared displacement that the first component holds, and its mean over
    rotated data; clips, strengths : how many were looked at.
    """

    rank: int
    p_values: tuple[float, ...]
    observed_share: float
    null_share: float
    clips: int
    strengths: int


def shared_rank(displacements: np.ndarray, *, rotations: int, seed: int) -> SharedRank:
    """Count the directions that displacements (clips, strengths, dim) share.

    Callers choose clips and strengths with `rows_to_look_at`. At most 32 directions are counted.
    """
    clips, strengths, dim = displacements.shape
    rows = displacements.reshape(-1, dim).astype(np.float64)
    left, size = _principal(rows)
    left = left.reshape(clips, strengths, -1)
    energy = float(np.einsum("nd,nd->", rows, rows))
    own = np.einsum("cpd,cqd->cpq", displacements, displacements, dtype=np.float64)
    p_values: list[float] = []
    null, null_share, null_dim = np.full(rotations, np.inf), np.nan, dim
    rotated = _Rotated(clips, strengths, dim, rotations, seed)
    for rank in range(min(MOST_RANK, len(size) - 1, dim - 2)):
        if size[rank] <= 1e-12 * energy:
            break
        if size[rank] <= null.max() * null_dim / (dim - rank):
            null, null_dim = rotated.largest(_roots(own), rank), dim - rank
        p_values.append(float(p_value(float(size[rank]), null)))
        null_share = float(null.mean()) / energy if rank == 0 else null_share
        if p_values[-1] > LEVEL + 1e-12:
            break
        own = own - size[rank] * left[:, :, rank, None] * left[:, None, :, rank]
    passed = sum(p <= LEVEL + 1e-12 for p in p_values)
    share = float(size[0]) / energy if energy > 0 else np.nan
    return SharedRank(passed, tuple(p_values), share, null_share, clips, strengths)


def rows_to_look_at(group: np.ndarray, strengths: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of clips (one of each group at most) and of strengths, spread, with at most 1,536 rows.

    One clip a group, since clips of one recording share more than an effect.
    """
    rng = np.random.default_rng(seed)
    chosen_strengths = np.unique(np.linspace(0, strengths - 1, min(strengths, MOST_STRENGTHS)).round().astype(int))
    shuffled = rng.permutation(len(group))
    _, first = np.unique(np.asarray(group)[shuffled], return_index=True)
    clips = rng.permutation(shuffled[np.sort(first)])[: MOST_ROWS // len(chosen_strengths)]
    return np.sort(clips), chosen_strengths


def _principal(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return left singular vectors (rows, number) and squared singular values, largest first."""
    if len(rows) <= rows.shape[1]:
        size, left = np.linalg.eigh(rows @ rows.T)
        return left[:, ::-1], np.maximum(size[::-1], 0.0)
    size, right = np.linalg.eigh(rows.T @ rows)
    size, right = np.maximum(size[::-1], 0.0), right[:, ::-1]
    kept = max(1, np.count_nonzero(size > 1e-12 * size[0]))
    return rows @ (right[:, :kept] / np.sqrt(np.maximum(size[:kept], 1e-300))), size[:kept]


def _roots(own: np.ndarray) -> np.ndarray:
    """Return R (clips, strengths, strengths) with R R' = own, columns in order of size, largest first."""
    size, axes = np.linalg.eigh(own)
    return (axes * np.sqrt(np.maximum(size, 0.0))[:, None])[:, :, ::-1]


class _Rotated:
    """Random rotations of clips, kept as Gram matrices of Gaussian rows, which all steps share."""

    def __init__(self, clips: int, strengths: int, dim: int, rotations: int, seed: int) -> None:
        self._shape, self._dim = (clips, strengths), dim
        rng = np.random.default_rng(seed)
        self._grams, self._tails = [], []
        for _ in range(rotations):
            gaussian = rng.standard_normal((clips * strengths, dim))
            self._grams.append(gaussian @ gaussian.T)
            self._tails.append(gaussian[:, :MOST_RANK].copy())

    def largest(self, roots: np.ndarray, rank: int) -> np.ndarray:
        """Return the largest squared singular value of each data set whose clips are rotated in dim - rank dimensions.

        roots (clips, strengths, strengths) times its transpose is what stays of each clip's inner products.
        """
        clips, strengths = self._shape
        kept = min(strengths, self._dim - rank)
        sizes = np.empty(len(self._grams))
        for number, (gram, tail) in enumerate(zip(self._grams, self._tails, strict=True)):
            lower = (gram - tail[:, :rank] @ tail[:, :rank].T).reshape(clips, strengths, clips, strengths)
            sizes[number] = _largest_rotated(roots[:, :, :kept], lower[:, :kept, :, :kept])
        return sizes


def _largest_rotated(roots: np.ndarray, gram: np.ndarray) -> float:
    """Return the largest eigenvalue of B G B' with B = blockdiag(roots times the inverse Cholesky factor of a block).

    Gaussian rows of one clip, made orthonormal by the Cholesky factor of their Gram block, are a random frame.
    """
    clips, strengths, kept = roots.shape
    blocks = gram[np.arange(clips), :, np.arange(clips)]
    triangle = np.linalg.cholesky(blocks)
    mixing = np.linalg.solve(triangle.transpose(0, 2, 1), roots.transpose(0, 2, 1)).transpose(0, 2, 1)
    half = mixing @ gram.reshape(clips, kept, clips * kept)
    half = half.reshape(clips * strengths, clips, kept).transpose(1, 2, 0)
    mixed = (mixing @ half).reshape(clips * strengths, clips * strengths)
    if len(mixed) <= DENSE_UP_TO or not mixed.any():
        return float(np.linalg.eigvalsh(mixed)[-1])
    start = np.ones(len(mixed))
    return float(eigsh(mixed, k=1, v0=start, which="LA", tol=1e-4, return_eigenvectors=False)[0])
