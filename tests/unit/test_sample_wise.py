"""Directions of single clips: the closed form against refits, the identity in sample, ties and still clips."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import Ridge

from embedshift.sample_wise import left_out_predictions, measure_sample_wise, pearson_within, spearman_within

CHOSEN = {"ridge_share": 0.1, "permutations": 60, "seed": 3}


@pytest.mark.parametrize("dim", [4, 60], ids=["fewer dimensions than strengths", "more"])
def test_left_out_predictions_equal_refits_by_sklearn(rng, dim):
    trajectories = rng.standard_normal((3, 8, dim)) * np.geomspace(3, 0.1, dim)
    levels = rng.permuted(np.tile(np.arange(8), (3, 2, 1)), axis=2).transpose(0, 2, 1)
    found = left_out_predictions(trajectories, levels, ridge_share=0.1)
    for clip, rows in enumerate(trajectories):
        centred = rows - rows.mean(axis=0)
        penalty = 0.1 * np.trace(centred @ centred.T) / 7
        for left_out in range(8):
            others = np.arange(8) != left_out
            fitted = Ridge(alpha=penalty).fit(rows[others], levels[clip][others])
            np.testing.assert_allclose(found[clip, left_out], fitted.predict(rows[left_out][None])[0], atol=1e-9)


def test_correlations_within_clips_equal_scipy(rng):
    values = np.round(rng.standard_normal((4, 9, 2)), 1)
    levels = rng.permuted(np.tile(np.arange(9), (4, 2, 1)), axis=2).transpose(0, 2, 1)
    for clip in range(4):
        for column in range(2):
            pair = values[clip, :, column], levels[clip, :, column]
            assert spearman_within(values, levels)[clip, column] == pytest.approx(spearmanr(*pair).statistic)
            assert pearson_within(values, levels)[clip, column] == pytest.approx(pearsonr(*pair).statistic)


def test_in_sample_is_one_for_noise_and_the_left_out_value_is_what_chance_gives(rng):
    noise = rng.standard_normal((80, 12, 64)).astype(np.float32)
    found = measure_sample_wise(noise, **CHOSEN)
    for measure in ("squared_spearman", "squared_pearson"):
        assert found.in_sample[measure] == pytest.approx(1, abs=1e-6)
        mean = found.left_out[measure].mean(axis=0)
        assert abs(mean[0] - mean[1:].mean()) < 4 * mean[1:].std()
        assert mean[1:].mean() < 0


def test_a_smooth_sweep_is_predicted_at_strengths_left_out(rng):
    amount = np.linspace(0, 1, 12)[:, None]
    curves = rng.standard_normal((20, 1, 64)) * amount + 0.5 * rng.standard_normal((20, 1, 64)) * amount**2
    found = measure_sample_wise((curves + 0.01 * rng.standard_normal(curves.shape)).astype(np.float32), **CHOSEN)
    mean = found.left_out["squared_spearman"].mean(axis=0)
    assert mean[0] > 0.95
    assert mean[1:].max() < 0.2


def test_still_clips_and_coinciding_strengths_have_no_order_there(rng):
    trajectories = rng.standard_normal((3, 6, 20)).astype(np.float32)
    trajectories[0] = trajectories[0, :1]
    trajectories[1, 3:] = trajectories[1, 3]
    found = measure_sample_wise(trajectories, **CHOSEN)
    assert found.in_sample["squared_spearman"][0] == 0
    assert (found.left_out["squared_spearman"][0] == 0).all()
    tied = spearmanr([0, 1, 2, 4, 4, 4], np.arange(6)).statistic ** 2
    assert found.in_sample["squared_spearman"][1] == pytest.approx(tied)
    assert found.in_sample["squared_spearman"][2] == pytest.approx(1)
