"""Rank correlations against scipy."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from embedshift.rank_correlation import highest_squared_spearman, resampled_spearman, signed_square, spearman
from embedshift.resampling import GroupDraws


def of_clips(counts):
    """Return draws of groups of one clip."""
    return GroupDraws(counts.astype(np.uint8), np.arange(counts.shape[1]))


@pytest.mark.parametrize("decimals", [12, 1, 0], ids=["no ties", "some ties", "many ties"])
def test_spearman_equals_scipy(rng, decimals):
    level = np.tile(np.arange(7), 20)[:, None] * np.ones((1, 5), dtype=int)
    projection = np.round(rng.standard_normal((140, 5)) + 0.2 * level, decimals)
    expected = [spearmanr(projection[:, c], level[:, c]).statistic for c in range(5)]
    np.testing.assert_allclose(spearman(projection, level), expected, atol=1e-12)


@pytest.mark.parametrize("decimals", [12, 1, 0], ids=["no ties", "some ties", "many ties"])
def test_subsamples_equal_scipy_on_their_rows(rng, decimals):
    projection = np.round(rng.standard_normal((15, 6)) + 0.2 * np.arange(6), decimals)
    counts = rng.integers(0, 2, (10, 15))
    level = np.tile(np.arange(6), (15, 1))
    expected = [spearmanr(projection[row > 0].ravel(), level[row > 0].ravel()).statistic for row in counts]
    np.testing.assert_allclose(resampled_spearman(projection, of_clips(counts)), expected, atol=1e-12)


def test_resamples_equal_scipy_on_repeated_rows_that_lie_side_by_side(rng):
    projection = rng.standard_normal((15, 6)) + 0.2 * np.arange(6)
    level = np.tile(np.arange(6), (15, 1))
    counts = rng.integers(0, 4, (10, 15))
    found = resampled_spearman(projection, of_clips(counts))
    for row, rho in zip(counts, found, strict=True):
        side_by_side = np.repeat(projection, row, axis=0) + 1e-9 * rng.standard_normal((row.sum(), 6))
        expected = spearmanr(side_by_side.ravel(), np.repeat(level, row, axis=0).ravel()).statistic
        assert rho == pytest.approx(expected, abs=1e-12)


def test_a_perfect_order_is_perfect_in_every_resample(rng):
    projection = np.arange(6) + 0.1 * rng.random((15, 6))
    found = resampled_spearman(projection, of_clips(rng.integers(0, 4, (200, 15)))) ** 2
    np.testing.assert_allclose(found, 1 - 1 / 36, rtol=1e-3)
    assert found.max() <= 1


def test_a_constant_projection_has_no_order_and_an_empty_resample_no_value():
    assert spearman(np.ones((6, 1)), np.arange(6)[:, None]) == 0
    found = resampled_spearman(np.ones((2, 3)), of_clips(np.array([[1, 1], [0, 0]])))
    assert found[0] == 0
    assert np.isnan(found[1])


def test_the_signed_square_keeps_the_sign():
    np.testing.assert_allclose(signed_square(np.array([-0.5, 0.0, 0.5])), [-0.25, 0.0, 0.25])


@pytest.mark.parametrize(("clips", "strengths"), [(1, 4), (2, 2), (10, 5), (3, 31)])
def test_the_highest_squared_correlation_is_that_of_clips_in_perfect_order(rng, clips, strengths):
    level = np.repeat(np.arange(strengths), clips)
    perfect = spearmanr(level + 0.9 * rng.random(len(level)), level).statistic ** 2
    assert highest_squared_spearman(clips, strengths) == pytest.approx(perfect, abs=1e-12)
    assert highest_squared_spearman(10**6, strengths) == pytest.approx(1 - 1 / strengths**2, abs=1e-9)
