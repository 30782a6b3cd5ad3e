"""Iterative null-space projection (INLP): regress the strength, remove the direction, and again.

Ravfogel et al., "Null it out" (ACL 2020), with ridge regression on the strength's position. It stops when regressions
fitted on the other groups no longer predict the strength of the left-out ones, or after `rounds`. All rounds work on
second moments: with the weights constrained to be orthogonal to what was removed, one factorisation for each fold
serves every round, and no embedding is projected on the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from embedshift.directions import strength_targets, unit
from embedshift.erasers.linear_map import LinearMap, orthogonal_map
from embedshift.erasers.training_clips import TrainingClips
from embedshift.least_squares import merge_scatter
from embedshift.resampling import group_folds

RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
"""Penalties to choose from, in units of the mean variance over dimensions: with fewer clips than dimensions the small
ones fit the clips and predict nothing of others."""


@dataclass(frozen=True)
class _Moments:
    """Rows, their mean (dim,), scatter (dim, dim), and product with the centred strength (dim,)."""

    rows: int
    mean: np.ndarray
    scatter: np.ndarray
    product: np.ndarray


class _ConstrainedRidge:
    """Ridge regression of the strength with weights orthogonal to any given directions, factored once."""

    def __init__(self, moments: _Moments, ridge: float) -> None:
        matrix = moments.scatter.copy()
        matrix[np.diag_indices_from(matrix)] += ridge * max(np.trace(matrix) / len(matrix), np.finfo(float).tiny)
        self._factor = scipy.linalg.cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
        self.mean = moments.mean
        self._free = self._solve(moments.product)
        self._removed = np.zeros((0, len(matrix)))
        self._solved = np.zeros((len(matrix), 0))

    def _solve(self, right: np.ndarray) -> np.ndarray:
        return scipy.linalg.cho_solve(self._factor, right, check_finite=False)

    def remove(self, direction: np.ndarray) -> None:
        """Keep the weights orthogonal to one more direction (dim,)."""
        self._removed = np.concatenate([self._removed, direction[None]])
        self._solved = np.concatenate([self._solved, self._solve(direction)[:, None]], axis=1)

    def weights(self) -> np.ndarray:
        """Return the weights (dim,)."""
        if not len(self._removed):
            return self._free
        multipliers = np.linalg.solve(self._removed @ self._solved, self._removed @ self._free)
        weights = self._free - self._solved @ multipliers
        return weights - self._removed.T @ (self._removed @ weights)


def fit(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    """Return the projection along the directions of all rounds.

    With fewer than two groups nothing can be left out: all `rounds` are done, with the smallest penalty.
    """
    parts = _moments_of_folds(clips, options["folds"], seed)
    ridge, others = _choose_ridge(parts, options["ridge"], clips.strengths)
    whole = _ConstrainedRidge(_merge(parts), ridge)
    basis, scores = np.zeros((0, clips.dim)), []
    while len(basis) < min(options["rounds"], clips.dim - 1):
        scores.append(_held_out_r2(parts, others, clips.strengths))
        direction = unit(whole.weights())
        if scores[-1] <= options["stop_at_r2"] or not direction.any():
            break
        basis = np.concatenate([basis, direction[None]])
        for regression in (whole, *others):
            regression.remove(direction)
    return orthogonal_map(basis), {"ridge": ridge, "first_r2": scores[0], "last_r2": scores[-1]}


def _choose_ridge(parts: list[_Moments], ridge: float | str, strengths: int) -> tuple[float, list[_ConstrainedRidge]]:
    """Return the penalty (the best of RIDGES on left-out groups, unless one is given) and the folds' regressions."""
    best: tuple[float, list[_ConstrainedRidge]] = (RIDGES[0], [])
    best_r2 = -np.inf
    for candidate in RIDGES if ridge == "held_out" else (float(ridge),):
        others = [
            _ConstrainedRidge(_merge(parts[:fold] + parts[fold + 1 :]), candidate)
            for fold in range(len(parts) if len(parts) > 1 else 0)
        ]
        r2 = _held_out_r2(parts, others, strengths)
        if r2 > best_r2:
            best, best_r2 = (candidate, others), r2
    return best


def _moments_of_folds(clips: TrainingClips, folds: int, seed: int) -> list[_Moments]:
    fold = group_folds(clips.groups, clips.labels, folds, seed)
    parts = []
    for number in range(fold.max() + 1):
        members = np.flatnonzero(fold == number)
        rows = clips.rows_of(members)
        targets = np.tile(strength_targets(clips.strengths), len(members))[:, None]
        scatter, product = rows.scatter_and_product(targets, np.array([0.5]))
        parts.append(_Moments(len(rows), rows.mean, scatter, product[:, 0]))
    return parts


def _merge(parts: list[_Moments]) -> _Moments:
    """Return the moments of all parts together; every part has the same mean strength, so products add up."""
    rows = sum(part.rows for part in parts)
    return _Moments(
        rows,
        sum(part.rows * part.mean for part in parts) / rows,
        merge_scatter([(part.rows, part.mean, part.scatter) for part in parts]),
        sum(part.product for part in parts),
    )


def _held_out_r2(parts: list[_Moments], others: list[_ConstrainedRidge], strengths: int) -> float:
    """Return the share of the strength's variance that regressions on the other folds explain; inf for one fold."""
    if not others:
        return np.inf
    variance = float(np.var(strength_targets(strengths)))
    error, total = 0.0, 0.0
    for part, regression in zip(parts, others, strict=True):
        weights, shift = regression.weights(), part.mean - regression.mean
        explained = weights @ part.scatter @ weights + part.rows * (shift @ weights) ** 2
        error += part.rows * variance - 2 * weights @ part.product + explained
        total += part.rows * variance
    return float(1 - error / total)
