"""L2-regularised logistic regression of one target, solved to the end: liblinear's primal objective.

    minimise  w'w / 2 + sum_i penalty_i log(1 + exp(-target_i w'x_i)),   x_i with a 1 appended (penalised intercept)

as in scikit-learn's LogisticRegression(solver="liblinear") with intercept_scaling=1, where penalty_i is C times the
weight of the row's class. The solution is w = sum_i a_i x_i; the coefficients a are what is computed. A truncated
Newton method (Lin, Weng and Keerthi 2008) runs conjugate gradients in the space of w, which in terms of a needs one
product with the Gram matrix of the rows a step, whatever the dimension. Where few steps do not suffice, the Hessian at
that point is factored and serves as preconditioner, from then on.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.linalg.blas import dsymv
from scipy.special import expit

TOLERANCE = 1e-10
"""Gradient at which a fit ends, as share of the gradient at w = 0. liblinear's default is about 1e-4."""
MOST_NEWTON_STEPS = 200
STEPS_BEFORE_FACTORING = 20
STEPS_WITH_NEW_FACTOR = 50
LARGEST_FORCING = 0.1
SMALLEST_STEP = 1e-8
SUFFICIENT_DECREASE = 1e-4
ROUNDING = 1e-11
SMALLEST_GRADIENT = 1e-8
"""A gradient at w = 0 below this share of what the longest row alone would give is rounding: classes do not differ."""

Preconditioner = Callable[[np.ndarray, np.ndarray], np.ndarray]


