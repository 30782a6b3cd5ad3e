"""Curves from stored scores: values, bands, rows of the table."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from embedshift.classification import AUGMENTED, CLEAN, MIX, NONE, RegimeScores
from embedshift.robustness_curves import curve_rows, difference_rows, measure_regimes
from embedshift.tables import read_table, write_table

LABEL = np.repeat(["cello", "flute"], 30)
GROUP = (np.arange(60) // 3).astype(str)
TEXTS = ["0.1", "0.5"]


def made_scores(rng, erasers=(NONE, "lda")):
    """Return scores for all regimes of two strengths; the eraser is a little better."""
    tested = np.arange(0, 60, 2)
    result = RegimeScores(["cello", "flute"], tested, np.zeros(30, dtype=int))
    regimes = [(CLEAN, CLEAN), (CLEAN, MIX), (MIX, CLEAN), (MIX, MIX)]
    regimes += [ends for p in range(2) for ends in ((CLEAN, p), (p, CLEAN), (p, p))]
    right = np.stack([LABEL[tested] == name for name in result.classes])
    for position, eraser in enumerate(erasers):
        for train, test in regimes:
            result.scores[eraser, train, test] = (1 + position) * right + rng.standard_normal((2, 30))
    for test in (CLEAN, MIX, 0, 1):
        result.scores[NONE, AUGMENTED, test] = right + rng.standard_normal((2, 30))
    return result


@pytest.mark.parametrize(
    ("metric", "theirs"), [("roc_auc", roc_auc_score), ("average_precision", average_precision_score)]
)
def test_values_are_those_of_scikit_learn_and_all_is_their_mean(rng, metric, theirs):
    scores = made_scores(rng)
    found = measure_regimes(scores, LABEL, GROUP, metric=metric, resamples=20)
    for regime, table in scores.scores.items():
        each = [theirs(LABEL[scores.clips] == name, row) for name, row in zip(scores.classes, table, strict=True)]
        np.testing.assert_allclose(found.values[regime][0], [*each, np.mean(each)], atol=1e-12)


def test_rows_name_strength_regime_and_eraser_and_fit_the_table(rng, tmp_path):
    measured = measure_regimes(made_scores(rng), LABEL, GROUP, metric="balanced_accuracy", resamples=50)
    rows = [*curve_rows(measured, TEXTS), *difference_rows(measured, TEXTS)]
    write_table(tmp_path / "robustness.csv", rows, ("train", "test", "eraser"))
    table = read_table(tmp_path / "robustness.csv")
    assert len(table) == len(rows) == 3 * (10 + 10 + 4) + 3 * (10 + 4)
    one = [
        row
        for row in table
        if (row["measure"], row["train"], row["test"], row["eraser"], row["strength"], row["label"])
        == ("balanced_accuracy", "effected", "clean", "lda", "0.5", "flute")
    ]
    assert len(one) == 1
    assert one[0]["ci_low"] <= one[0]["value"] <= one[0]["ci_high"]
    assert one[0]["n"] == 15


def test_a_difference_is_that_of_the_values_with_its_paired_interval(rng):
    measured = measure_regimes(made_scores(rng), LABEL, GROUP, resamples=400)
    row = next(
        row
        for row in difference_rows(measured, TEXTS)
        if (row["train"], row["test"], row["strength"], row["label"]) == ("clean", "effected", "0.1", "cello")
        and row["eraser"] == "lda"
    )
    both = [measured.values[eraser, CLEAN, 0][:, 0] for eraser in ("lda", NONE)]
    assert row["value"] == pytest.approx(both[0][0] - both[1][0])
    resampled = (both[0] - both[1])[1:]
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(list(np.quantile(resampled, [0.025, 0.975])))
    assert 0 < row["p_value"] <= 1


def test_training_on_effected_clips_is_compared_with_training_on_clean_ones(rng):
    measured = measure_regimes(made_scores(rng, (NONE,)), LABEL, GROUP, resamples=50)
    rows = list(difference_rows(measured, TEXTS))
    assert {(row["train"], row["eraser"]) for row in rows} == {("augmented", "none")}
    assert {row["test"] for row in rows} == {"clean", "mix", "effected"}


def test_threads_do_not_change_a_bit(rng):
    scores = made_scores(rng)
    one, many = (measure_regimes(scores, LABEL, GROUP, resamples=50, threads=threads) for threads in (1, 3))
    for regime, values in one.values.items():
        np.testing.assert_array_equal(values, many.values[regime])
