"""Directions that stay put where least squares does not: ridge regression and cross-covariance (PLS).

Where strengths saturate, neighbouring embeddings differ by noise only, and least squares (CCA) weighs that noise most.
The cross-covariance direction X'y, the first weight vector of partial least squares, inverts nothing; ridge stands
between the two. Both have the form that `measure_monotonicity` asks of a solver.
"""

import numpy as np
import scipy.linalg

from embedshift.least_squares import CentredRows, Solution, Targets


def solve_cross_covariance(rows: CentredRows, targets: Targets, scatter: np.ndarray | None = None) -> Solution:
    """Return X'(y - mean y) for each column of targets (rows, columns); up to its length PLS's first weight vector."""
    centre = targets.mean(axis=0, dtype=np.float64)
    product = np.zeros((rows.dim, targets.shape[1]))
    for at, block in rows.blocks():
        product += block.T @ (targets[at] - centre)
    return Solution(product, 1.0, "cross_covariance")


def solve_ridge(rows: CentredRows, targets: Targets, scatter: np.ndarray | None, *, share: float) -> Solution:
    """Return ridge coefficients (dim, columns) with the penalty `share` times the mean eigenvalue of the scatter.

    The mean is over the min(rows - 1, dim) eigenvalues that can differ from zero. The condition number is that of the
    penalised problem: the square root of (largest + penalty) / penalty, an upper bound.
    """
    centre = targets.mean(axis=0, dtype=np.float64)
    if scatter is None:
        matrix = rows.all()
        gram = matrix @ matrix.T
        penalty, condition = _penalty(gram, len(rows) - 1, rows.dim, share)
        if penalty <= 0:
            return Solution(np.zeros((rows.dim, targets.shape[1])), np.inf, "ridge")
        gram[np.diag_indices_from(gram)] += penalty
        dual = scipy.linalg.solve(gram, targets - centre, assume_a="pos", check_finite=False)
        return Solution(matrix.T @ dual, condition, "ridge")
    penalty, condition = _penalty(scatter, len(rows) - 1, rows.dim, share)
    if penalty <= 0:
        return Solution(np.zeros((rows.dim, targets.shape[1])), np.inf, "ridge")
    product = solve_cross_covariance(rows, targets).coefficients
    penalised = scatter + penalty * np.eye(rows.dim)
    return Solution(scipy.linalg.solve(penalised, product, assume_a="pos", check_finite=False), condition, "ridge")


def _penalty(symmetric: np.ndarray, degrees: int, dim: int, share: float) -> tuple[float, float]:
    total = float(np.trace(symmetric))
    penalty = share * total / max(1, min(degrees, dim))
    return penalty, float(np.sqrt((total + penalty) / penalty)) if penalty > 0 else np.inf
