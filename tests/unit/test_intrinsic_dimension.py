"""Intrinsic dimension against scikit-dimension's numbers, known dimensions, and neighbours of other groups."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from embedshift.intrinsic_dimension import levina_bickel, neighbour_distances, two_nn
from embedshift.resampling import draw_groups


def distances(points, neighbours=10, group=None):
    group = np.arange(len(points)) if group is None else group
    return neighbour_distances(points @ points.T, group, neighbours)


def test_estimates_equal_scikit_dimension():
    """The numbers are those of scikit-dimension 0.5.0: TwoNN() and MLE() with 10 neighbours on the same points."""
    points = np.random.default_rng(7).standard_normal((300, 4))
    points = points @ np.linalg.qr(np.random.default_rng(8).standard_normal((30, 4)))[0].T
    points = points + 1e-3 * np.random.default_rng(9).standard_normal(points.shape)
    nearest = distances(points)
    none = draw_groups(np.arange(300), 0, seed=0)
    assert two_nn(nearest, none)[0] == pytest.approx(4.194748561556402, rel=1e-6)
    assert levina_bickel(nearest, none)[0] == pytest.approx(4.113587028028941, rel=1e-6)


@pytest.mark.parametrize("dim", [2, 5])
def test_a_ball_and_a_sphere_have_their_dimensions(rng, dim):
    ball = rng.standard_normal((2500, dim))
    ball *= (rng.uniform(size=(2500, 1)) ** (1 / dim)) / np.linalg.norm(ball, axis=1, keepdims=True)
    sphere = rng.standard_normal((2500, dim + 1))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    for points, tolerance in ((ball, 0.12), (sphere, 0.08)):
        nearest = distances(np.pad(points, ((0, 0), (0, 20))))
        for estimate in (two_nn, levina_bickel):
            assert estimate(nearest, draw_groups(np.arange(2500), 0, seed=0))[0] == pytest.approx(dim, rel=tolerance)


def test_neighbours_come_from_other_groups(rng):
    points, group = rng.standard_normal((40, 6)), np.repeat(np.arange(10), 4)
    points[1] = points[0]
    expected = cdist(points, points)
    expected[group[:, None] == group[None]] = np.inf
    np.testing.assert_allclose(distances(points, 5, group), np.sort(expected, axis=1)[:, :5], atol=1e-6)
    assert np.isinf(distances(points[:6], 10, group[:6])[:, 4:]).all()


def test_a_resample_counts_clips_as_often_as_they_are_drawn(rng):
    nearest = distances(rng.standard_normal((200, 3)))
    draws = draw_groups(np.arange(200), 3, seed=1)
    counts = draws.of_clips().astype(int)
    for estimate in (two_nn, levina_bickel):
        repeated = estimate(np.repeat(nearest, counts[1], axis=0), draw_groups(np.arange(200), 0, seed=1))[0]
        assert estimate(nearest, draws)[1][1] == pytest.approx(repeated, rel=0.02)