class GramRows:
    """Training rows known by their Gram matrix (rows, rows) float64, the 1 of the intercept included."""

    is_gram = True

    def __init__(self, gram: np.ndarray) -> None:
        self.matrix = self.gram = gram

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.gram)

    def longest(self) -> float:
        """Return the length of the longest row."""
        return float(np.sqrt(np.diag(self.gram).max()))

    def times(self, coefficients: np.ndarray) -> np.ndarray:
        """Return gram @ coefficients (rows,): the scores of the rows under w = sum_i coefficients_i x_i."""
        return dsymv(1.0, self.gram.T, coefficients)

    def scores(self, train: np.ndarray, coefficients: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Return the scores of rows `test` for coefficients (train, k) that belong to rows `train`."""
        return self.gram[np.ix_(test, train)] @ coefficients

    def subset(self, rows: np.ndarray) -> "GramRows":
        """Return the chosen rows alone."""
        return GramRows(self.gram[np.ix_(rows, rows)])

    def preconditioner(self, curvature: np.ndarray) -> Preconditioner:
        """Return the map (residual, gram @ residual) -> coefficients of H^-1 times it, H = 1 + X' diag(curvature) X."""
        root = np.sqrt(curvature)
        matrix = self.gram * root[:, None]
        matrix *= root
        matrix.flat[:: len(root) + 1] += 1.0
        factor = scipy.linalg.cho_factor(matrix.T, lower=True, overwrite_a=True, check_finite=False)

        def solve(residual: np.ndarray, product: np.ndarray) -> np.ndarray:
            return residual - root * scipy.linalg.cho_solve(factor, root * product, check_finite=False)

        return solve


class FeatureRows:
    """Training rows given by their features (rows, dim + 1) float64, last column 1: cheaper where rows > 2 dim."""

    is_gram = False

    def __init__(self, features: np.ndarray) -> None:
        self.matrix = self.features = features

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.features)

    def longest(self) -> float:
        """Return the length of the longest row."""
        return float(np.sqrt(np.einsum("rd,rd->r", self.features, self.features).max()))

    def times(self, coefficients: np.ndarray) -> np.ndarray:
        """Return features @ features.T @ coefficients, (rows,)."""
        return self.features @ (coefficients @ self.features)

    def scores(self, train: np.ndarray, coefficients: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Return the scores of rows `test` for coefficients (train, k) that belong to rows `train`."""
        return self.features[test] @ (self.features[train].T @ coefficients)

    def subset(self, rows: np.ndarray) -> "FeatureRows":
        """Return the chosen rows alone."""
        return FeatureRows(self.features[rows])

    def preconditioner(self, curvature: np.ndarray) -> Preconditioner:
        """Return the same map as `GramRows.preconditioner`, from a factor of the Hessian (dim + 1, dim + 1)."""
        scaled = self.features * np.sqrt(curvature)[:, None]
        hessian = scaled.T @ scaled
        hessian.flat[:: len(hessian) + 1] += 1.0
        factor = scipy.linalg.cho_factor(hessian, lower=True, overwrite_a=True, check_finite=False)

        def solve(residual: np.ndarray, _: np.ndarray) -> np.ndarray:
            weights = scipy.linalg.cho_solve(factor, residual @ self.features, check_finite=False)
            return residual - curvature * (self.features @ weights)

        return solve


Rows = GramRows | FeatureRows


@dataclass(frozen=True)
class LogisticFit:
    """Coefficients a (rows,), scores of the training rows (rows,), and what is left of the gradient at w = 0."""

    coefficients: np.ndarray
    scores: np.ndarray
    gradient_share: float


def rows_of(embeddings: np.ndarray) -> Rows:
    """Return embeddings (rows, dim), any float type, in the form that makes fits cheapest."""
    features = np.column_stack([embeddings.astype(np.float64), np.ones(len(embeddings))])
    rows, columns = features.shape
    return GramRows(features @ features.T) if rows <= 2 * columns else FeatureRows(features)


def balanced_weights(positive: np.ndarray) -> np.ndarray:
    """Return scikit-learn's class_weight="balanced" of each row, n / (2 n_k), for bool (rows,) with both classes."""
    number = np.count_nonzero(positive)
    return np.where(positive, len(positive) / (2 * number), len(positive) / (2 * (len(positive) - number)))


def logistic_loss(margin: np.ndarray, penalty: np.ndarray) -> float:
    """Return sum_i penalty_i log(1 + exp(-margin_i)) without overflow."""
    return float(penalty @ (np.log1p(np.exp(-np.abs(margin))) - np.minimum(margin, 0.0)))


def nothing_to_learn(rows: Rows, penalty: np.ndarray, first_gradient: float) -> bool:
    """Return whether the gradient at w = 0 is nothing but rounding, as it is where all rows are the same."""
    return first_gradient <= SMALLEST_GRADIENT * 0.5 * penalty.sum() * rows.longest()


def fit_logistic(
    rows: Rows,
    positive: np.ndarray,
    penalty: np.ndarray,
    start: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
) -> LogisticFit:
    """Fit the classifier of bool `positive` (rows,) with penalties C times class weight (rows,).

    `start` are coefficients to start from, such as those of a smaller C: their best multiple is taken first.
    The fit ends when the gradient is `tolerance` times its length at w = 0, or where rounding lets nothing decrease.
    """
    problem = _Problem(rows, np.where(positive, 1.0, -1.0), penalty)
    if nothing_to_learn(rows, penalty, problem.first_gradient):
        return LogisticFit(np.zeros(len(rows)), np.zeros(len(rows)), 0.0)
    state = problem.start(start)
    for _ in range(MOST_NEWTON_STEPS):
        if state.gradient <= tolerance * problem.first_gradient:
            break
        following = problem.newton_step(state, tolerance)
        if following is None:
            break
        state = following
    return LogisticFit(state.coefficients, state.scores, float(state.gradient / problem.first_gradient))


@dataclass(frozen=True)
class _State:
    """A point w: coefficients, scores, objective; negative gradient as coefficients, its scores and its length."""

    coefficients: np.ndarray
    scores: np.ndarray
    objective: float
    descent: np.ndarray
    descent_scores: np.ndarray
    gradient: float
    curvature: np.ndarray


class _Problem:
    def __init__(self, rows: Rows, target: np.ndarray, penalty: np.ndarray) -> None:
        self.rows, self.target, self.penalty = rows, target, penalty
        self._precondition: Preconditioner | None = None
        first = 0.5 * penalty * target
        self.first_gradient = _length(first, rows.times(first))

    def start(self, coefficients: np.ndarray | None) -> _State:
        if coefficients is None or not coefficients.any():
            return self._state(np.zeros(len(self.rows)), np.zeros(len(self.rows)))
        scores = self.rows.times(coefficients)
        scale = self._best_multiple(coefficients @ scores, self.target * scores)
        return self._state(scale * coefficients, scale * scores)

    def _best_multiple(self, norm: float, margin: np.ndarray) -> float:
        """Return about the b that minimises b^2 norm / 2 + sum penalty log(1 + exp(-b margin)), b > 0."""
        scale = 1.0
        for _ in range(20):
            wrong = expit(-scale * margin)
            slope = scale * norm - (self.penalty * margin) @ wrong
            step = slope / (norm + (self.penalty * margin**2) @ (wrong * (1 - wrong)))
            following = min(max(scale - step, scale / 2), scale * 2)
            if abs(following - scale) < 1e-3 * scale:
                return following
            scale = following
        return scale

    def _loss(self, scores: np.ndarray) -> float:
        return logistic_loss(self.target * scores, self.penalty)

    def _state(self, coefficients: np.ndarray, scores: np.ndarray) -> _State:
        wrong = expit(-self.target * scores)
        descent = self.penalty * self.target * wrong - coefficients
        descent_scores = self.rows.times(descent)
        return _State(
            coefficients,
            scores,
            0.5 * float(coefficients @ scores) + self._loss(scores),
            descent,
            descent_scores,
            _length(descent, descent_scores),
            self.penalty * wrong * (1 - wrong),
        )

    def newton_step(self, state: _State, tolerance: float) -> _State | None:
        """Return the point after one truncated Newton step with line search; None where nothing decreases."""
        share = state.gradient / self.first_gradient
        forcing = max(min(LARGEST_FORCING, share**0.5), 0.3 * tolerance / share)
        step, step_scores = self._direction(state, forcing * state.gradient)
        size = self._step_size(state, step, step_scores)
        if size is None:
            return None
        coefficients = state.coefficients + size * step
        return self._state(coefficients, self.rows.times(coefficients))

    def _direction(self, state: _State, target: float) -> tuple[np.ndarray, np.ndarray]:
        """Solve the Newton system to `target`, with the last factor if any; where it takes long, with a new one."""
        gradients = _ConjugateGradients(self.rows, state)
        if not gradients.run(self._precondition, target, STEPS_BEFORE_FACTORING):
            self._precondition = self.rows.preconditioner(state.curvature)
            gradients.run(self._precondition, target, STEPS_WITH_NEW_FACTOR)
        return gradients.solution, gradients.scores

    def _step_size(self, state: _State, step: np.ndarray, step_scores: np.ndarray) -> float | None:
        slope = -(state.descent @ step_scores)
        norms = state.coefficients @ state.scores, state.coefficients @ step_scores, step @ step_scores
        size, allowed = 1.0, ROUNDING * abs(state.objective)
        while size > SMALLEST_STEP:
            norm = norms[0] + 2 * size * norms[1] + size**2 * norms[2]
            objective = 0.5 * norm + self._loss(state.scores + size * step_scores)
            if objective <= state.objective + SUFFICIENT_DECREASE * size * slope + allowed:
                return size
            size /= 2
        return None


class _ConjugateGradients:
    """H^-1 times the descent in the space of w, kept as coefficients and their scores; H = 1 + X' diag(curvature) X."""

    def __init__(self, rows: Rows, state: _State) -> None:
        self._rows, self._curvature = rows, state.curvature
        self._residual, self._product = state.descent, state.descent_scores
        self.solution, self.scores = np.zeros(len(rows)), np.zeros(len(rows))

    def run(self, precondition: Preconditioner | None, target: float, most: int) -> bool:
        """Take at most so many steps, from where the last run ended; return whether the residual is below target."""
        along = along_scores = np.zeros(len(self._rows))
        previous = np.inf
        for _ in range(most):
            better, better_scores = self._residual, self._product
            if precondition is not None:
                better = precondition(self._residual, self._product)
                better_scores = self._rows.times(better)
            size = self._residual @ better_scores
            along = better + (size / previous) * along
            along_scores = better_scores + (size / previous) * along_scores
            previous = size
            if self._advance(size, along, along_scores) <= target:
                return True
        return False

    def _advance(self, size: float, along: np.ndarray, along_scores: np.ndarray) -> float:
        bent = along + self._curvature * along_scores
        length = size / (along_scores @ bent)
        self.solution += length * along
        self.scores += length * along_scores
        self._residual = self._residual - length * bent
        self._product = self._rows.times(self._residual)
        return _length(self._residual, self._product)


def _length(coefficients: np.ndarray, scores: np.ndarray) -> float:
    """Return the length of w = sum_i coefficients_i x_i from its scores; rounding may make the square negative."""
    return float(np.sqrt(max(coefficients @ scores, 0.0)))
