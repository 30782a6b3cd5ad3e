"""Logistic regression by liblinear's own steps, so that it stops where liblinear stops.

liblinear's default ends long before the minimum when C is large, and which C a grid search then prefers depends on
where. This is the trust region Newton method of Lin, Weng and Keerthi (JMLR 9, 2008, algorithms 1 and 2) with
liblinear's constants and stopping rule, run on coefficients of the rows (see `logistic`) instead of on weights: the
same iterates but for rounding. `logistic.fit_logistic` solves the same problem to the end.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from embedshift.logistic import LogisticFit, Rows, logistic_loss, nothing_to_learn

LIBLINEAR_TOLERANCE = 1e-4
"""Default `tol` of scikit-learn; the gradient must fall to this times the smaller class's share."""
LIBLINEAR_MOST_STEPS = 100
FORCING = 0.1
ACCEPTED, POOR, GOOD = 1e-4, 0.25, 0.75
SHRINK, SHRINK_LITTLE, GROW = 0.25, 0.5, 4.0
NO_CHANGE = 1e-12


@dataclass
class _Point:
    """Coefficients, scores and objective; the negative gradient as coefficients, its scores and its length."""

    coefficients: np.ndarray
    scores: np.ndarray
    objective: float
    descent: np.ndarray
    descent_scores: np.ndarray
    gradient: float
    curvature: np.ndarray


@dataclass
class _Step:
    """A step and its scores, its length, the decrease it promises, and whether the first order says more."""

    coefficients: np.ndarray
    scores: np.ndarray
    length: float
    slope: float
    promised: float


def fit_like_liblinear(
    rows: Rows,
    positive: np.ndarray,
    penalty: np.ndarray,
    start: np.ndarray | None = None,
    tolerance: float = LIBLINEAR_TOLERANCE,
    most_steps: int = LIBLINEAR_MOST_STEPS,
) -> LogisticFit:
    """Fit as LogisticRegression(solver="liblinear", tol=tolerance, max_iter=most_steps) does; `start` is not used.

    positive: bool (rows,); penalty: C times the weight of each row (rows,). liblinear always starts at zero.
    """
    target = np.where(positive, 1.0, -1.0)
    number = np.count_nonzero(positive)
    smaller = max(min(number, len(positive) - number), 1)
    zero = np.zeros(len(rows))
    point = _point(rows, target, penalty, zero, zero)
    first_gradient = radius = point.gradient
    if nothing_to_learn(rows, penalty, first_gradient):
        return LogisticFit(zero, zero, 0.0)
    enough = tolerance * smaller / len(positive) * first_gradient
    taken = 0
    while point.gradient > enough and taken < most_steps:
        step = _step_within(rows, point, radius)
        scores = point.scores + step.scores
        objective = _objective(target, penalty, point.coefficients + step.coefficients, scores)
        decrease = point.objective - objective
        radius = _next_radius(min(radius, step.length) if taken == 0 else radius, step, decrease)
        if decrease > ACCEPTED * step.promised:
            taken += 1
            point = _point(rows, target, penalty, point.coefficients + step.coefficients, scores)
        if max(abs(decrease), abs(step.promised)) <= NO_CHANGE * abs(point.objective):
            break
    return LogisticFit(point.coefficients, point.scores, point.gradient / first_gradient)


def _objective(target: np.ndarray, penalty: np.ndarray, coefficients: np.ndarray, scores: np.ndarray) -> float:
    return 0.5 * float(coefficients @ scores) + logistic_loss(target * scores, penalty)


def _point(rows: Rows, target: np.ndarray, penalty: np.ndarray, coefficients: np.ndarray, scores: np.ndarray) -> _Point:
    wrong = expit(-target * scores)
    descent = penalty * target * wrong - coefficients
    descent_scores = rows.times(descent)
    return _Point(
        coefficients,
        scores,
        _objective(target, penalty, coefficients, scores),
        descent,
        descent_scores,
        float(np.sqrt(max(descent @ descent_scores, 0.0))),
        penalty * wrong * (1 - wrong),
    )


def _step_within(rows: Rows, point: _Point, radius: float) -> _Step:
    """Minimise the quadratic model by conjugate gradients, to the edge of the trust region at most (algorithm 2)."""
    step, step_scores = np.zeros(len(rows)), np.zeros(len(rows))
    residual, product = point.descent, point.descent_scores
    along, along_scores, square = residual, product, point.gradient**2
    while np.sqrt(max(square, 0.0)) > FORCING * point.gradient:
        bent = along + point.curvature * along_scores
        size = square / (along_scores @ bent)
        further, further_scores = step + size * along, step_scores + size * along_scores
        if further @ further_scores > radius**2:
            size = _to_the_edge(step @ along_scores, step @ step_scores, along @ along_scores, radius)
            step, step_scores = step + size * along, step_scores + size * along_scores
            residual = residual - size * bent
            break
        step, step_scores = further, further_scores
        residual = residual - size * bent
        product = rows.times(residual)
        previous, square = square, residual @ product
        along, along_scores = (
            residual + (square / previous) * along,
            product + (square / previous) * along_scores,
        )
    slope = -(point.descent @ step_scores)
    length = float(np.sqrt(max(step @ step_scores, 0.0)))
    return _Step(step, step_scores, length, slope, -0.5 * (slope - residual @ step_scores))


def _to_the_edge(crossed: float, inside: float, along: float, radius: float) -> float:
    """Return the positive root of |step + size along| = radius, given the inner products."""
    gap = radius**2 - inside
    root = np.sqrt(crossed**2 + along * gap)
    return gap / (crossed + root) if crossed >= 0 else (root - crossed) / along


def _next_radius(radius: float, step: _Step, decrease: float) -> float:
    """Return the radius after a step, by how much of the promised decrease it kept."""
    excess = -decrease - step.slope
    multiple = GROW if excess <= 0 else max(SHRINK, -0.5 * step.slope / excess)
    wished = multiple * step.length
    if decrease < ACCEPTED * step.promised:
        return min(max(multiple, SHRINK) * step.length, SHRINK_LITTLE * radius)
    if decrease < POOR * step.promised:
        return max(SHRINK * radius, min(wished, SHRINK_LITTLE * radius))
    if decrease < GOOD * step.promised:
        return max(SHRINK * radius, min(wished, GROW * radius))
    return max(radius, min(wished, GROW * radius))
