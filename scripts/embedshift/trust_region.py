"""Logistic regression by liblinear's own steps, so that it stops where liblinear stops.

liblinear's default ends long before the minimum when C is large, and which C a grid search then prefers depends on
where. This is the trust region Newton method of Lin, Weng and Keerthi (JMLR 9, 2008, algorithms 1 and 2) with
liblinear's constants and stopping rule, run on coefficients of the rows (see `logistic`) instead of on weights: the
same iterates but for rounding. `logistic.fit_logistic` solves the same problem to the end. Compiled, because a search
over C takes thousands of steps, each short where the rows are few.

In the compiled functions `point` is float64 (5, rows): coefficients, scores, the negative gradient as coefficients, its
scores, curvature; `step` is (2, rows): coefficients and scores.
"""

from math import exp, log1p, sqrt

import numpy as np

from embedshift.compiled import compiled
from embedshift.logistic import SMALLEST_GRADIENT, LogisticFit, Rows, balanced_weights

LIBLINEAR_TOLERANCE = 1e-4
"""Default `tol` of scikit-learn; the gradient must fall to this times the smaller class's share."""
LIBLINEAR_MOST_STEPS = 100
FORCING = 0.1
ACCEPTED, POOR, GOOD = 1e-4, 0.25, 0.75
SHRINK, SHRINK_LITTLE, GROW = 0.25, 0.5, 4.0
NO_CHANGE = 1e-12
LARGEST_MARGIN = 700.0

Problem = tuple[np.ndarray, bool, np.ndarray, np.ndarray]
"""Matrix of the rows and whether it is their Gram matrix, target (rows,) of +-1, penalty (rows,)."""


def fit_like_liblinear(
    rows: Rows,
    positive: np.ndarray,
    penalty: np.ndarray,
    tolerance: float = LIBLINEAR_TOLERANCE,
    most_steps: int = LIBLINEAR_MOST_STEPS,
) -> LogisticFit:
    """Fit as LogisticRegression(solver="liblinear", tol=tolerance, max_iter=most_steps) does, from zero.

    positive: bool (rows,); penalty: C times the weight of each row (rows,).
    """
    points, shares = _fit_all(rows, positive, penalty, np.ones(1), tolerance, most_steps)
    return LogisticFit(points[0, 0], points[0, 1], float(shares[0]))


