"""Decodability of the strength: against scikit-learn's ridge, planted truths, and noise."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom, kstest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from embedshift.decodability import LinearProbe, NonLinearProbe, measure_decodability
from embedshift.directions import strength_targets
from embedshift.errors import UserError
from embedshift.linear_eraser import LinearEraser
from embedshift.permuted_levels import PermutedLevels
from embedshift.resampling import group_folds
from embedshift.strength_ridge import RIDGES, choose_ridge, explained, fit_ridge, merged, moments_of

CLIPS, STRENGTHS, DIM = 90, 6, 12


def study(rng, shape="line"):
    """Return a sweep in which the strength moves clips along one axis, or out on a circle, or not at all."""
    sweep = rng.standard_normal((CLIPS, 1, DIM)) + 0.1 * rng.standard_normal((CLIPS, STRENGTHS, DIM))
    level = np.linspace(0, 1, STRENGTHS)
    if shape == "line":
        sweep[:, :, 0] = 3 * level + 0.2 * rng.standard_normal((CLIPS, STRENGTHS))
    if shape == "circle":
        angle = rng.uniform(0, 2 * np.pi, (CLIPS, 1))
        sweep[:, :, 0], sweep[:, :, 1] = (1 + 4 * level) * np.cos(angle), (1 + 4 * level) * np.sin(angle)
    group = (np.arange(CLIPS) // 3).astype(str)
    return sweep.astype(np.float32), group, group_folds(group, np.zeros(CLIPS, dtype=str), 5, seed=0)


def first_axis():
    axis = np.eye(DIM)[:, :1]
    return LinearEraser.about(np.full(DIM, 0.3), axis, axis.T)


def moments(sweep, fold):
    levels = PermutedLevels(*sweep.shape[:2], 3, seed=0)
    clips = [np.flatnonzero(fold == number) for number in range(5)]
    return clips, [moments_of(sweep, part, levels, lambda rows: rows.astype(float)) for part in clips]


def rows_and_targets(sweep, clips):
    return sweep[clips].reshape(-1, DIM).astype(float), np.tile(strength_targets(STRENGTHS), len(clips))


@pytest.mark.parametrize("eraser", [None, first_axis()])
def test_moments_give_the_ridge_of_scikit_learn(rng, eraser):
    sweep, _, fold = study(rng)
    clips, parts = moments(sweep, fold)
    parts = [part.erased(eraser) for part in parts]
    train, test = merged(parts[1:]), parts[0]
    rows, targets = rows_and_targets(sweep, np.concatenate(clips[1:]))
    held_out, held_out_targets = rows_and_targets(sweep, clips[0])
    if eraser is not None:
        rows, held_out = eraser.apply(rows), eraser.apply(held_out)
    level = ((rows - rows.mean(axis=0)) ** 2).sum() / DIM
    for ridge in (1e-4, 1.0):
        reference = Ridge(alpha=ridge * level).fit(rows, targets)
        weights = fit_ridge(train, ridge)
        np.testing.assert_allclose(weights[:, 0], reference.coef_, rtol=0, atol=1e-9)
        expected = r2_score(held_out_targets, reference.predict(held_out))
        assert explained(train, test, weights)[0] == pytest.approx(expected, abs=1e-9)


def test_predictions_are_those_of_the_chosen_ridge(rng):
    sweep, _, fold = study(rng)
    decoded = LinearProbe(sweep, fold).decode(lambda _: None)
    clips, parts = moments(sweep, fold)
    chosen = choose_ridge(parts, 0)
    _, r2 = chosen.fit()
    rows, targets = rows_and_targets(sweep, np.concatenate(clips[1:]))
    alpha = chosen.ridge[0] * ((rows - rows.mean(axis=0)) ** 2).sum() / DIM
    held_out, held_out_targets = rows_and_targets(sweep, clips[0])
    expected = Ridge(alpha=alpha).fit(rows, targets).predict(held_out)
    assert chosen.ridge[0] in RIDGES
    np.testing.assert_allclose(decoded.prediction[clips[0]], expected.reshape(-1, STRENGTHS), atol=1e-8)
    assert r2[0] == pytest.approx(r2_score(held_out_targets, expected), abs=1e-8)
    all_targets = np.tile(strength_targets(STRENGTHS), (CLIPS, 1))
    assert decoded.r2[0] == pytest.approx(r2_score(all_targets.ravel(), decoded.prediction.ravel()), abs=1e-8)


def test_what_moves_along_a_line_is_decoded_until_that_line_is_erased(rng):
    sweep, group, fold = study(rng)
    probe = LinearProbe(sweep, fold)
    before = measure_decodability(probe.decode(lambda _: None), group)
    after = measure_decodability(probe.decode(lambda _: first_axis()), group)
    assert before.r2[0] > 0.9
    assert before.p_value < 0.01
    assert before.r2[1] < before.r2[0] < before.r2[2]
    assert before.squared_spearman[0] > 0.9
    assert after.r2[0] < 0.05
    assert after.p_value > 0.01


def test_a_linear_eraser_given_as_a_function_changes_nothing(rng):
    sweep, _, fold = study(rng)
    probe = LinearProbe(sweep, fold)
    thin = probe.decode(lambda _: first_axis()).prediction
    applied = probe.decode(lambda _: SimpleNamespace(apply=first_axis().apply)).prediction
    np.testing.assert_allclose(thin, applied, atol=1e-6)


def test_what_moves_on_a_circle_is_seen_by_the_non_linear_probe_only(rng):
    sweep, group, fold = study(rng, "circle")
    linear = measure_decodability(LinearProbe(sweep, fold).decode(lambda _: None), group)
    bent = measure_decodability(NonLinearProbe(sweep, fold, permutations=99).decode(lambda _: None), group)
    assert linear.r2[0] < 0.1
    assert bent.r2[0] > 0.5
    assert bent.p_value == pytest.approx(0.01)  # none of 99 permutations reaches it


def test_the_non_linear_probe_draws_whole_clips_from_its_seed(rng):
    sweep, group, fold = study(rng)
    few = NonLinearProbe(sweep, fold, permutations=5, seed=1, most_rows=40 * STRENGTHS)
    decoded, again = (few.decode(lambda _: None) for _ in range(2))
    assert len(decoded.clips) == 40
    np.testing.assert_array_equal(decoded.prediction, again.prediction)
    assert measure_decodability(decoded, group).n == 40


def test_on_noise_the_p_values_are_uniform(rng):
    """200 studies without any effect: with everything fitted again for each permutation the test is exact."""
    found = []
    for number in range(200):
        sweep, group, fold = study(rng, "nothing")
        decoded = LinearProbe(sweep, fold, permutations=99, seed=number).decode(lambda _: None)
        found.append(measure_decodability(decoded, group, resamples=2).p_value)
    assert kstest(found, "uniform").pvalue > 0.01
    low, high = binom.ppf([0.001, 0.999], 200, 0.1)
    assert low <= np.count_nonzero(np.array(found) <= 0.1) <= high


def test_two_folds_are_too_few(rng):
    sweep, _, fold = study(rng)
    with pytest.raises(UserError, match="needs 3 folds"):
        LinearProbe(sweep, fold % 2)
