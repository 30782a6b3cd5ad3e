"""Training sets: published shares, folds, refusals."""

import numpy as np
import pytest

from embedshift.errors import UserError
from embedshift.training_sets import NOT_TESTED, given_split, training_set


def study(rng, classes=11, per_class=36):
    label = np.repeat([f"class{number:02d}" for number in range(classes)], per_class)
    return label, rng.integers(0, 12, size=len(label)).astype(str), np.arange(len(label))


def test_the_published_set_has_a_tenth_of_negatives_from_each_of_ten_classes(rng):
    label, group, train = study(rng, per_class=288)
    found = training_set(label, group, train, "class03", folds="stratified")
    assert len(found.clips) == 568
    assert found.positive.sum() == 288
    names, number = np.unique(label[found.clips[~found.positive]], return_counts=True)
    assert set(number) == {28}
    assert len(names) == 10
    assert len(set(found.clips)) == 568
    again = training_set(label, group, train, "class03", folds="stratified")
    np.testing.assert_array_equal(found.clips, again.clips)


def test_all_negatives_are_all_other_clips(rng):
    label, group, train = study(rng, 3)
    found = training_set(label, group, train[::2], "class01", negatives="all")
    assert set(found.clips) == set(train[::2])
    assert set(label[found.clips[found.positive]]) == {"class01"}


def test_grouped_folds_share_no_group(rng):
    label, group, train = study(rng, 3)
    found = training_set(label, group, train, "class01")
    assert all(len(set(found.fold[group[found.clips] == name])) == 1 for name in np.unique(group))


@pytest.mark.parametrize("folds", ["grouped", "stratified"])
def test_too_few_clips_or_groups_are_refused(rng, folds):
    label = np.array(["a", "a", *["b"] * 20])
    group = np.array(["x", "x", *map(str, range(20))])
    with pytest.raises(UserError, match="'a' cannot be cross-validated"):
        training_set(label, group, np.arange(22), "a", folds=folds)


def test_a_class_alone_or_absent_is_refused(rng):
    label, group, train = study(rng, 1)
    with pytest.raises(UserError, match="needs training clips of that class and of another"):
        training_set(label, group, train, "class00")
    with pytest.raises(UserError, match="there are 0 of 'flute'"):
        training_set(label, group, train, "flute")


def test_a_given_split_tests_its_test_clips_once():
    np.testing.assert_array_equal(given_split(["train", "test", "train"]), [NOT_TESTED, 0, NOT_TESTED])
    with pytest.raises(UserError, match="0 test clips of 2"):
        given_split(["train", "train"])
