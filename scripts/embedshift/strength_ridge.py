"""Ridge regression of the strength from moments of folds, so that rows are read once whatever is tried on them.

The target is the published y_p = p / (P - 1). Every clip has all strengths, so the target's mean is 1/2 in every fold.
Targets whose strengths were permuted within each clip are further columns: all are fitted, and their penalties chosen,
as the true one is. A linear eraser changes the moments by a product; held-out errors follow from moments as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from embedshift.directions import strength_targets
from embedshift.least_squares import merge_scatter
from embedshift.linear_eraser import LinearEraser
from embedshift.permuted_levels import PermutedLevels
from embedshift.resampling import column_blocks

RIDGES = tuple(10.0**power for power in range(-8, 3))
"""Ridge penalties as shares of the mean of the scatter's diagonal."""

BLOCK_VALUES = 1 << 20

Features = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Moments:
    """What ridge regression needs to know of some clips' rows.

    Attributes
    ----------
    rows : their number
    mean : float64 array (dim,)
    scatter : float64 array (dim, dim), about the mean
    product : float64 array (dim, targets), sum of row times (target - 1/2)
    target_square : sum of (target - 1/2)^2, the same for all targets
    """

    rows: int
    mean: np.ndarray
    scatter: np.ndarray
    product: np.ndarray
    target_square: float

    def of_targets(self, chosen: np.ndarray) -> "Moments":
        """Return the moments with the chosen targets (bool) alone."""
        return replace(self, product=self.product[:, chosen])

    def erased(self, eraser: LinearEraser | None) -> "Moments":
        """Return the moments of the erased rows."""
        if eraser is None:
            return self
        half = self.scatter - (self.scatter @ eraser.take) @ eraser.give
        scatter = half - eraser.give.T @ (eraser.take.T @ half)
        product = self.product - eraser.give.T @ (eraser.take.T @ self.product)
        return Moments(self.rows, eraser.apply(self.mean[None])[0], scatter, product, self.target_square)


def moments_of(sweep: np.ndarray, clips: np.ndarray, levels: PermutedLevels, features: Features) -> Moments:
    """Return the moments of `features(rows)` of clips (int) of sweep (clips, strengths, dim), read by strengths.

    levels: positions of the strengths for each target (clips of the sweep, strengths, targets).
    """
    strengths = sweep.shape[1]
    targets = strength_targets(strengths) - 0.5
    shift, total, square, product = None, 0.0, 0.0, 0.0
    for at in column_blocks(strengths, max(1, BLOCK_VALUES // (sweep.shape[2] * len(clips)))):
        rows = features(sweep[clips, at].reshape(-1, sweep.shape[2]))
        shift = rows.mean(axis=0) if shift is None else shift
        rows = rows - shift
        total = total + rows.sum(axis=0)
        square = square + rows.T @ rows
        product = product + rows.T @ targets[levels[clips, at]].reshape(len(rows), -1)
    number = len(clips) * strengths
    mean = total / number
    scatter = square - number * np.outer(mean, mean)
    return Moments(number, shift + mean, scatter, product, len(clips) * float(targets @ targets))


def merged(parts: Sequence[Moments]) -> Moments:
    """Return the moments of the union of the parts."""
    rows = sum(part.rows for part in parts)
    mean = sum(part.rows * part.mean for part in parts) / rows
    scatter = merge_scatter([(part.rows, part.mean, part.scatter) for part in parts])
    product = sum(part.product for part in parts)
    return Moments(rows, mean, scatter, product, sum(part.target_square for part in parts))


def fit_ridge(train: Moments, ridge: float) -> np.ndarray:
    """Return the weights (dim, targets) for a ridge penalty given as share of the mean of the scatter's diagonal."""
    level = np.trace(train.scatter) / len(train.scatter)
    if level <= 0:
        return np.zeros_like(train.product)
    matrix = train.scatter.copy()
    matrix.flat[:: len(matrix) + 1] += ridge * level
    factor = scipy.linalg.cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    return scipy.linalg.cho_solve(factor, train.product, check_finite=False)


def explained(train: Moments, test: Moments, weights: np.ndarray) -> np.ndarray:
    """Return R2 of each target on the test rows, (targets,), predicted with `weights` about the training means."""
    offset = (test.mean - train.mean) @ weights
    bent = np.einsum("dt,dt->t", weights, test.scatter @ weights)
    error = test.target_square - 2 * np.einsum("dt,dt->t", weights, test.product) + bent + test.rows * offset**2
    return 1 - error / test.target_square


@dataclass(frozen=True)
class ChosenRidge:
    """What was chosen for each target without the fold that is left out, and what to fit with that choice on.

    Attributes
    ----------
    ridge, validation : float64 arrays (targets,), the chosen penalty and its R2 on the validation fold
    train, test : moments of all folds but the one left out, and of that one
    """

    ridge: np.ndarray
    validation: np.ndarray
    train: Moments
    test: Moments

    def fit(self, chosen: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Fit the targets `chosen` (bool, all by default): weights (dim, chosen), and R2 on the fold left out."""
        train, test = (part if chosen is None else part.of_targets(chosen) for part in (self.train, self.test))
        ridge = self.ridge if chosen is None else self.ridge[chosen]
        weights = np.zeros_like(train.product)
        for value in np.unique(ridge):
            weights[:, ridge == value] = fit_ridge(train.of_targets(ridge == value), value)
        return weights, explained(train, test, weights)


def choose_ridge(moments: Sequence[Moments], left_out: int) -> ChosenRidge:
    """Choose the penalty of each target on the next fold, fitting on the others. At least three folds.

    Of equally good penalties the strongest is taken.
    """
    number = (left_out + 1) % len(moments)
    others = [part for k, part in enumerate(moments) if k not in (left_out, number)]
    few, validation = merged(others), moments[number]
    found = np.stack([explained(few, validation, fit_ridge(few, ridge)) for ridge in RIDGES])
    best = len(RIDGES) - 1 - found[::-1].argmax(axis=0)
    return ChosenRidge(np.array(RIDGES)[best], found.max(axis=0), merged([*others, validation]), moments[left_out])
