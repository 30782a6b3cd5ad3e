"""Regimes and erasers against a loop over scikit-learn, clip by clip the same scores."""

from types import SimpleNamespace

import numpy as np
import pytest
from published_probe import published_search
from threadpoolctl import threadpool_limits

from embedshift import classification
from embedshift.classification import AUGMENTED, CLEAN, MIX, NONE, ProbeChoices, score_regimes
from embedshift.errors import UserError
from embedshift.linear_eraser import LinearEraser
from embedshift.resampling import group_folds
from embedshift.training_sets import given_split, training_set

CLASSES, PER_CLASS, STRENGTHS, DIM = 3, 40, 3, 24
PUBLISHED = ProbeChoices(folds="stratified", augmented=False)


@pytest.fixture
def study(rng):
    """Return clean (clips, dim), sweep (clips, strengths, dim), label, group, fold of a given split."""
    clips = CLASSES * PER_CLASS
    label = np.repeat(["cello", "flute", "organ"], PER_CLASS)
    centre = rng.standard_normal((CLASSES, DIM))
    clean = 0.8 * np.repeat(centre, PER_CLASS, axis=0) + rng.standard_normal((clips, DIM))
    along = rng.standard_normal(DIM)
    sweep = clean[:, None] + np.arange(1, STRENGTHS + 1)[:, None] * along
    sweep = sweep + 0.3 * rng.standard_normal(sweep.shape)
    group = (np.arange(clips) // 2).astype(str)
    split = np.where(np.arange(clips) % 8 < 2, "test", "train")
    return clean.astype(np.float32), sweep.astype(np.float32), label, group, given_split(split)


def subspace(rng, rank=2):
    basis = np.linalg.qr(rng.standard_normal((DIM, rank)))[0]
    return rng.standard_normal(DIM), LinearEraser(basis, basis.T, np.zeros(rank))


def sklearn_scores(study, name, train_on, test_on, erase):
    """Return the scores of the test clips as the published loop gives them."""
    _, _, label, group, fold = study
    chosen = training_set(label, group, np.flatnonzero(fold != 0), name, folds="stratified")
    search = published_search(erase(train_on[chosen.clips]), chosen.positive)
    return search.decision_function(erase(test_on[fold == 0].astype(np.float64))), search.best_params_["C"]


@pytest.mark.parametrize("form", ["none", "linear", "projection", "not linear"])
def test_every_regime_gives_the_scores_of_the_published_loop(rng, study, form):
    clean, sweep, label, group, fold = study
    mean, linear = subspace(rng)
    linear = LinearEraser.about(mean, linear.take, linear.give)
    projection = np.eye(DIM) - linear.take @ linear.give
    eraser = {
        "none": None,
        "linear": linear,
        "projection": SimpleNamespace(mean=mean, projection=projection),
        "not linear": SimpleNamespace(apply=lambda rows: np.tanh(linear.apply(rows))),
    }[form]
    erase = {
        "none": lambda rows: rows,
        "not linear": lambda rows: np.tanh(mean + (rows - mean) @ projection),
    }.get(form, lambda rows: mean + (rows - mean) @ projection)
    found = score_regimes(clean, sweep, label, group, fold, {"tried": lambda *_: eraser}, PUBLISHED)
    at = {CLEAN: clean} | {position: sweep[:, position] for position in range(STRENGTHS)}
    for train, test in ((CLEAN, CLEAN), (CLEAN, 1), (1, CLEAN), (2, 2)):
        for row, name in enumerate(found.classes[:2]):
            expected, c = sklearn_scores(study, name, at[train], at[test], erase)
            scores = found.scores["tried", train, test][row]
            assert found.chosen_c["tried", train][0, row] == pytest.approx(c)
            np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-3 * np.abs(expected).max())


