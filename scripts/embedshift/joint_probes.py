"""Probes of all classes at once: one multinomial classifier, or one classifier for each of labels that may overlap.

    multinomial   minimise  |W|^2 / 2 + C sum_i weight_i (logsumexp_k f_ik - f_i,class(i)),       f = x W
    multi-label   minimise  |w_k|^2 / 2 + C sum_i weight_ik log(1 + exp(-target_ik f_ik))  for each label k

with a 1 appended to x (penalised intercept, as in the binary probe) and balanced weights. Rows are rotated once to the
principal axes of the training rows, where the curvature is nearly diagonal at moderate C: truncated Newton steps with
that diagonal as preconditioner, all classes as columns of one product, each C started from the one before.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax
from sklearn.metrics import roc_auc_score

from embedshift.errors import UserError
from embedshift.logistic_grid import PUBLISHED_GRID, first_best
from embedshift.ranking_metrics import average_precision

TOLERANCE = 1e-8
MOST_NEWTON_STEPS = 100
MOST_INNER_STEPS = 200
SMALLEST_STEP = 1e-8
ROUNDING = 1e-12
SMALLEST_SHARE = 1e-14

Total = Callable[[np.ndarray], np.ndarray]
"""Sum over the first axis, kept for broadcasting; over all labels too where they share one objective."""


@dataclass(frozen=True)
class JointProbe:
    """Weights (dim, classes), intercepts (classes,), chosen C (classes,), validation (grid, folds, classes)."""

    weights: np.ndarray
    intercepts: np.ndarray
    c: np.ndarray
    validation: np.ndarray

    def scores(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the scores of embeddings (rows, dim), (rows, classes); softmax or sigmoid gives probabilities."""
        return embeddings.astype(np.float64) @ self.weights + self.intercepts


