"""Ranking metrics against scikit-learn's, ties and weights included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score

from embedshift.ranking_metrics import (
    average_precision,
    balanced_accuracy,
    group_counts,
    resampled_average_precision,
    resampled_balanced_accuracy,
    resampled_roc_auc,
    roc_auc,
)
from embedshift.resampling import bootstrap_counts


def with_ties(rng, clips=80, columns=4):
    scores = np.round(rng.standard_normal((clips, columns)), 1)
    scores[:, -1] = 0.25
    positive = rng.random(clips) < 0.3
    return scores + 0.4 * positive[:, None] * (np.arange(columns) < columns - 1), positive


def weighted_balanced_accuracy(positive, decided, weight):
    return balanced_accuracy_score(positive, decided, sample_weight=weight)


@given(st.integers(0, 10_000), st.integers(3, 40))
def test_each_column_is_scored_as_scikit_learn_scores_it(seed, clips):
    rng = np.random.default_rng(seed)
    scores, positive = with_ties(rng, clips)
    positive[:2] = True, False
    for ours, theirs in ((roc_auc, roc_auc_score), (average_precision, average_precision_score)):
        expected = [theirs(positive, column) for column in scores.T]
        np.testing.assert_allclose(ours(scores, positive), expected, rtol=0, atol=1e-13)
    expected = [balanced_accuracy_score(positive, column > 0) for column in scores.T]
    np.testing.assert_allclose(balanced_accuracy(scores, positive), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (resampled_roc_auc, lambda positive, scores, weight: roc_auc_score(positive, scores, sample_weight=weight)),
        (
            resampled_average_precision,
            lambda positive, scores, weight: average_precision_score(positive, scores, sample_weight=weight),
        ),
        (
            resampled_balanced_accuracy,
            lambda positive, scores, weight: weighted_balanced_accuracy(positive, scores > 0, weight),
        ),
    ],
)
def test_a_resample_is_scored_as_scikit_learn_scores_clips_with_the_weights_of_their_group(rng, ours, theirs):
    scores, positive = with_ties(rng)
    group = rng.integers(20, size=len(positive)).astype(str)
    counts = bootstrap_counts(group, 30, seed=3)
    found = ours(scores, positive, group_counts(group, counts))
    weights = np.concatenate([np.ones((1, len(group))), counts])
    expected = [[theirs(positive, column, weight) for column in scores.T] for weight in weights]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_strata_are_never_compared_with_each_other(rng):
    scores, positive = with_ties(rng)
    scores = np.round(10 * scores)
    stratum = rng.integers(3, size=len(positive))
    group = np.arange(len(positive)).astype(str)
    groups = group_counts(group, np.zeros((0, len(group))))
    shifted = scores + 100.0 * stratum[:, None]
    for resampled, alone in (
        (resampled_roc_auc, roc_auc_score),
        (resampled_average_precision, average_precision_score),
    ):
        found = resampled(shifted, positive, groups, stratum)[0]
        inside = [stratum == name for name in range(3)]
        number = [positive[rows].sum() * ((~positive[rows]).sum() if alone is roc_auc_score else 1) for rows in inside]
        each = [[alone(positive[rows], column[rows]) for column in scores.T] for rows in inside]
        np.testing.assert_allclose(found, np.average(each, axis=0, weights=number), rtol=0, atol=1e-12)


def test_a_missing_class_has_no_value(rng):
    scores = rng.standard_normal((5, 2))
    nothing, everything = np.zeros(5, dtype=bool), np.ones(5, dtype=bool)
    for metric in (roc_auc, balanced_accuracy):
        assert np.isnan(metric(scores, nothing)).all()
        assert np.isnan(metric(scores, everything)).all()
    assert np.isnan(average_precision(scores, nothing)).all()
    groups = group_counts(np.array(list("aabbc")), np.zeros((2, 5)))
    for resampled in (resampled_roc_auc, resampled_average_precision):
        assert np.isnan(resampled(scores, nothing, groups)).all()


def test_a_resample_without_a_class_has_no_value():
    group = np.array(["a", "a", "b", "b"])
    groups = group_counts(group, np.array([[2, 2, 0, 0], [1, 1, 1, 1]]))
    positive = np.array([True, True, False, False])
    scores = np.array([[3.0], [1.0], [2.0], [0.0]])
    for resampled in (resampled_roc_auc, resampled_balanced_accuracy):
        assert np.isnan(resampled(scores, positive, groups)[1, 0])
    assert resampled_roc_auc(scores, positive, groups)[2, 0] == 0.75
