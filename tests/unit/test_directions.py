"""Directions against scikit-learn's CCA, which the published study used."""

import warnings

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA

from embedshift.directions import global_direction, sample_wise_directions, strength_targets


def cca_weights(rows, targets):
    return CCA(n_components=1, scale=False).fit(rows, targets).x_weights_[:, 0]


def rising(weights, rows, targets):
    return weights * np.sign(np.dot(rows @ weights - (rows @ weights).mean(), targets - targets.mean()))


def smooth_trajectories(rng, clips=40, strengths=12, dim=64, noise=1e-3):
    t = np.linspace(0, 1, strengths)[:, None]
    shapes = rng.standard_normal((clips, 2, dim))
    start = rng.standard_normal((clips, 1, dim))
    curve = start + t * shapes[:, None, 0] + 0.3 * t**2 * shapes[:, None, 1]
    return (curve + noise * rng.standard_normal((clips, strengths, dim))).astype(np.float32)


def reference_global(trajectories):
    clips, strengths, dim = trajectories.shape
    rows, targets = trajectories.reshape(-1, dim).astype(float), np.tile(strength_targets(strengths), clips)
    return rising(cca_weights(rows, targets), rows, targets)


def reference_sample_wise(trajectories):
    targets = strength_targets(trajectories.shape[1])
    return np.stack([rising(cca_weights(x, targets), x, targets) for x in trajectories.astype(float)])


@pytest.mark.parametrize(
    ("clips", "strengths", "dim"), [(60, 10, 32), (5, 8, 64), (4, 16, 64)], ids=["tall", "wide", "square"]
)
def test_global_direction_equals_sklearn(rng, clips, strengths, dim):
    trajectories = smooth_trajectories(rng, clips, strengths, dim, noise=0.1)
    found = global_direction(trajectories)
    np.testing.assert_allclose(found.vector, reference_global(trajectories), atol=1e-9)
    assert found.method == "gram"


def test_global_direction_equals_sklearn_with_dead_and_very_unequal_dimensions(rng):
    trajectories = smooth_trajectories(rng, 60, 10, 32, noise=0.1) * np.geomspace(1e-2, 1e3, 32).astype(np.float32)
    trajectories[:, :, 3] = 0.7
    found = global_direction(trajectories)
    np.testing.assert_allclose(found.vector, reference_global(trajectories), atol=1e-9)
    assert found.vector[3] == 0
    assert found.method == "gram"


@pytest.mark.parametrize("clips", [60, 3], ids=["tall", "wide"])
def test_global_direction_of_dependent_dimensions_is_the_minimum_norm_one_of_sklearn(rng, clips):
    trajectories = smooth_trajectories(rng, clips, 10, 32, noise=0.1).astype(np.float64)
    trajectories = np.concatenate([trajectories, 2 * trajectories[:, :, :8]], axis=2)
    if clips == 3:
        trajectories[:, 4] = trajectories[:, 3]
    found = global_direction(trajectories)
    np.testing.assert_allclose(found.vector, reference_global(trajectories), atol=1e-9)
    assert found.method == "orthogonal"


def test_global_direction_at_a_condition_number_of_a_hundred_thousand(rng):
    trajectories = smooth_trajectories(rng, 60, 10, 32, noise=1.0).astype(np.float64)
    trajectories[:, :, 1] = trajectories[:, :, 0] + 1e-5 * trajectories[:, :, 1]
    found = global_direction(trajectories)
    np.testing.assert_allclose(found.vector, reference_global(trajectories), atol=1e-9)
    assert 3e4 < found.condition_number < 1e6


def test_global_direction_of_selected_clips_only(rng):
    trajectories = smooth_trajectories(rng, 60, 10, 32, noise=0.1)
    chosen = np.array([3, 8, 11, 20, 21, 40, 59])
    expected = global_direction(trajectories[chosen]).vector
    np.testing.assert_allclose(global_direction(trajectories, chosen).vector, expected, atol=1e-12)


def test_sample_wise_directions_equal_a_loop_of_sklearn(rng):
    trajectories = smooth_trajectories(rng, clips=50, strengths=31, dim=128)
    np.testing.assert_allclose(
        sample_wise_directions(trajectories), reference_sample_wise(trajectories), rtol=0, atol=1e-9
    )


def test_sample_wise_directions_where_strengths_coincide_or_dimensions_are_few(rng):
    saturating = smooth_trajectories(rng, clips=20, strengths=12, dim=64)
    saturating[::2, 8:] = saturating[::2, 7:8]
    few_dimensions = smooth_trajectories(rng, clips=20, strengths=12, dim=5, noise=0.1)
    for trajectories in (saturating, few_dimensions):
        np.testing.assert_allclose(
            sample_wise_directions(trajectories), reference_sample_wise(trajectories), rtol=0, atol=1e-9
        )


def test_sample_wise_directions_do_not_depend_on_threads(rng):
    trajectories = smooth_trajectories(rng, clips=300, strengths=12, dim=64)
    alone, together = sample_wise_directions(trajectories, threads=1), sample_wise_directions(trajectories, threads=4)
    assert np.array_equal(alone, together)


def test_two_strengths_give_the_displacement_itself(rng):
    trajectories = rng.standard_normal((10, 2, 16))
    difference = trajectories[:, 1] - trajectories[:, 0]
    expected = difference / np.linalg.norm(difference, axis=1, keepdims=True)
    np.testing.assert_allclose(sample_wise_directions(trajectories), expected, atol=1e-12)


def test_trajectories_that_never_move_have_no_direction(rng):
    still = np.repeat(rng.standard_normal((6, 1, 16)).astype(np.float32), 5, axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not sample_wise_directions(still).any()
        constant = np.broadcast_to(still[:1], still.shape)
        assert not global_direction(constant).vector.any()
