"""Resampling: no group on both sides, exact permutation tests, intervals that cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from embedshift import resampling
from embedshift.resampling import (
    bootstrap_means,
    draw_groups,
    group_folds,
    p_value,
    percentile_interval,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=60), st.integers(2, 6))
def test_no_group_is_in_two_folds_and_no_fold_is_empty(clips, folds):
    group, label = [f"g{g}" for g, _ in clips], [f"l{x}" for _, x in clips]
    fold = group_folds(group, label, folds, seed=1)
    assert all(len({f for f, g in zip(fold, group, strict=True) if g == name}) == 1 for name in set(group))
    assert sorted(set(fold.tolist())) == list(range(min(folds, len(set(group)))))


def test_folds_are_stratified_and_balanced_where_groups_allow():
    label = np.repeat([f"class{c}" for c in range(11)], 10)
    group = np.array([f"{label[i]}/{i // 2}" for i in range(110)])
    fold = group_folds(group, label, 5, seed=3)
    table = np.array([[np.sum((fold == f) & (label == name)) for f in range(5)] for name in np.unique(label)])
    assert (table == 2).all()


def test_folds_follow_the_seed_only():
    label, group = ["a"] * 30, [f"g{i // 3}" for i in range(30)]
    assert np.array_equal(group_folds(group, label, 5, seed=1), group_folds(group, label, 5, seed=1))
    assert not np.array_equal(group_folds(group, label, 5, seed=1), group_folds(group, label, 5, seed=2))


def test_p_values_of_exchangeable_values_are_uniform(rng):
    found = [p_value(x[0], x[1:]) for x in rng.standard_normal((2000, 100))]
    assert kstest(found, "uniform").pvalue > 0.01
    assert p_value(5.0, np.zeros(99)) == pytest.approx(0.01)
    assert p_value(0.0, np.zeros(99)) == 1.0
    assert np.isnan(p_value(0.0, np.zeros(0)))


def test_each_bootstrap_draws_whole_groups_as_often_as_there_are_groups():
    group = np.repeat(["a", "b", "c", "d"], [1, 2, 3, 4])
    counts = draw_groups(group, 500, seed=7).of_clips()
    firsts = counts[:, [0, 1, 3, 6]]
    assert np.array_equal(counts, np.repeat(firsts, [1, 2, 3, 4], axis=1))
    assert (firsts.sum(axis=1) == 4).all()
    assert draw_groups(["only"] * 5, 500, seed=7).of_clips().shape == (0, 5)


def test_resamples_drawn_in_blocks_are_those_drawn_at_once(rng, monkeypatch):
    group, values = np.repeat(np.arange(30), 3), rng.standard_normal((90, 4))
    draws = draw_groups(group, 101, seed=3)
    at_once = np.random.default_rng(3).multinomial(30, np.full(30, 1 / 30), size=101)
    assert np.array_equal(draws.of_clips(), np.repeat(at_once, 3, axis=1))
    means = bootstrap_means(values, draws)
    monkeypatch.setattr(resampling, "VALUES_PER_BLOCK", 7 * 30)
    assert np.array_equal(draw_groups(group, 101, seed=3).of_group, draws.of_group)
    np.testing.assert_allclose(bootstrap_means(values, draws), means, rtol=1e-13)


def test_draws_take_the_memory_of_groups_not_of_clips(rng):
    """A hundred thousand clips of twenty groups; counts of clips would be 100 MB."""
    draws = draw_groups(np.repeat(np.arange(20), 5000), 1000, seed=3)
    assert draws.of_group.nbytes == 20_000
    some = rng.permutation(100_000)[:50]
    np.testing.assert_array_equal(draws.among(some).of_clips(), draws.of_clips(clips=some))
    np.testing.assert_array_equal(draws.sizes(), np.full(1000, 100_000))


def test_bootstrap_means_equal_means_of_repeated_rows(rng):
    values = rng.standard_normal((12, 3))
    values[4, 1] = np.nan
    draws = draw_groups(np.repeat(list("abcd"), 3), 20, seed=1)
    expected = [np.nanmean(np.repeat(values, row, axis=0), axis=0) for row in draws.of_clips().astype(int)]
    np.testing.assert_allclose(bootstrap_means(values, draws), expected)


def test_the_interval_of_a_mean_covers_the_truth_although_clips_of_a_group_are_alike():
    covered, covered_by_clips = 0, 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        values = np.repeat(rng.standard_normal(40), 5)[:, None] + 0.3 * rng.standard_normal((200, 1))
        for group in (np.repeat(np.arange(40), 5), np.arange(200)):
            low, high = percentile_interval(bootstrap_means(values, draw_groups(group, 300, seed)), 0.95)
            inside = bool(low[0] <= 0 <= high[0])
            covered, covered_by_clips = (
                (covered + inside, covered_by_clips) if len(set(group)) == 40 else (covered, covered_by_clips + inside)
            )
    assert 178 <= covered <= 199
    assert covered_by_clips < 150


def test_nothing_resampled_gives_no_interval():
    low, high = percentile_interval(np.zeros((0, 3)), 0.95)
    assert np.isnan(low).all()
    assert np.isnan(high).all()
