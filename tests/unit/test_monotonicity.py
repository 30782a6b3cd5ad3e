"""Monotonicity of projections: planted truth, what chance gives, and what group leakage would give."""

import numpy as np
import pytest
from scipy.stats import kstest, spearmanr
from sklearn.cross_decomposition import CCA
from threadpoolctl import threadpool_limits

from embedshift.directions import global_direction
from embedshift.monotonicity import measure_monotonicity
from embedshift.resampling import p_value

LARGEST = 1 - 1 / 8**2
"""The squared Spearman correlation of a perfect order, when clips of one strength (of 8) are not tied."""
CHOSEN = {"folds": 4, "permutations": 40, "resamples": 100, "seed": 1}


@pytest.fixture(autouse=True)
def _one_blas_thread():
    with threadpool_limits(1):
        yield


def measure(trajectories, group=None, label=None, **changes):
    clips = np.arange(len(trajectories))
    group = clips // 2 if group is None else group
    label = np.full(len(clips), "a") if label is None else label
    return measure_monotonicity(trajectories, clips, group, label, **(CHOSEN | changes))


def translated(rng, clips=40, strengths=8, dim=30, spread=0.3):
    clean = spread * rng.standard_normal((clips, 1, dim))
    step = np.linspace(0.2, 2, strengths)[:, None] * np.eye(dim)[3]
    return (clean + step + 0.01 * rng.standard_normal((clips, strengths, dim))).astype(np.float32)


def noise(rng, clips=40, strengths=8, dim=30):
    return rng.standard_normal((clips, 1, dim)) + rng.standard_normal((clips, strengths, dim))


@pytest.mark.parametrize(("clips", "dim", "spread"), [(320, 30, 0.1), (40, 600, 0.1)], ids=["tall", "wide"])
def test_a_common_translation_is_found_on_held_out_groups(rng, clips, dim, spread):
    found = measure(translated(rng, clips=clips, dim=dim, spread=spread))
    assert found.held_out.value > 0.9
    assert p_value(found.held_out.value, found.held_out.null) == pytest.approx(1 / 41)
    assert np.corrcoef(found.held_out_projection.mean(axis=0), np.arange(8))[0, 1] > 0.99
    low, high = np.quantile(found.held_out.resampled, [0.025, 0.975])
    assert 0.8 < low < found.held_out.value < high


def test_noise_is_fitted_in_sample_but_not_held_out(rng):
    found = measure(noise(rng, dim=120))
    assert found.in_sample.value > 0.2
    assert found.in_sample.null.mean() == pytest.approx(found.in_sample.value, abs=0.1)
    assert abs(found.held_out.value) < 0.05
    wide = measure(noise(rng, dim=600))
    assert wide.in_sample.value == pytest.approx(LARGEST, abs=1e-3)
    assert wide.in_sample.null == pytest.approx(LARGEST, abs=1e-3)


def test_about_as_many_clips_as_dimensions_overfit_and_the_held_out_value_shows_it(rng):
    """The direction cancels what tells the fitted clips apart, which is of no use for other clips."""
    few = measure(translated(rng, clips=40, dim=30))
    assert few.in_sample.value > 0.9
    assert few.held_out.value < 0.6


def test_p_values_are_uniform_without_an_effect():
    values = {"in_sample": [], "held_out": []}
    for seed in range(150):
        trajectories = noise(np.random.default_rng(seed), clips=12, strengths=5, dim=8)
        found = measure(trajectories, permutations=19, resamples=0, seed=seed)
        for split in values:
            score = getattr(found, split)
            values[split].append(p_value(score.value, score.null))
    for found in values.values():
        jittered = np.array(found) - np.random.default_rng(0).uniform(0, 1 / 20, len(found))
        assert kstest(jittered, "uniform").pvalue > 0.01


def test_in_sample_value_and_projection_are_the_published_ones(rng):
    trajectories = noise(rng).astype(np.float32)
    found = measure(trajectories)
    rows, raw = trajectories.reshape(-1, 30).astype(float), np.tile(np.arange(8.0), 40)
    weights = CCA(n_components=1, scale=False).fit(rows, raw / 7).x_weights_[:, 0]
    assert found.in_sample.value == pytest.approx(spearmanr(rows @ weights, raw).statistic ** 2, abs=1e-9)
    centred = ((rows - rows.mean(axis=0)) @ weights).reshape(40, 8)
    np.testing.assert_allclose(found.projection, centred * np.sign(found.direction @ weights), atol=1e-9)
    np.testing.assert_allclose(found.direction, global_direction(trajectories).vector, atol=1e-9)


@pytest.mark.parametrize("dim", [30, 600], ids=["tall", "wide"])
def test_held_out_projections_come_from_fits_without_the_own_fold(rng, dim):
    trajectories = noise(rng, dim=dim)
    found = measure(trajectories)
    inside, outside = found.fold == 2, found.fold != 2
    rows, raw = trajectories[outside].reshape(-1, dim), np.tile(np.arange(8.0), outside.sum())
    weights = CCA(n_components=1, scale=False).fit(rows, raw).x_weights_[:, 0]
    weights *= np.sign(np.corrcoef(rows @ weights, raw)[0, 1])
    fitted = rows @ weights
    expected = (trajectories[inside] @ weights - fitted.mean()) / fitted.std()
    np.testing.assert_allclose(found.held_out_projection[inside], expected, atol=1e-8)


def test_clips_of_one_recording_do_not_help_each_other():
    """Copies of a recording share its noise: only folds that part them would make noise look like an effect."""
    honest, leaking = [], []
    for seed in range(4):
        recordings = noise(np.random.default_rng(seed), clips=20, dim=200)
        copies = np.repeat(recordings, 2, axis=0)
        chosen = {"permutations": 0, "resamples": 0, "seed": seed}
        honest.append(measure(copies, np.repeat(np.arange(20), 2), **chosen).held_out.value)
        leaking.append(measure(copies, np.arange(40), **chosen).held_out.value)
    assert abs(np.mean(honest)) < 0.05
    assert np.mean(leaking) > 0.3


def test_the_result_is_the_same_again_and_one_group_has_no_held_out_value(rng):
    trajectories = noise(rng)
    first, second = measure(trajectories), measure(trajectories)
    assert np.array_equal(first.held_out.null, second.held_out.null)
    assert np.array_equal(first.held_out.resampled, second.held_out.resampled)
    single = measure(trajectories, group=np.zeros(40))
    assert single.held_out is None
    assert np.isnan(single.held_out_projection).all()
    assert len(single.in_sample.resampled) == 0


def test_only_the_chosen_clips_count(rng):
    trajectories, chosen = noise(rng, clips=60), np.arange(5, 45)
    part = measure_monotonicity(trajectories, chosen, chosen // 2, np.full(40, "a"), **CHOSEN)
    alone = measure(trajectories[chosen], group=chosen // 2)
    np.testing.assert_allclose(part.direction, alone.direction, atol=1e-12)
    assert part.held_out.value == pytest.approx(alone.held_out.value)
