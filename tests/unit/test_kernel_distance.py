"""Kernel discrepancy against direct sums, and its test that keeps the pairs."""

import numpy as np
import pytest

from embedshift.group_pairs import groups_of
from embedshift.kernel_distance import KERNELS, bandwidth, discrepancy_sums, measure_discrepancy, standardised
from embedshift.resampling import draw_groups, p_value

GROUP = np.repeat(np.arange(9), [1, 2, 3, 1, 2, 1, 2, 1, 2])


def measure(clean, effected, kernel, group, permutations=99):
    groups = groups_of(draw_groups(group, 100, 1))
    x, y = standardised(clean, effected)
    width = bandwidth(x @ x.T, groups)
    between = discrepancy_sums(kernel, (x @ x.T, y @ y.T, x @ y.T), x.shape[1], width, groups)
    return measure_discrepancy(between, groups, permutations, 2)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_value_equals_direct_sums_over_clips_of_different_groups(rng, kernel):
    clean, effected = rng.standard_normal((15, 6)), rng.standard_normal((15, 6)) + 0.3
    mean = clean.mean(axis=0)
    scale = np.sqrt(np.mean((clean - mean) ** 2))
    x, y = (clean - mean) / scale, (effected - mean) / scale
    pairs = [(i, j) for i in range(15) for j in range(15) if GROUP[i] != GROUP[j]]
    width = np.median([np.linalg.norm(x[i] - x[j]) for i, j in pairs])

    def k(a, b):
        return (a @ b / 6 + 1) ** 3 if kernel == "polynomial" else np.exp(-np.sum((a - b) ** 2) / (2 * width**2))

    expected = np.mean([k(x[i], x[j]) + k(y[i], y[j]) - 2 * k(x[i], y[j]) for i, j in pairs])
    value, resampled, _ = measure(clean, effected, kernel, GROUP)
    assert value == pytest.approx(expected)
    assert resampled.shape == (100,)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_shift_is_seen_and_the_same_clouds_are_not_apart(rng, kernel):
    clean = rng.standard_normal((60, 10))
    value, resampled, null = measure(clean, clean + 0.5, kernel, np.arange(60) // 2)
    assert p_value(value, null) == 0.01
    assert np.quantile(resampled, 0.025) > 0
    again, _, null = measure(clean, clean + 1e-9, kernel, np.arange(60) // 2)
    assert abs(again) < 1e-6


def test_the_null_does_not_mind_that_clean_and_effected_are_the_same_clips():
    """Clips differ much, the two conditions little and without direction: p-values stay even."""
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        clip = 3 * rng.standard_normal((14, 4))
        clean, effected = clip + 0.5 * rng.standard_normal((2, 14, 4))
        value, _, null = measure(clean, effected, "gaussian", np.arange(14), permutations=19)
        found.append(p_value(value, null))
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.06)
    assert np.mean(found) == pytest.approx(0.525, abs=0.06)
