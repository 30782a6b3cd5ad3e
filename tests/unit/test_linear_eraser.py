"""Linear erasers in thin form against the dense projection that they stand for."""

from types import SimpleNamespace

import numpy as np
import pytest

from embedshift.linear_eraser import from_projection, linear_part


def dense(rng, dim, rank, oblique=False):
    """Return a projection (dim, dim) that removes `rank` dimensions, and a mean."""
    basis = np.linalg.qr(rng.standard_normal((dim, rank)))[0]
    other = basis + (0.3 * rng.standard_normal((dim, rank)) if oblique else 0.0)
    return np.eye(dim) - other @ np.linalg.solve(basis.T @ other, basis.T), rng.standard_normal(dim)


@pytest.mark.parametrize(("rank", "oblique"), [(1, False), (7, False), (40, False), (150, False), (5, True)])
def test_the_thin_form_is_the_projection(rng, rank, oblique):
    projection, mean = dense(rng, 200, rank, oblique)
    eraser = linear_part(SimpleNamespace(mean=mean, projection=projection))
    rows = rng.standard_normal((30, 200))
    expected = mean + (rows - mean) @ projection
    np.testing.assert_allclose(eraser.apply(rows), expected, rtol=0, atol=1e-10)
    weights, intercept = eraser.pull_back(np.ones((200, 2)), np.array([1.0, -2.0]))
    scores = expected @ np.ones((200, 2)) + [1.0, -2.0]
    np.testing.assert_allclose(rows @ weights + intercept, scores, rtol=0, atol=1e-9)


def test_a_fitted_linear_eraser_is_taken_apart(rng):
    from embedshift.erasers.linear_map import oblique_map

    left, right = rng.standard_normal((2, 3, 40))
    fitted = oblique_map(left, right, rng.standard_normal(40))
    rows = rng.standard_normal((9, 40))
    for given in (fitted, SimpleNamespace(map=fitted)):
        np.testing.assert_allclose(linear_part(given).apply(rows), fitted.apply(rows), rtol=0, atol=1e-12)


def test_what_removes_few_dimensions_is_kept_thin(rng):
    projection, mean = dense(rng, 200, 3)
    assert from_projection(mean, projection).take.shape == (200, 16)


def test_an_eraser_without_projection_must_be_applied():
    assert linear_part(SimpleNamespace(apply=np.tanh)) is None
