"""Erasers that are linear about a mean, kept as a product of two thin matrices, so that classifiers see through them.

x -> x - (x take - offset) give. The scores of a classifier on erased embeddings are those of another classifier on the
embeddings themselves (`pull_back`): nothing has to be erased for scoring.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

SMALLEST_SHARE = 1e-13
FIRST_RANK = 16


@dataclass(frozen=True)
class LinearEraser:
    """take (dim, rank), give (rank, dim) and offset (rank,), float64; an orthogonal projector has give = take.T."""

    take: np.ndarray
    give: np.ndarray
    offset: np.ndarray

    @classmethod
    def about(cls, mean: np.ndarray, take: np.ndarray, give: np.ndarray) -> Self:
        """Return the eraser that leaves `mean` (dim,) where it is."""
        return cls(take, give, mean @ take)

    def apply(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the erased embeddings (rows, dim), float64."""
        rows = np.asarray(embeddings, dtype=np.float64)
        return rows - (rows @ self.take - self.offset) @ self.give

    def pull_back(self, weights: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return weights (dim, k) and intercepts (k,) that score embeddings as the given ones score erased ones."""
        along = self.give @ weights
        return weights - self.take @ along, intercept + self.offset @ along


def from_projection(mean: np.ndarray, projection: np.ndarray) -> LinearEraser:
    """Return the eraser x -> mean + (x - mean) projection, thin where few dimensions are removed.

    The identity minus the projection is factored by a seeded random range finder (Halko, Martinsson and Tropp 2011,
    algorithm 4.1) of doubling rank until nothing is left. Beyond a quarter of the dimensions it is kept as it is.
    """
    dim = len(projection)
    mean, removed = np.asarray(mean, dtype=np.float64), np.eye(dim) - projection
    rng = np.random.default_rng(0)
    rank = FIRST_RANK
    while rank <= dim // 4:
        take, _ = np.linalg.qr(removed @ rng.standard_normal((dim, rank)))
        give = take.T @ removed
        if np.linalg.norm(removed - take @ give) <= SMALLEST_SHARE * dim * max(np.linalg.norm(removed), 1.0):
            return LinearEraser.about(mean, take, give)
        rank *= 2
    return LinearEraser.about(mean, removed, np.eye(dim))


def linear_part(eraser: Any) -> LinearEraser | None:
    """Return the thin form of an eraser, None where it must be applied.

    Known are a LinearEraser, a fitted `erasers.eraser.Eraser` (or its map) that is linear, and whatever has a `mean`
    and a `projection` (dim, dim).
    """
    if isinstance(eraser, LinearEraser):
        return eraser
    fitted = getattr(eraser, "map", eraser)
    if getattr(fitted, "kind", None) == "linear":
        return LinearEraser(fitted.right.T, fitted.left, fitted.offset)
    if hasattr(eraser, "mean") and hasattr(eraser, "projection"):
        return from_projection(eraser.mean, eraser.projection)
    return None
