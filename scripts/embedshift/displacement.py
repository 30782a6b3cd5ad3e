"""Displacements: how far, and in how common a direction, the effect moves each clip's embedding."""

from dataclasses import dataclass

import numpy as np

BLOCK_CLIPS = 4096


@dataclass(frozen=True)
class Displacement:
    """Measures of each clip at each strength, (clips, strengths) float64, NaN where they are not defined.

    Attributes
    ----------
    norm : Euclidean length of the displacement, in units of the embedding
    cosine_to_clean : cosine between effected and clean embedding
    cosine_alignment : cosine between the clip's displacement and the mean displacement of the clips of all other
        groups at the same strength: 0 in expectation for unrelated directions, 1 for a common translation
    clean_spread : root-mean-square distance of clean clips to their mean, the unit of relative lengths
    """

    norm: np.ndarray
    cosine_to_clean: np.ndarray
    cosine_alignment: np.ndarray
    clean_spread: float


def measure_displacement(clean: np.ndarray, trajectories: np.ndarray, group: np.ndarray) -> Displacement:
    """Measure displacements from clean (clips, dim) to trajectories (clips, strengths, dim).

    A clip's own group is left out of the mean that it is compared with, otherwise its own displacement would align
    with itself. Clips are taken in blocks of whole groups, so that memory does not grow with them. A cosine is not
    defined where a vector is zero, nor the alignment where there is one group only.
    """
    shape = trajectories.shape[:2]
    norm, to_clean, alignment = (np.empty(shape) for _ in range(3))
    _, group_of = np.unique(np.asarray(group), return_inverse=True)
    blocks = whole_groups(group_of, BLOCK_CLIPS)
    for strength in range(shape[1]):
        total = sum(_moved(clean, trajectories, at, strength).sum(axis=0) for at in blocks)
        for at in blocks:
            effected, before = trajectories[at, strength].astype(np.float64), clean[at].astype(np.float64)
            displacement = effected - before
            norm[at, strength] = np.linalg.norm(displacement, axis=1)
            to_clean[at, strength] = _cosine(effected, before)
            others = total - _sum_of_own_group(displacement, group_of[at])
            alignment[at, strength] = _cosine(displacement, others if group_of.max() > 0 else np.zeros_like(others))
    return Displacement(norm, to_clean, alignment, _spread(clean))


def whole_groups(group_of: np.ndarray, clips: int) -> list[np.ndarray]:
    """Return positions of clips in blocks of `clips` or a few more, no group in two of them."""
    order = np.argsort(group_of, kind="stable")
    starts = np.flatnonzero(np.diff(group_of[order], prepend=-1))
    edges = [0]
    for start in starts:
        if start - edges[-1] >= clips:
            edges.append(int(start))
    return np.split(order, edges[1:])


def _moved(clean: np.ndarray, trajectories: np.ndarray, clips: np.ndarray, strength: int) -> np.ndarray:
    return trajectories[clips, strength].astype(np.float64) - clean[clips]


def _sum_of_own_group(rows: np.ndarray, group_of: np.ndarray) -> np.ndarray:
    """Return for each row the sum of the rows of its group, its own among them."""
    _, place = np.unique(group_of, return_inverse=True)
    of_group = np.zeros((place.max() + 1, rows.shape[1]))
    np.add.at(of_group, place, rows)
    return of_group[place]


def _spread(clean: np.ndarray) -> float:
    """Return the root-mean-square distance of clean clips to their mean."""
    mean = clean.mean(axis=0, dtype=np.float64)
    parts = (clean[start : start + BLOCK_CLIPS] - mean for start in range(0, len(clean), BLOCK_CLIPS))
    return float(np.sqrt(sum(np.einsum("nd,nd->", part, part) for part in parts) / len(clean)))


def _cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    product = np.einsum("nd,nd->n", left, right)
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return np.divide(product, lengths, out=np.full(len(left), np.nan), where=lengths > 0)
