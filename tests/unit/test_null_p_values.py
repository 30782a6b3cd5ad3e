"""Without an effect every p-value of the geometry is as often below any level as the level says."""

from functools import partial

import numpy as np
import pytest
from scipy.stats import kstest

from embedshift.common_motion import CommonShare
from embedshift.group_pairs import groups_of, signs
from embedshift.kernel_distance import bandwidth, discrepancy_sums, measure_discrepancy, standardised
from embedshift.monotonicity import measure_monotonicity
from embedshift.resampling import draw_groups, p_value
from embedshift.sample_wise import measure_sample_wise
from embedshift.shrunken_directions import solve_cross_covariance, solve_ridge
from embedshift.sweep_shape import common_jump, measure_shape

PERMUTATIONS, SAMPLES, LEVEL = 19, 150, 0.01
CLIPS, STRENGTHS, DIM = 12, 5, 8


def sample_wise(noise, seed):
    found = measure_sample_wise(noise, ridge_share=0.1, permutations=PERMUTATIONS, seed=seed)
    mean = found.left_out["squared_pearson"].mean(axis=0)
    return p_value(mean[0], mean[1:])


def along(noise, seed, solve, score):
    clips = np.arange(CLIPS)
    options = {"folds": 4, "permutations": PERMUTATIONS, "resamples": 0, "seed": seed, "solve": solve}
    found = getattr(measure_monotonicity(noise, clips, clips // 2, np.full(CLIPS, "a"), **options), score)
    return p_value(found.value, found.null)


def translation(noise, seed):
    groups = groups_of(draw_groups(np.arange(CLIPS), 0, seed=0))
    share = CommonShare(groups, signs(groups, PERMUTATIONS, seed)).add(noise[:, 0])
    return p_value(share.share()[0], share.null())


def discrepancy(noise, seed, kernel):
    groups = groups_of(draw_groups(np.arange(CLIPS), 0, seed=0))
    x, y = standardised(noise[:, 0], noise[:, 1])
    between = discrepancy_sums(kernel, (x @ x.T, y @ y.T, x @ y.T), DIM, bandwidth(x @ x.T, groups), groups)
    value, _, null = measure_discrepancy(between, groups, PERMUTATIONS, seed)
    return p_value(value, null)


def jump(noise, seed):
    none = draw_groups(np.arange(CLIPS), 0, seed=0)
    return common_jump(measure_shape(noise).relative_step, none, PERMUTATIONS, seed)[3]


RIDGE = partial(solve_ridge, share=0.1)
P_VALUES = {
    "sample-wise": sample_wise,
    "PLS held out": partial(along, solve=solve_cross_covariance, score="held_out"),
    "PLS Pearson": partial(along, solve=solve_cross_covariance, score="held_out_pearson"),
    "ridge held out": partial(along, solve=RIDGE, score="held_out"),
    "ridge within clips": partial(along, solve=RIDGE, score="within_clip"),
    "translation": translation,
    "polynomial kernel": partial(discrepancy, kernel="polynomial"),
    "Gaussian kernel": partial(discrepancy, kernel="gaussian"),
}


@pytest.mark.parametrize("name", P_VALUES)
def test_p_values_are_uniform_on_noise(name):
    """Kolmogorov-Smirnov at the level 0.01, seeded; ties of 20 possible values are spread evenly."""
    found = []
    for seed in range(SAMPLES):
        noise = np.random.default_rng(seed).standard_normal((CLIPS, STRENGTHS, DIM))
        found.append(P_VALUES[name](noise, 10_000 + seed))
    jittered = np.array(found) - np.random.default_rng(0).uniform(0, 1 / (PERMUTATIONS + 1), SAMPLES)
    assert kstest(jittered, "uniform").pvalue > LEVEL


def test_the_jump_test_does_not_reject_exchangeable_steps_too_often():
    """Steps of noise are exchangeable but for the ends' neighbours, so that only the level is asked for."""
    found = []
    for seed in range(SAMPLES):
        rng = np.random.default_rng(seed)
        walk = np.cumsum(rng.standard_normal((CLIPS, STRENGTHS, DIM)), axis=1)
        found.append(jump(walk, seed))
    assert np.mean(np.array(found) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / SAMPLES)
    jittered = np.array(found) - np.random.default_rng(0).uniform(0, 1 / (PERMUTATIONS + 1), SAMPLES)
    assert kstest(jittered, "uniform").pvalue > LEVEL