def path_like_liblinear(
    rows: Rows, positive: np.ndarray, grid: tuple[float, ...], start: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Return the coefficients for each C of the grid, (grid, rows), and the largest share of a gradient left over.

    liblinear always starts at zero: `start` is not used.
    """
    weights = balanced_weights(positive)
    points, shares = _fit_all(rows, positive, weights, np.array(grid), LIBLINEAR_TOLERANCE, LIBLINEAR_MOST_STEPS)
    return points[:, 0], float(shares.max())


def _fit_all(
    rows: Rows, positive: np.ndarray, weights: np.ndarray, grid: np.ndarray, tolerance: float, most_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the points (grid, 5, rows) and the shares of the gradients left over (grid,)."""
    number = np.count_nonzero(positive)
    enough = tolerance * max(min(number, len(positive) - number), 1) / len(positive)
    points, shares = np.zeros((len(grid), 5, len(positive))), np.zeros(len(grid))
    target, rounding = np.where(positive, 1.0, -1.0), SMALLEST_GRADIENT * 0.5 * weights.sum() * rows.longest()
    _descend_all(rows.matrix, rows.is_gram, target, weights, grid, (enough, rounding, most_steps), points, shares)
    return points, shares


@compiled
def _descend_all(
    matrix: np.ndarray,
    is_gram: bool,
    target: np.ndarray,
    weights: np.ndarray,
    grid: np.ndarray,
    limits: tuple[float, float, int],
    points: np.ndarray,
    shares: np.ndarray,
) -> None:
    """Fit for each C of the grid from zero; limits: share of the gradient that is enough, rounding at C = 1, steps."""
    for position, c in enumerate(grid):
        enough, rounding, most_steps = limits
        problem = matrix, is_gram, target, c * weights
        shares[position] = _descend(problem, (enough, c * rounding, most_steps), points[position])


@compiled
def _descend(problem: Problem, limits: tuple[float, float, int], point: np.ndarray) -> float:
    """Take steps from the point, which is zero, until the gradient is small; return the share of it that is left."""
    enough, rounding, most_steps = limits
    tried, step = np.zeros_like(point), np.empty((2, point.shape[1]))
    objective, gradient = _objective(problem, point), _linearise(problem, point)
    first_gradient = radius = gradient
    if first_gradient <= rounding:
        return 0.0
    taken = 0
    while gradient > enough * first_gradient and taken < most_steps:
        left = _step_within(problem, point, gradient, radius, step)
        slope, length = -_dot(point[2], step[1]), sqrt(max(_dot(step[0], step[1]), 0.0))
        promised = -0.5 * (slope - left)
        tried[:2] = point[:2] + step
        decrease = objective - _objective(problem, tried)
        radius = _next_radius(min(radius, length) if taken == 0 else radius, length, slope, promised, decrease)
        if decrease > ACCEPTED * promised:
            taken += 1
            point[:2] = tried[:2]
            objective -= decrease
            gradient = _linearise(problem, point)
        if max(abs(decrease), abs(promised)) <= NO_CHANGE * abs(objective):
            break
    return gradient / first_gradient


@compiled
def _objective(problem: Problem, point: np.ndarray) -> float:
    """Return |w|^2 / 2 + sum_i penalty_i log(1 + exp(-target_i score_i))."""
    _, _, target, penalty = problem
    loss = 0.0
    for i in range(len(target)):
        margin = target[i] * point[1, i]
        loss += penalty[i] * (log1p(exp(-abs(margin))) - min(margin, 0.0))
    return 0.5 * _dot(point[0], point[1]) + loss


@compiled
def _linearise(problem: Problem, point: np.ndarray) -> float:
    """Write the negative gradient, its scores and the curvature at the point; return the gradient's length."""
    matrix, is_gram, target, penalty = problem
    for i in range(len(target)):
        wrong = 1.0 / (1.0 + exp(min(target[i] * point[1, i], LARGEST_MARGIN)))
        point[2, i] = penalty[i] * target[i] * wrong - point[0, i]
        point[4, i] = penalty[i] * wrong * (1.0 - wrong)
    _times(matrix, is_gram, point[2], point[3])
    return sqrt(max(_dot(point[2], point[3]), 0.0))


@compiled
def _step_within(problem: Problem, point: np.ndarray, gradient: float, radius: float, step: np.ndarray) -> float:
    """Minimise the quadratic model by conjugate gradients, to the edge of the trust region at most (algorithm 2).

    The step is overwritten; returned is the product of its scores with what is left of the residual.
    """
    matrix, is_gram, _, _ = problem
    residual, product = point[2].copy(), point[3].copy()
    along, along_scores, bent = residual.copy(), product.copy(), np.empty_like(residual)
    step[:] = 0.0
    square = gradient**2
    while sqrt(max(square, 0.0)) > FORCING * gradient:
        for i in range(len(bent)):
            bent[i] = along[i] + point[4, i] * along_scores[i]
        size = square / _dot(along_scores, bent)
        inside, crossed, along_square = _dot(step[0], step[1]), _dot(step[0], along_scores), _dot(along, along_scores)
        at_edge = inside + 2.0 * size * crossed + size**2 * along_square > radius**2
        if at_edge:
            size = _to_the_edge(crossed, inside, along_square, radius)
        for i in range(len(bent)):
            step[0, i] += size * along[i]
            step[1, i] += size * along_scores[i]
            residual[i] -= size * bent[i]
        if at_edge:
            break
        _times(matrix, is_gram, residual, product)
        previous, square = square, _dot(residual, product)
        for i in range(len(bent)):
            along[i] = residual[i] + (square / previous) * along[i]
            along_scores[i] = product[i] + (square / previous) * along_scores[i]
    return _dot(residual, step[1])


@compiled
def _to_the_edge(crossed: float, inside: float, along: float, radius: float) -> float:
    """Return the positive root of |step + size along| = radius, given the inner products."""
    gap = radius**2 - inside
    root = sqrt(crossed**2 + along * gap)
    return gap / (crossed + root) if crossed >= 0 else (root - crossed) / along


@compiled
def _next_radius(radius: float, length: float, slope: float, promised: float, decrease: float) -> float:
    """Return the radius after a step, by how much of the promised decrease it kept."""
    excess = -decrease - slope
    multiple = GROW if excess <= 0 else max(SHRINK, -0.5 * slope / excess)
    wished = multiple * length
    if decrease < ACCEPTED * promised:
        return min(max(multiple, SHRINK) * length, SHRINK_LITTLE * radius)
    if decrease < POOR * promised:
        return max(SHRINK * radius, min(wished, SHRINK_LITTLE * radius))
    if decrease < GOOD * promised:
        return max(SHRINK * radius, min(wished, GROW * radius))
    return max(radius, min(wished, GROW * radius))


@compiled
def _dot(one: np.ndarray, other: np.ndarray) -> float:
    total = 0.0
    for i in range(len(one)):
        total += one[i] * other[i]
    return total


@compiled
def _times(matrix: np.ndarray, is_gram: bool, coefficients: np.ndarray, scores: np.ndarray) -> None:
    """Write the scores of the rows under w = sum_i coefficients_i x_i, for a Gram matrix or for features."""
    scores[:] = 0.0
    if is_gram:
        _times_symmetric(matrix, coefficients, scores)
    else:
        weights = np.zeros(matrix.shape[1])
        for i in range(len(matrix)):
            for k in range(len(weights)):
                weights[k] += coefficients[i] * matrix[i, k]
        for i in range(len(matrix)):
            scores[i] = _dot(matrix[i], weights)


@compiled
def _times_symmetric(gram: np.ndarray, coefficients: np.ndarray, scores: np.ndarray) -> None:
    """Add gram @ coefficients to the scores, the lower half read once, four rows at a time."""
    rows = len(gram)
    for j in range(0, rows - rows % 4, 4):
        g0, g1, g2, g3 = gram[j], gram[j + 1], gram[j + 2], gram[j + 3]
        a0, a1, a2, a3 = coefficients[j], coefficients[j + 1], coefficients[j + 2], coefficients[j + 3]
        s0 = s1 = s2 = s3 = 0.0
        for i in range(j):
            s0 += g0[i] * coefficients[i]
            s1 += g1[i] * coefficients[i]
            s2 += g2[i] * coefficients[i]
            s3 += g3[i] * coefficients[i]
            scores[i] += a0 * g0[i] + a1 * g1[i] + a2 * g2[i] + a3 * g3[i]
        scores[j] += s0 + a0 * g0[j] + a1 * g1[j] + a2 * g2[j] + a3 * g3[j]
        scores[j + 1] += s1 + a0 * g1[j] + a1 * g1[j + 1] + a2 * g2[j + 1] + a3 * g3[j + 1]
        scores[j + 2] += s2 + a0 * g2[j] + a1 * g2[j + 1] + a2 * g2[j + 2] + a3 * g3[j + 2]
        scores[j + 3] += s3 + a0 * g3[j] + a1 * g3[j + 1] + a2 * g3[j + 2] + a3 * g3[j + 3]
    for j in range(rows - rows % 4, rows):
        for i in range(j):
            scores[i] += coefficients[j] * gram[j, i]
        scores[j] += _dot(gram[j, : j + 1], coefficients[: j + 1])
