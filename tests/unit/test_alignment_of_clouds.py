"""Debiased CKA against the published formula, Procrustes against scipy, and rotations."""

import numpy as np
import pytest
import scipy.spatial
from scipy.stats import ortho_group

from embedshift.alignment_of_clouds import debiased_cka, procrustes_distance, u_centred
from embedshift.group_pairs import groups_of
from embedshift.resampling import draw_groups


def groups(clips, resamples=100):
    return groups_of(draw_groups(np.arange(clips), resamples, 1))


def cka(left, right, resamples=100, shuffles=20):
    clips = len(left)
    orders = np.array([np.random.default_rng(seed).permutation(clips) for seed in range(shuffles)])
    return debiased_cka(u_centred(left @ left.T), u_centred(right @ right.T), groups(clips, resamples), orders)


def hsic(left, right):
    """Return the unbiased estimate as written by Song et al. 2012, eq. 4."""
    n = len(left)
    one, other = (gram - np.diag(np.diag(gram)) for gram in (left @ left.T, right @ right.T))
    ones = np.ones(n)
    total = np.trace(one @ other) + (ones @ one @ ones) * (ones @ other @ ones) / ((n - 1) * (n - 2))
    return (total - 2 / (n - 2) * ones @ one @ other @ ones) / (n * (n - 3))


def test_debiased_cka_equals_the_published_estimate(rng):
    left = rng.standard_normal((30, 50))
    right = left @ rng.standard_normal((50, 20)) + rng.standard_normal((30, 20))
    expected = hsic(left, right) / np.sqrt(hsic(left, left) * hsic(right, right))
    assert cka(left, right).value == pytest.approx(expected)


def test_a_rotated_copy_is_the_same_and_an_unrelated_cloud_is_not(rng):
    left = rng.standard_normal((60, 80)) * np.geomspace(1, 0.1, 80)
    turned = 3 * left @ ortho_group.rvs(80, random_state=1) + 5
    found = cka(left, turned)
    assert found.value == pytest.approx(1)
    assert found.resampled == pytest.approx(1)
    assert abs(found.shuffled.mean()) < 0.1
    values = [cka(*np.random.default_rng(seed).standard_normal((2, 40, 200)), shuffles=0).value for seed in range(30)]
    assert abs(np.mean(values)) < 0.02
    assert procrustes_distance(left, turned, groups(60), np.zeros((0, 60), dtype=int)).value == pytest.approx(
        0, abs=1e-9
    )


@pytest.mark.parametrize(("clips", "dim"), [(60, 8), (10, 40)], ids=["tall", "wide"])
def test_procrustes_equals_scipy_and_its_resamples_its_spread(rng, clips, dim):
    left = rng.standard_normal((clips, dim))
    right = left + 0.4 * rng.standard_normal((clips, dim))
    shuffles = np.array([rng.permutation(clips) for _ in range(5)])
    found = procrustes_distance(left, right, groups(clips, 400), shuffles)
    assert found.value == pytest.approx(scipy.spatial.procrustes(left, right)[2])
    expected = [scipy.spatial.procrustes(left, right[order])[2] for order in shuffles]
    np.testing.assert_allclose(found.shuffled, expected)
    assert found.resampled.mean() == pytest.approx(found.value, rel=0.1)


def test_the_first_order_bootstrap_of_cka_has_the_spread_of_a_jackknife(rng):
    left = rng.standard_normal((60, 10))
    right = left + 0.7 * rng.standard_normal((60, 10))
    found = cka(left, right, resamples=1000)
    without = [cka(np.delete(left, one, 0), np.delete(right, one, 0), shuffles=0).value for one in range(60)]
    error = np.sqrt(59 / 60 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert found.resampled.std() == pytest.approx(error, rel=0.25)
