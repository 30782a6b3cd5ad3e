"""The choice of C against scikit-learn's GridSearchCV."""

import numpy as np
import pytest
from published_probe import like_embeddings, published_search
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import PredefinedSplit

from embedshift.errors import UserError
from embedshift.logistic import rows_of
from embedshift.logistic_grid import (
    PUBLISHED_GRID,
    check_folds,
    first_best,
    grouped_folds,
    search_grid,
    stratified_folds,
)


def test_the_grid_is_the_published_one():
    np.testing.assert_allclose(PUBLISHED_GRID, np.logspace(-8, 3, 12), rtol=1e-14)


@pytest.mark.parametrize("rows", [120, 700])
@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_the_published_search_is_gridsearchcv_with_liblinear(rng, rows, scale):
    embeddings, positive = like_embeddings(rng, rows + 300, 100, scale)
    order = rng.permutation(rows + 300)
    train, test = order[:rows], order[rows:]
    expected = published_search(embeddings[train], positive[train])
    found = search_grid(rows_of(embeddings[train]), positive[train], stratified_folds(positive[train]))
    folds = np.stack([expected.cv_results_[f"split{fold}_test_score"] for fold in range(3)], axis=1)
    pairs = (positive[train].sum() // 3) * ((~positive[train]).sum() // 3)
    np.testing.assert_allclose(found.auc, folds, rtol=0, atol=2.5 / pairs)  # two clips may change places by rounding
    assert found.c == pytest.approx(expected.best_params_["C"])
    weights = found.coefficients @ embeddings[train].astype(np.float64)
    scores = embeddings[test] @ weights + found.coefficients.sum()
    theirs = expected.decision_function(embeddings[test].astype(np.float64))
    assert roc_auc_score(positive[test], scores) == pytest.approx(roc_auc_score(positive[test], theirs), abs=1e-4)


def test_the_exact_search_is_gridsearchcv_run_to_the_end(rng):
    embeddings, positive = like_embeddings(rng, 150, 60)
    fold = stratified_folds(positive)
    expected = published_search(embeddings, positive, PredefinedSplit(fold), tol=1e-11, max_iter=100_000)
    found = search_grid(rows_of(embeddings), positive, fold, solver="exact")
    assert found.c == pytest.approx(expected.best_params_["C"])
    np.testing.assert_allclose(found.auc.mean(axis=1), expected.cv_results_["mean_test_score"], rtol=0, atol=1e-12)
    weights = found.coefficients @ embeddings.astype(np.float64)
    np.testing.assert_allclose(weights, expected.best_estimator_.coef_[0], rtol=0, atol=1e-6 * np.abs(weights).max())
    assert found.gradient_share <= 1e-10


def test_of_equally_good_values_the_first_is_taken(rng):
    assert first_best(np.array([0.5, 0.9, 0.9 - 1e-15, 0.9])) == 1
    embeddings, positive = like_embeddings(rng, 60, 10)
    embeddings[:, 0] = np.where(positive, 50.0, -50.0)
    assert search_grid(rows_of(embeddings), positive, stratified_folds(positive)).c == PUBLISHED_GRID[0]


def test_grouped_folds_keep_groups_together(rng):
    positive = rng.random(90) < 0.4
    group = rng.integers(30, size=90).astype(str)
    fold = grouped_folds(positive, group)
    assert set(fold) == {0, 1, 2}
    assert all(len(set(fold[group == name])) == 1 for name in np.unique(group))


def test_a_fold_with_one_class_is_refused_with_names_and_numbers():
    positive = np.array([True, True, False, False, False, False])
    with pytest.raises(UserError, match=r"'cello' cannot be cross-validated: of 3 folds, the held-out part of fold 2"):
        check_folds(positive, np.array([0, 1, 0, 1, 2, 2]), "cello")
    with pytest.raises(UserError, match="training part"):
        check_folds(positive, np.zeros(6, dtype=int), "cello")
    with pytest.raises(UserError, match="cross-validated"):
        search_grid(rows_of(np.ones((6, 2))), positive, np.array([0, 0, 0, 1, 1, 1]))
