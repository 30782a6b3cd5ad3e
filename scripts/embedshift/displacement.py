"""Displacements: how far, and in how common a direction, the effect moves each clip's embedding."""

from dataclasses import dataclass

import numpy as np


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
    with itself. A cosine is not defined where a vector is zero, nor the alignment where there is one group only.
    """
    shape = trajectories.shape[:2]
    norm, to_clean, alignment = (np.empty(shape) for _ in range(3))
    clean = clean.astype(np.float64)
    _, group_of = np.unique(np.asarray(group), return_inverse=True)
    for strength in range(shape[1]):
        effected = trajectories[:, strength].astype(np.float64)
        displacement = effected - clean
        norm[:, strength] = np.linalg.norm(displacement, axis=1)
        to_clean[:, strength] = _cosine(effected, clean)
        alignment[:, strength] = _cosine(displacement, _sum_of_other_groups(displacement, group_of))
    spread = float(np.sqrt(np.mean(np.sum((clean - clean.mean(axis=0)) ** 2, axis=1))))
    return Displacement(norm, to_clean, alignment, spread)


def _sum_of_other_groups(rows: np.ndarray, group_of: np.ndarray) -> np.ndarray:
    """Return for each row the sum of the rows of all other groups; zero with one group."""
    groups = group_of.max() + 1
    if groups == 1:
        return np.zeros_like(rows)
    of_group = np.zeros((groups, rows.shape[1]))
    np.add.at(of_group, group_of, rows)
    return (of_group.sum(axis=0) - of_group)[group_of]


def _cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    product = np.einsum("nd,nd->n", left, right)
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return np.divide(product, lengths, out=np.full(len(left), np.nan), where=lengths > 0)