def test_no_classifier_is_trained_twice(rng, study):
    clean, sweep, label, group, fold = study
    erasers = {"subspace": lambda *_: subspace(rng)[1], "nothing": lambda *_: None}
    found = score_regimes(clean, sweep, label, group, fold, erasers)
    trainings = {(eraser, train) for eraser, train, _ in found.scores}
    assert found.progress.total == found.trained == CLASSES * len(trainings) == CLASSES * (3 * (2 + STRENGTHS) + 1)
    per_eraser = {(train, test) for eraser, train, test in found.scores if eraser == "subspace"}
    assert len(per_eraser) == 3 * STRENGTHS + 4
    assert {(train, test) for eraser, train, test in found.scores if train == AUGMENTED} == {
        (AUGMENTED, test) for test in (CLEAN, MIX, 0, 1, 2)
    }
    assert all(np.isfinite(table).all() for table in found.scores.values())
    np.testing.assert_allclose(found.scores["nothing", CLEAN, 1], found.scores[NONE, CLEAN, 1], rtol=0, atol=1e-12)


def test_grouped_outer_folds_test_every_clip_with_an_eraser_of_its_fold(rng, study):
    clean, sweep, label, group, _ = study
    fold = group_folds(group, label, 3, seed=1)
    asked = []
    found = score_regimes(clean, sweep, label, group, fold, {"e": lambda *at: asked.append(at)})
    assert sorted(asked) == sorted((number, name) for number in range(3) for name in found.classes)
    np.testing.assert_array_equal(found.clips, np.arange(len(clean)))
    np.testing.assert_array_equal(found.fold, fold)
    assert found.scores[NONE, 0, CLEAN].shape == (CLASSES, len(clean))
    assert np.isfinite(found.chosen_c[NONE, CLEAN]).all()
    one = np.where(fold == 1, 0, -1)
    alone = score_regimes(clean, sweep, label, group, one, {})
    np.testing.assert_allclose(alone.scores[NONE, 2, 2], found.scores[NONE, 2, 2][:, fold == 1], rtol=0, atol=1e-12)


def test_mix_draws_one_strength_for_each_clip_from_the_seed(study):
    clean, sweep, label, group, fold = study
    marked = np.broadcast_to(np.arange(STRENGTHS, dtype=np.float32)[:, None], sweep.shape[1:])
    marked = np.broadcast_to(marked, sweep.shape).copy()
    seen = []
    eraser = SimpleNamespace(apply=lambda rows: seen.append(rows[:, 0].copy()) or rows)
    choices = ProbeChoices(augmented=False)
    score_regimes(clean, marked, label, group, fold, {"e": lambda *_: eraser}, choices)
    drawn = [rows for rows in seen if len(set(rows)) == STRENGTHS and set(rows) <= {0.0, 1.0, 2.0}]
    assert drawn
    first = score_regimes(clean, sweep, label, group, fold, {}, choices).scores
    again = score_regimes(clean, sweep, label, group, fold, {}, choices).scores
    other = score_regimes(clean, sweep, label, group, fold, {}, ProbeChoices(augmented=False, seed=7)).scores
    np.testing.assert_array_equal(first[NONE, MIX, MIX], again[NONE, MIX, MIX])
    assert (first[NONE, MIX, MIX] != other[NONE, MIX, MIX]).any()


def test_threads_do_not_change_a_bit(rng, study):
    clean, sweep, label, group, fold = study
    _, eraser = subspace(rng)
    found = []
    for blas_threads, threads in ((1, 1), (2, 4)):
        with threadpool_limits(blas_threads):
            found.append(score_regimes(clean, sweep, label, group, fold, {"e": lambda *_: eraser}, threads=threads))
    one, many = found
    assert one.scores.keys() == many.scores.keys()
    for key, scores in one.scores.items():
        np.testing.assert_array_equal(scores, many.scores[key])


def test_a_class_with_one_training_group_is_refused(study):
    clean, sweep, label, _, fold = study
    with pytest.raises(UserError, match="'cello'"):
        score_regimes(clean, sweep, label, label, fold, {})


def test_copies_are_at_different_strengths_drawn_for_each_clip_and_the_first_is_the_mixed_one():
    sweep = np.tile(np.arange(5.0)[None, :, None], (40, 1, 2))  # the embedding is the strength's position
    conditions = classification._Conditions(np.zeros((40, 2)), sweep, seed=3)
    copies = np.stack([version[:, 0] for version in conditions.copies(3)], axis=1)
    np.testing.assert_array_equal(copies[:, 0], conditions.embeddings("mix")[:, 0])
    assert all(len(set(row)) == 3 for row in copies.tolist())
    assert {len(set(column)) for column in copies.T.tolist()} == {5}
    assert len(conditions.copies(9)) == 5
