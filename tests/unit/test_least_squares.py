"""Least squares for many targets against numpy's pseudo-inverse."""

import numpy as np
import pytest

from embedshift import least_squares
from embedshift.least_squares import CUT_OFF, CentredRows, merge_scatter, solve_least_squares


@pytest.mark.parametrize(("clips", "dim"), [(30, 20), (3, 40)], ids=["tall", "wide"])
@pytest.mark.parametrize("dependent", [False, True])
def test_all_targets_are_solved_as_by_the_pseudo_inverse(rng, clips, dim, dependent):
    trajectories = rng.standard_normal((clips, 6, dim)) + 5
    if dependent:
        trajectories[:, :, 1] = 3 * trajectories[:, :, 0]
        trajectories[:, 5] = trajectories[:, 4]
    targets = rng.integers(0, 9, (clips * 6, 7))
    matrix = trajectories.reshape(-1, dim) - trajectories.mean(axis=(0, 1))
    expected = np.linalg.pinv(matrix, rcond=CUT_OFF) @ (targets - targets.mean(axis=0))
    found = solve_least_squares(CentredRows(trajectories), targets)
    np.testing.assert_allclose(found.coefficients, expected, atol=1e-11)
    assert found.method == ("orthogonal" if dependent else "gram")


@pytest.mark.parametrize(("condition", "decomposed"), [(1e7, False), (3e9, True), (1e12, True)])
def test_ill_conditioned_rows_are_solved_orthogonally(rng, monkeypatch, condition, decomposed):
    left, right = (np.linalg.qr(rng.standard_normal((size, 70)))[0] for size in (600, 70))
    trajectories = (left * np.geomspace(1, 1 / condition, 70) @ right.T).reshape(100, 6, 70)
    targets = rng.standard_normal((600, 3))
    matrix = trajectories.reshape(-1, 70) - trajectories.mean(axis=(0, 1))
    inverse = np.linalg.pinv(matrix, rcond=CUT_OFF)
    sizes = np.linalg.svd(matrix, compute_uv=False)
    decompositions = []
    decompose = least_squares._solve_by_svd
    monkeypatch.setattr(least_squares, "_solve_by_svd", lambda *given: decompositions.append(1) or decompose(*given))
    monkeypatch.setattr(least_squares, "BLOCK_VALUES", 70 * 6 * 9)
    found = solve_least_squares(CentredRows(trajectories), targets)
    assert (found.method, bool(decompositions)) == ("orthogonal", decomposed)
    np.testing.assert_allclose(found.condition_number, sizes[0] / sizes[sizes > CUT_OFF * sizes[0]][-1], rtol=0.1)
    size = np.abs(inverse).max()
    error = found.coefficients - inverse @ (targets - targets.mean(axis=0))
    assert np.abs(error).max() < 1e-15 * size * min(condition, 1 / CUT_OFF) * 10


@pytest.mark.parametrize("together", [False, True])
def test_dimensions_that_rarely_or_never_move_as_after_a_relu(rng, together):
    trajectories = np.maximum(rng.standard_normal((50, 6, 30)), 0)
    trajectories[:, :, [3, 17]] = 0
    trajectories[:, :, [5, 9]] = 0
    trajectories[20, 2, 5] = trajectories[20 if together else 21, 2, 9] = 1e-6
    targets = rng.standard_normal((300, 2))
    matrix = trajectories.reshape(-1, 30) - trajectories.mean(axis=(0, 1))
    moving = np.delete(np.arange(30), [3, 17])
    expected = np.zeros((30, 2))  # numpy's pinv alone leaves rounding errors of 1e-16 / 1e-6 where nothing moves
    expected[moving] = np.linalg.pinv(matrix[:, moving], rcond=CUT_OFF) @ (targets - targets.mean(axis=0))
    found = solve_least_squares(CentredRows(trajectories), targets)
    np.testing.assert_allclose(found.coefficients, expected, rtol=1e-6, atol=1e-8)
    assert found.method == ("orthogonal" if together else "gram")


def test_blocks_do_not_change_anything(rng, monkeypatch):
    trajectories = rng.standard_normal((30, 6, 20)).astype(np.float32)
    whole = CentredRows(trajectories).scatter()
    monkeypatch.setattr("embedshift.least_squares.BLOCK_VALUES", 500)
    rows = CentredRows(trajectories, np.arange(30))
    np.testing.assert_array_equal(CentredRows(trajectories, threads=3).scatter(), rows.scatter())
    np.testing.assert_allclose(rows.scatter(), whole, atol=1e-11)
    np.testing.assert_allclose(rows.all().T @ rows.all(), whole, atol=1e-11)
    np.testing.assert_allclose(rows.times(np.eye(20)), rows.all())


def test_merged_scatter_equals_that_of_all_rows_far_from_the_origin(rng):
    trajectories = rng.standard_normal((30, 6, 20)) + 1e4
    trajectories[20:] += 3
    parts = [CentredRows(trajectories, clips) for clips in (np.arange(7), np.arange(7, 25), np.arange(25, 30))]
    merged = merge_scatter([(len(part), part.mean, part.scatter()) for part in parts])
    np.testing.assert_allclose(merged, np.cov(trajectories.reshape(-1, 20).T) * 179, rtol=1e-9, atol=1e-7)
