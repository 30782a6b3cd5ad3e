"""Multinomial and multi-label probes against scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from embedshift.errors import UserError
from embedshift.joint_probes import fit_multi_label, fit_multinomial

GRID = (1e-4, 1e-2, 1.0)


def study(rng, rows, dim, classes=4):
    label = np.arange(rows) % classes
    spread = np.arange(1, dim + 1) ** -0.5
    centre = 0.5 * rng.standard_normal((classes, dim)) * spread
    embeddings = np.maximum(centre[label] + spread * rng.standard_normal((rows, dim)) + 0.2, 0)
    return (
        embeddings.astype(np.float32),
        np.array(["cello", "flute", "organ", "voice"])[label],
        np.arange(rows) // 4 % 3,
    )


def with_one(embeddings):
    return np.column_stack([embeddings.astype(np.float64), np.ones(len(embeddings))])


@pytest.mark.parametrize(("rows", "dim"), [(120, 15), (60, 90)])
def test_the_multinomial_probe_is_that_of_scikit_learn(rng, rows, dim):
    embeddings, label, fold = study(rng, rows, dim)
    model = LogisticRegression(class_weight="balanced", fit_intercept=False, tol=1e-10, max_iter=100_000)
    search = GridSearchCV(model, {"C": GRID}, cv=PredefinedSplit(fold), scoring="roc_auc_ovr")
    search.fit(with_one(embeddings), label)
    found = fit_multinomial(embeddings, label, fold, GRID)
    assert (found.c == search.best_params_["C"]).all()
    validation = found.validation.mean(axis=(1, 2))
    np.testing.assert_allclose(validation, search.cv_results_["mean_test_score"], rtol=0, atol=1e-9)
    expected = search.best_estimator_.decision_function(with_one(embeddings))
    np.testing.assert_allclose(found.scores(embeddings), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(("rows", "dim"), [(120, 15), (60, 90)])
def test_each_label_has_the_probe_of_scikit_learn(rng, rows, dim):
    embeddings, label, fold = study(rng, rows, dim)
    member = np.stack([label == "cello", label == "flute", (label == "cello") | (rng.random(rows) < 0.2)], axis=1)
    found = fit_multi_label(embeddings, member, fold, ["cello", "flute", "strings"], GRID)
    for column in range(3):
        model = LogisticRegression(solver="liblinear", class_weight="balanced", tol=1e-11, max_iter=100_000)
        search = GridSearchCV(model, {"C": GRID}, cv=PredefinedSplit(fold), scoring="average_precision")
        search.fit(embeddings.astype(np.float64), member[:, column])
        assert found.c[column] == search.best_params_["C"]
        mean = found.validation[:, :, column].mean(axis=1)
        np.testing.assert_allclose(mean, search.cv_results_["mean_test_score"], rtol=0, atol=1e-9)
        expected = search.decision_function(embeddings.astype(np.float64))
        scores = found.scores(embeddings)[:, column]
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_duplicated_rows_and_constant_features_are_no_obstacle(rng):
    embeddings, label, fold = study(rng, 60, 90)
    embeddings[:, ::2] = 3.0
    embeddings[12:24] = embeddings[:12]
    for c in (1e-8, 1e3):
        found = fit_multinomial(embeddings, label, fold, (c,))
        assert np.isfinite(found.scores(embeddings)).all()


def test_a_fold_without_a_class_is_refused(rng):
    embeddings, label, fold = study(rng, 60, 5)
    fold[label == "organ"] = 0
    with pytest.raises(UserError, match=r"training part of fold 0 has 0 of 30 clips with the label 'organ'"):
        fit_multinomial(embeddings, label, fold, GRID)
    with pytest.raises(UserError, match="'x'"):
        fit_multi_label(embeddings, np.ones((60, 1), dtype=bool), fold, ["x"], GRID)