def fit_multinomial(
    embeddings: np.ndarray, label: np.ndarray, fold: np.ndarray, grid: tuple[float, ...] = PUBLISHED_GRID
) -> JointProbe:
    """Fit one softmax classifier; C by the mean over classes of the held-out one-against-rest ROC AUC.

    Equal to GridSearchCV(LogisticRegression(class_weight="balanced"), scoring="roc_auc_ovr") on rows with a 1
    appended and fit_intercept=False. label (rows,); fold (rows,) int, best with whole groups. Classes are sorted.

    Raises
    ------
    UserError
        If a fold lacks a class, in its held-out or in its training part.
    """
    classes, number = np.unique(label, return_inverse=True)
    member = number[:, None] == np.arange(len(classes))
    _check_members(member, fold, [str(name) for name in classes])

    def validate(scores: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        probability = softmax(scores, axis=1)
        return np.array([roc_auc_score(member[held_out, k], column) for k, column in enumerate(probability.T)])

    return _search(embeddings, member, fold, grid, _Softmax, validate, together=True)


def fit_multi_label(
    embeddings: np.ndarray,
    member: np.ndarray,
    fold: np.ndarray,
    names: list[str],
    grid: tuple[float, ...] = PUBLISHED_GRID,
) -> JointProbe:
    """Fit a classifier for each label; C of each by its held-out average precision.

    Each equals GridSearchCV(LogisticRegression(solver="liblinear", class_weight="balanced"),
    scoring="average_precision") run to the end. member: bool (rows, labels); names for messages.

    Raises
    ------
    UserError
        If a fold lacks positive or negative rows of a label.
    """
    _check_members(member, fold, names)

    def validate(scores: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        columns = [average_precision(scores[:, [k]], member[held_out, k])[0] for k in range(member.shape[1])]
        return np.array(columns)

    return _search(embeddings, member, fold, grid, _Sigmoid, validate, together=False)


def _check_members(member: np.ndarray, fold: np.ndarray, names: list[str]) -> None:
    for number in range(fold.max() + 1):
        for rows, part in ((fold == number, "held-out"), (fold != number, "training")):
            found = member[rows].sum(axis=0)
            for name, count in zip(names, found, strict=True):
                if not 0 < count < np.count_nonzero(rows):
                    raise UserError(
                        f"The probe of all classes cannot be cross-validated: the {part} part of fold {number} has "
                        f"{count} of {np.count_nonzero(rows)} clips with the label '{name}'; it needs clips with and "
                        "without it. Give the label clips from more groups, or leave it out of the study."
                    )


class _Softmax:
    """Loss, descent and curvature of the multinomial objective; its columns are coupled."""

    def __init__(self, member: np.ndarray) -> None:
        self._member = member
        self._weight = (member * (len(member) / (member.shape[1] * member.sum(axis=0)))).sum(axis=1, keepdims=True)

    @staticmethod
    def total(values: np.ndarray) -> np.ndarray:
        return values.sum(keepdims=True)

    def loss(self, scores: np.ndarray) -> np.ndarray:
        highest = scores.max(axis=1, keepdims=True)
        log_sum = highest + np.log(np.exp(scores - highest).sum(axis=1, keepdims=True))
        return self.total(self._weight * (log_sum - (self._member * scores).sum(axis=1, keepdims=True)))

    def linearise(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        probability = softmax(scores, axis=1)

        def bend(change: np.ndarray) -> np.ndarray:
            weighted = probability * change
            return self._weight * (weighted - probability * weighted.sum(axis=1, keepdims=True))

        diagonal = (self._weight * probability * (1 - probability)).mean(axis=0)
        return self._weight * (self._member - probability), diagonal, bend


class _Sigmoid:
    """Loss, descent and curvature of independent labels, column by column."""

    def __init__(self, member: np.ndarray) -> None:
        number = member.sum(axis=0)
        self._target = np.where(member, 1.0, -1.0)
        self._weight = np.where(member, len(member) / (2 * number), len(member) / (2 * (len(member) - number)))

    @staticmethod
    def total(values: np.ndarray) -> np.ndarray:
        return values.sum(axis=0, keepdims=True)

    def loss(self, scores: np.ndarray) -> np.ndarray:
        margin = self._target * scores
        return self.total(self._weight * (np.log1p(np.exp(-np.abs(margin))) - np.minimum(margin, 0.0)))

    def linearise(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        wrong = expit(-self._target * scores)
        curvature = self._weight * wrong * (1 - wrong)
        return self._weight * self._target * wrong, curvature.mean(axis=0), lambda change: curvature * change


Objective = _Softmax | _Sigmoid


def _search(
    embeddings: np.ndarray,
    member: np.ndarray,
    fold: np.ndarray,
    grid: tuple[float, ...],
    objective: type,
    validate: Callable[[np.ndarray, np.ndarray], np.ndarray],
    together: bool,
) -> JointProbe:
    features, axes, variance = _principal(embeddings)
    validation = np.empty((len(grid), fold.max() + 1, member.shape[1]))
    for number in range(fold.max() + 1):
        train, held_out = fold != number, np.flatnonzero(fold == number)
        weights = np.zeros((features.shape[1], member.shape[1]))
        for position, c in enumerate(grid):
            weights = _fit(features[train], variance, objective(member[train]), c, weights)
            validation[position, number] = validate(features[held_out] @ weights, held_out)
    mean = validation.mean(axis=1)
    best = [first_best(mean.mean(axis=1))] * mean.shape[1] if together else [first_best(column) for column in mean.T]
    final = np.zeros((features.shape[1], member.shape[1]))
    for position in sorted(set(best)):
        fitted = _fit(features, variance, objective(member), grid[position], final)
        final = np.where(np.array(best) >= position, fitted, final)
    weights = axes @ final
    return JointProbe(weights[:-1], weights[-1], np.array([grid[position] for position in best]), validation)


def _principal(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows along their principal axes (rows, rank), the axes (dim + 1, rank), and mean squares (rank,)."""
    rows = np.column_stack([embeddings.astype(np.float64), np.ones(len(embeddings))])
    if len(rows) >= rows.shape[1]:
        square, axes = np.linalg.eigh(rows.T @ rows)
    else:
        square, left = np.linalg.eigh(rows @ rows.T)
        axes = rows.T @ (left / np.sqrt(np.maximum(square, np.finfo(float).tiny)))
    kept = square > SMALLEST_SHARE * square[-1]
    axes, _ = np.linalg.qr(axes[:, kept])
    features = rows @ axes
    return features, axes, np.einsum("rk,rk->k", features, features) / len(rows)


def _fit(features: np.ndarray, variance: np.ndarray, objective: Objective, c: float, start: np.ndarray) -> np.ndarray:
    """Return the weights (rank, classes) that minimise the objective at C, starting from `start`."""
    total, weights = objective.total, start
    scores = features @ weights
    first = _length(c * (features.T @ objective.linearise(np.zeros_like(scores))[0]), total)
    for _ in range(MOST_NEWTON_STEPS):
        pull, diagonal, bend = objective.linearise(scores)
        descent = c * (features.T @ pull) - weights
        share = _length(descent, total) / np.maximum(first, np.finfo(float).tiny)
        if (share <= TOLERANCE).all():
            break
        preconditioner = 1.0 + c * len(features) * variance[:, None] * diagonal
        forcing = np.minimum(0.1, np.sqrt(share))
        step = _newton_direction(features, descent, bend, c, preconditioner, forcing, total)
        step_scores = features @ step
        size = _step_size(objective, c, (weights, scores), (step, step_scores), total(descent * step))
        if not size.any():
            break
        weights, scores = weights + size * step, scores + size * step_scores
    return weights


def _length(values: np.ndarray, total: Total) -> np.ndarray:
    return np.sqrt(total(values**2))


def _newton_direction(
    features: np.ndarray,
    descent: np.ndarray,
    bend: Callable[[np.ndarray], np.ndarray],
    c: float,
    preconditioner: np.ndarray,
    forcing: np.ndarray,
    total: Total,
) -> np.ndarray:
    """Solve (1 + C X' bend X) step = descent by conjugate gradients until each column's residual is small enough."""
    step, residual = np.zeros_like(descent), descent
    enough = forcing * _length(descent, total)
    better = residual / preconditioner
    along, size = better, total(residual * better)
    for _ in range(MOST_INNER_STEPS):
        bent = along + c * (features.T @ bend(features @ along))
        length = _ratio(size, total(along * bent))
        step = step + length * along
        residual = residual - length * bent
        if (_length(residual, total) <= enough).all():
            break
        better = residual / preconditioner
        previous, size = size, total(residual * better)
        along = better + _ratio(size, previous) * along
    return step


def _step_size(
    objective: Objective,
    c: float,
    point: tuple[np.ndarray, np.ndarray],
    step: tuple[np.ndarray, np.ndarray],
    slope: np.ndarray,
) -> np.ndarray:
    """Halve the step, of each label by itself where labels are independent, until the objective falls enough."""

    def value(weights: np.ndarray, scores: np.ndarray) -> np.ndarray:
        return 0.5 * objective.total(weights**2) + c * objective.loss(scores)

    now = value(*point)
    size = np.ones_like(now)
    while (size > SMALLEST_STEP).any():
        after = value(point[0] + size * step[0], point[1] + size * step[1])
        failed = after > now - 1e-4 * size * slope + ROUNDING * np.abs(now)
        if not failed.any():
            return size
        size = np.where(failed, size / 2, size)
    return np.where(size > SMALLEST_STEP, size, 0.0)


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.zeros_like(over), where=under > 0)
