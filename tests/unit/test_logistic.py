"""Logistic regression against scikit-learn's liblinear: at its default stop and at the minimum."""

import numpy as np
import pytest
from published_probe import like_embeddings
from sklearn.linear_model import LogisticRegression

from embedshift.logistic import FeatureRows, GramRows, balanced_weights, fit_logistic, rows_of
from embedshift.trust_region import fit_like_liblinear

WIDE, TALL = (60, 200), (240, 20)


def weights(embeddings, fit):
    return np.append(fit.coefficients @ embeddings.astype(np.float64), fit.coefficients.sum())


def sklearn_weights(embeddings, positive, c, **options):
    model = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=42, C=c, **options)
    model.fit(embeddings.astype(np.float64), positive)
    return np.append(model.coef_[0], model.intercept_)


def gradient_at(embeddings, positive, penalty, found):
    """Return the gradient of the objective at weights (dim + 1,), written down anew."""
    features = np.column_stack([embeddings.astype(np.float64), np.ones(len(embeddings))])
    target = np.where(positive, 1.0, -1.0)
    return found - features.T @ (penalty * target / (1 + np.exp(target * (features @ found))))


@pytest.mark.parametrize("shape", [WIDE, TALL])
@pytest.mark.parametrize("c", [1e-8, 1e-4, 1e-2, 1.0, 1e3])
def test_the_minimum_is_that_of_liblinear_run_to_the_end(rng, shape, c):
    embeddings, positive = like_embeddings(rng, *shape)
    fit = fit_logistic(rows_of(embeddings), positive, c * balanced_weights(positive))
    expected = sklearn_weights(embeddings, positive, c, tol=1e-12, max_iter=100_000)
    np.testing.assert_allclose(weights(embeddings, fit), expected, rtol=0, atol=2e-6 * np.abs(expected).max())
    assert fit.gradient_share <= 1e-10


@pytest.mark.parametrize("shape", [WIDE, TALL])
@pytest.mark.parametrize("c", [1e-8, 1e-6, 1e-4, 1e-2, 1.0, 100.0])
def test_the_trust_region_steps_are_those_of_liblinear_at_its_default_stop(rng, shape, c):
    """Rounding changes where conjugate gradients turn, so that the steps for a large C agree less closely."""
    embeddings, positive = like_embeddings(rng, *shape)
    fit = fit_like_liblinear(rows_of(embeddings), positive, c * balanced_weights(positive))
    expected = sklearn_weights(embeddings, positive, c)
    tolerance = 1e-9 if c < 1 else 1e-3
    np.testing.assert_allclose(weights(embeddings, fit), expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_the_gradient_is_zero_at_the_minimum(rng):
    embeddings, positive = like_embeddings(rng, 90, 300, scale=30.0)
    penalty = 1e3 * balanced_weights(positive)
    fit = fit_logistic(rows_of(embeddings), positive, penalty)
    gradient = gradient_at(embeddings, positive, penalty, weights(embeddings, fit))
    first = gradient_at(embeddings, positive, penalty, np.zeros(301))
    assert np.linalg.norm(gradient) <= 1e-9 * np.linalg.norm(first)


def test_both_forms_of_rows_give_the_same_fit(rng):
    embeddings, positive = like_embeddings(rng, 120, 50)
    features = np.column_stack([embeddings.astype(np.float64), np.ones(120)])
    penalty = 10.0 * balanced_weights(positive)
    fits = [fit_logistic(rows, positive, penalty) for rows in (FeatureRows(features), GramRows(features @ features.T))]
    np.testing.assert_allclose(fits[0].scores, fits[1].scores, rtol=0, atol=1e-7 * np.abs(fits[0].scores).max())


def test_a_start_does_not_change_the_minimum(rng):
    embeddings, positive = like_embeddings(rng, *WIDE)
    rows, penalty = rows_of(embeddings), balanced_weights(positive)
    cold = fit_logistic(rows, positive, 100.0 * penalty)
    warm = fit_logistic(rows, positive, 100.0 * penalty, fit_logistic(rows, positive, 10.0 * penalty).coefficients)
    np.testing.assert_allclose(warm.scores, cold.scores, rtol=0, atol=1e-6 * np.abs(cold.scores).max())


def degenerate(kind, rng):
    embeddings, positive = like_embeddings(rng, *WIDE)
    if kind == "duplicated rows":
        embeddings[1::2] = embeddings[::2]
    elif kind == "constant features":
        embeddings[:, ::3] = 7.0
    elif kind == "no features at all":
        embeddings[:] = 0.0
    elif kind == "separable by one feature":
        embeddings[:, 0] = np.where(positive, 50.0, -50.0)
    elif kind == "one positive":
        positive = np.arange(len(positive)) == 5
    return embeddings, positive


@pytest.mark.parametrize(
    "kind",
    ["duplicated rows", "constant features", "no features at all", "separable by one feature", "one positive"],
)
@pytest.mark.parametrize("c", [1e-4, 1.0, 1e3])
def test_degenerate_rows_have_the_minimum_of_liblinear(rng, kind, c):
    embeddings, positive = degenerate(kind, rng)
    penalty = c * balanced_weights(positive)
    found = weights(embeddings, fit_logistic(rows_of(embeddings), positive, penalty))
    gradient = np.linalg.norm(gradient_at(embeddings, positive, penalty, found))
    assert gradient <= 1e-8 * np.linalg.norm(gradient_at(embeddings, positive, penalty, 0 * found)) + 1e-12 * c
    expected = sklearn_weights(embeddings, positive, c, tol=1e-12, max_iter=100_000)  # ends where little decreases
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-5 * max(np.abs(expected).max(), 1e-3))


def test_balanced_weights_are_those_of_scikit_learn(rng):
    from sklearn.utils.class_weight import compute_sample_weight

    positive = rng.random(50) < 0.2
    np.testing.assert_allclose(balanced_weights(positive), compute_sample_weight("balanced", positive), rtol=1e-15)
