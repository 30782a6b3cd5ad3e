"""Paired differences: closed form, and p-values that are uniform when there is nothing to find."""

import numpy as np
from scipy.stats import binom, norm

from embedshift.paired_difference import paired_difference
from embedshift.ranking_metrics import group_counts, resampled_roc_auc
from embedshift.resampling import draw_groups

STRENGTHS, GROUPS, SIMULATIONS = 6, 60, 300


def test_a_mean_has_the_p_value_of_its_standard_error(rng):
    """For means over groups the bootstrap's error is known: p must be that of the normal law."""
    values = rng.standard_normal((200, 2)) + [0.1, 0.0]
    counts = np.concatenate([np.ones((1, 200)), rng.multinomial(200, np.full(200, 1 / 200), size=20_000)])
    found = paired_difference(counts @ values / 200, np.zeros((20_001, 2)), groups=200)
    z = values.mean(axis=0) / (values.std(axis=0, ddof=1) / np.sqrt(200))
    np.testing.assert_allclose(found.p_value, 2 * norm.sf(np.abs(z)), atol=0.015)
    np.testing.assert_allclose(found.value, values.mean(axis=0), rtol=1e-12)
    half = norm.ppf(0.975) * values.std(axis=0) / np.sqrt(200)
    np.testing.assert_allclose(found.ci_high - found.ci_low, 2 * half, rtol=0.03)


def test_correction_lies_between_none_and_bonferroni(rng):
    shared = rng.standard_normal((5000, 1))
    resampled = 0.02 * (0.9 * shared + 0.4 * rng.standard_normal((5000, STRENGTHS)))
    observed = np.full((1, STRENGTHS), 0.045)
    found = paired_difference(np.concatenate([observed, observed + resampled]), np.zeros((5001, STRENGTHS)), 10**9)
    assert (found.p_corrected >= found.p_value).all()
    assert (found.p_corrected < STRENGTHS * found.p_value.min()).all()


def test_equal_curves_have_no_difference(rng):
    curve = rng.random((101, 4))
    found = paired_difference(curve, curve, groups=30)
    np.testing.assert_array_equal(found.value, 0)
    np.testing.assert_array_equal(found.p_corrected, 1)


def test_without_resamples_there_is_no_p_value():
    found = paired_difference(np.ones((1, 2)), np.zeros((1, 2)), groups=1)
    assert np.isnan(found.p_corrected).all()
    assert np.isnan(found.ci_low).all()


def two_equal_probes(rng):
    """Return two curves of AUC of equally good scores of clips in groups, (1 + resamples, strengths)."""
    group = np.repeat(np.arange(GROUPS), 4)
    positive = np.repeat(rng.random(GROUPS) < 0.4, 4)
    positive[:4], positive[4:8] = True, False
    clip = 1.2 * positive + 0.7 * rng.standard_normal(GROUPS)[group] + 0.7 * rng.standard_normal(len(group))
    own = 0.4 * rng.standard_normal((2, GROUPS))[:, group] + 0.3 * rng.standard_normal((2, len(group)))
    wiggle = 0.15 * rng.standard_normal((2, len(group), STRENGTHS))
    scores = clip[None, :, None] + own[:, :, None] + wiggle
    counts = group_counts(draw_groups(group.astype(str), 300, seed=int(rng.integers(1 << 30))))
    return [resampled_roc_auc(one, positive, counts) for one in scores]


def test_p_values_are_calibrated_when_both_probes_are_equally_good(rng):
    """Over 300 simulated studies a corrected p <= 0.05 occurs somewhere on the curve in about 5 % of them."""
    found = [paired_difference(*two_equal_probes(rng), groups=GROUPS) for _ in range(SIMULATIONS)]
    false = sum(one.p_corrected.min() <= 0.05 for one in found)
    low, high = binom.ppf([0.001, 0.999], SIMULATIONS, 0.05)
    assert low <= false <= high, false / SIMULATIONS
    single = sum(one.p_value[0] <= 0.2 for one in found)
    low, high = binom.ppf([0.001, 0.999], SIMULATIONS, 0.2)
    assert low <= single <= high, single / SIMULATIONS


def test_a_real_difference_is_found(rng):
    first, _ = two_equal_probes(rng)
    found = paired_difference(first - 0.1, first + 0.001 * rng.standard_normal(first.shape), groups=GROUPS)
    np.testing.assert_allclose(found.p_corrected, 1 / 301)
