"""Fréchet distance against the square root of a matrix, closed forms, and recomputed resamples."""

import numpy as np
import pytest
import scipy.linalg

from embedshift.frechet import frechet_distance, measure_frechet
from embedshift.group_pairs import groups_of
from embedshift.resampling import draw_groups


def clouds(rng, clips, dim):
    clean = rng.standard_normal((clips, dim)) * np.geomspace(2, 0.2, dim)
    mixing = np.eye(dim) + 0.2 * rng.standard_normal((dim, dim))
    return clean, clean @ mixing + 0.3 + 0.1 * rng.standard_normal((clips, dim))


@pytest.mark.parametrize(("clips", "dim"), [(200, 12), (25, 12), (12, 30)], ids=["tall", "few", "wide"])
def test_the_distance_equals_the_formula_with_a_matrix_square_root(rng, clips, dim):
    clean, effected = clouds(rng, clips, dim)
    left, right = (np.cov(rows, rowvar=False) + 1e-12 * np.eye(dim) for rows in (clean, effected))
    root = scipy.linalg.sqrtm(left)
    mixed = scipy.linalg.sqrtm(root @ right @ root)
    shift = clean.mean(axis=0) - effected.mean(axis=0)
    expected = shift @ shift + np.trace(left + right - 2 * np.real(mixed))
    assert frechet_distance(clean, effected) == pytest.approx(expected, rel=1e-4)


def test_a_shift_and_a_scale_have_their_closed_forms(rng):
    clean = rng.standard_normal((40, 90)).astype(np.float32)
    assert frechet_distance(clean, clean) == pytest.approx(0, abs=1e-4)
    assert frechet_distance(clean, clean + np.float32(0.5)) == pytest.approx(90 * 0.25, rel=1e-5)
    spread = np.trace(np.cov(clean, rowvar=False))
    mean = clean.mean(axis=0, dtype=float)
    assert frechet_distance(clean, 3 * clean) == pytest.approx(4 * (spread + mean @ mean), rel=1e-5)


def test_the_limit_takes_away_most_of_the_bias_of_few_clips():
    """Two clouds from one distribution: the distance is 0, that of samples is far from it."""
    values, limits = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        clean, effected = rng.standard_normal((2, 300, 20))
        found = measure_frechet(clean, effected, groups_of(draw_groups(np.arange(300), 0, seed)), seed)
        values.append(found.value)
        limits.append(found.limit)
    assert np.mean(values) > 0.5
    assert abs(np.mean(limits)) < 0.1 * np.mean(values)


@pytest.mark.parametrize(("clips", "dim"), [(120, 8), (30, 60)], ids=["tall", "wide"])
def test_resamples_are_of_first_order(rng, clips, dim):
    """Weights near one: the change of the value agrees with that of the weighted distance itself."""
    clean, effected = clouds(rng, clips, dim)
    draws = draw_groups(np.arange(clips), 50, 3)
    small = 1 + 1e-3 * (draws.of_clips() - 1)
    groups = groups_of(draws)
    near = type(groups)(groups.of_clip, groups.size, small)
    found = measure_frechet(clean, effected, near, 1)
    exact = [_weighted(clean, effected, weights) for weights in small]
    base = _weighted(clean, effected, np.ones(clips))
    np.testing.assert_allclose(
        found.resampled - found.resampled.mean(), np.array(exact) - np.mean(exact), atol=2e-3 * base / 50
    )
    assert found.value == pytest.approx(base, rel=1e-6)


def _weighted(clean, effected, weights):
    """Return the distance of weighted clips, covariances over clips - 1 of the unweighted sample."""
    total, clips = weights.sum(), len(weights)
    parts = []
    for rows in (clean, effected):
        mean = weights @ rows / total
        parts.append((mean, np.sqrt(weights / total * clips / (clips - 1))[:, None] * (rows - mean)))
    shift, (_, left), (_, right) = parts[0][0] - parts[1][0], *parts
    mixed = np.linalg.svd(left @ right.T, compute_uv=False).sum()
    return shift @ shift + np.sum(left**2) + np.sum(right**2) - 2 * mixed
