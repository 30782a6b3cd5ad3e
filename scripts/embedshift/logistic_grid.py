"""Choice of C by cross-validated ROC AUC, then a fit on all rows: scikit-learn's GridSearchCV, without its repetitions.

Equal to GridSearchCV(LogisticRegression(solver="liblinear", class_weight="balanced"), grid, scoring="roc_auc"): class
weights of each fold's own rows, mean AUC over the folds, the first of equally good C, fit on all rows with it. All
fits share one Gram matrix. Two solvers: `liblinear` takes liblinear's steps and stops where its default stops, as
published; `exact` goes to the minimum, each fit starting from the one with the next smaller C.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from embedshift.errors import UserError
from embedshift.logistic import Rows, balanced_weights, fit_logistic
from embedshift.ranking_metrics import roc_auc
from embedshift.resampling import group_folds
from embedshift.trust_region import path_like_liblinear

PUBLISHED_GRID = tuple(10.0**power for power in range(-8, 4))
PUBLISHED_FOLDS = 3
TIE = 1e-12


def exact_path(
    rows: Rows, positive: np.ndarray, grid: tuple[float, ...], start: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Return as `path_like_liblinear` does, but from fits to the minimum, each from the one before."""
    weights = balanced_weights(positive)
    path, shares = np.zeros((len(grid), len(rows))), []
    for position, c in enumerate(grid):
        fitted = fit_logistic(rows, positive, c * weights, path[position - 1] if position else start)
        path[position] = fitted.coefficients
        shares.append(fitted.gradient_share)
    return path, max(shares)


Path = Callable[[Rows, np.ndarray, tuple[float, ...], np.ndarray | None], tuple[np.ndarray, float]]
SOLVERS: dict[str, Path] = {"liblinear": path_like_liblinear, "exact": exact_path}


@dataclass(frozen=True)
class GridSearch:
    """The chosen C and its fit on all rows.

    Attributes
    ----------
    c : the chosen value
    coefficients : float64 array (rows,), the classifier is w = sum_i coefficients_i x_i with x_i ending in 1
    auc : float64 array (grid, folds), held-out ROC AUC
    gradient_share : largest remaining gradient of all fits, as share of the one at w = 0
    """

    c: float
    coefficients: np.ndarray
    auc: np.ndarray
    gradient_share: float


def stratified_folds(positive: np.ndarray, folds: int = PUBLISHED_FOLDS) -> np.ndarray:
    """Return the fold of each row (rows,) int as scikit-learn's StratifiedKFold(folds) without shuffling deals them."""
    from sklearn.model_selection import StratifiedKFold

    fold = np.empty(len(positive), dtype=np.int64)
    for number, (_, held_out) in enumerate(StratifiedKFold(folds).split(positive, positive)):
        fold[held_out] = number
    return fold


def grouped_folds(positive: np.ndarray, group: np.ndarray, folds: int = PUBLISHED_FOLDS, seed: int = 0) -> np.ndarray:
    """Return the fold of each row (rows,) int, stratified by class, no group in two folds."""
    return group_folds(group, positive, folds, seed)


def check_folds(positive: np.ndarray, fold: np.ndarray, name: str) -> None:
    """Refuse folds in which a class is missing: neither a classifier nor an AUC exists there.

    Raises
    ------
    UserError
        Naming the class `name`, the fold and what it lacks.
    """
    folds = fold.max() + 1
    for number in range(folds):
        for rows, of_what in ((fold == number, "held-out"), (fold != number, "training")):
            found = np.count_nonzero(positive[rows]), np.count_nonzero(~positive[rows])
            if not all(found):
                raise UserError(
                    f"The classifier of '{name}' cannot be cross-validated: of {folds} folds, the {of_what} part of "
                    f"fold {number} has {found[0]} clips of '{name}' and {found[1]} of other classes; it needs both. "
                    f"There are {np.count_nonzero(positive)} training clips of '{name}' and "
                    f"{np.count_nonzero(~positive)} others: give the class clips from at least {PUBLISHED_FOLDS} "
                    "groups, or leave it out of the study."
                )


def search_grid(
    rows: Rows,
    positive: np.ndarray,
    fold: np.ndarray,
    grid: tuple[float, ...] = PUBLISHED_GRID,
    solver: str = "liblinear",
    name: str = "positive",
) -> GridSearch:
    """Return the best C of the ascending `grid` and the classifier fitted on all rows with it.

    positive: bool (rows,); fold: int (rows,), see `stratified_folds` and `grouped_folds`; solver: a key of
    `SOLVERS`; `name` is for messages.

    Raises
    ------
    UserError
        If a fold lacks a class.
    """
    check_folds(positive, fold, name)
    auc, shares = np.empty((len(grid), fold.max() + 1)), [0.0]
    starts = np.zeros((len(grid), len(rows)))
    for number in range(fold.max() + 1):
        train, held_out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        path, share = SOLVERS[solver](rows.subset(train), positive[train], grid, None)
        starts[:, train] += path
        auc[:, number] = roc_auc(rows.scores(train, path.T, held_out), positive[held_out])
        shares.append(share)
    best = first_best(auc.mean(axis=1))
    coefficients, share = SOLVERS[solver](rows, positive, grid[best : best + 1], starts[best])
    return GridSearch(grid[best], coefficients[0], auc, max(*shares, share))


def first_best(values: np.ndarray) -> int:
    """Return the position of the first value that is the largest but for rounding."""
    return int(np.argmax(values >= values.max() - TIE))
