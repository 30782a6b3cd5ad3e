"""The published probe on musicnn embeddings of real recordings: chosen C and AUC are scikit-learn's."""

import numpy as np
import pytest
from published_probe import published_search
from published_weights import published_weights
from recorded_clips import recorded_clips
from sklearn.metrics import roc_auc_score

from embedshift.logistic import rows_of
from embedshift.logistic_grid import search_grid, stratified_folds
from embedshift.models.load import load_adapter

RATE_HZ, EXCERPT, EXCERPTS = 16_000, 48_000, 2


@pytest.fixture(scope="module")
def recordings(real_recordings):
    """Return embeddings (excerpts, 753), class and recording of two 3 s excerpts of each of 68 recordings."""
    folder = real_recordings / "fsdkaggle2018_instruments"
    files = sorted(folder.rglob("*.flac"))
    settings = {"adapter": "musicnn", "options": {"checkpoint": "MTT_musicnn", "layer": "max_pool"}}
    adapter = load_adapter(settings, published_weights("musicnn_MTT_musicnn"), "cpu", "float32")
    long = recorded_clips(folder, len(files), RATE_HZ, EXCERPT * EXCERPTS)
    excerpts = long.reshape(-1, EXCERPT)
    blocks = [adapter.embed(excerpts[start : start + 17]).mean(axis=1) for start in range(0, len(excerpts), 17)]
    label = np.repeat([file.parent.name for file in files], EXCERPTS)
    return np.concatenate(blocks), label, np.repeat(np.arange(len(files)), EXCERPTS)


def pair_of_smallest_fold(positive):
    """Return what the order of one positive and one negative clip moves the AUC of a fold, where it moves it most."""
    counts = [(fold.sum(), (~fold).sum()) for fold in (positive[stratified_folds(positive) == k] for k in range(3))]
    return 1.0001 / min(int(positives) * int(negatives) for positives, negatives in counts)


@pytest.mark.parametrize("name", ["Cello", "Flute", "Acoustic_guitar"])
def test_the_search_on_recordings_is_that_of_scikit_learn(recordings, name):
    embeddings, label, recording = recordings
    train, test, positive = recording % 3 != 0, recording % 3 == 0, label == name
    expected = published_search(embeddings[train], positive[train])
    found = search_grid(rows_of(embeddings[train]), positive[train], stratified_folds(positive[train]))
    one_pair = pair_of_smallest_fold(positive[train]) / 3
    np.testing.assert_allclose(found.auc.mean(axis=1), expected.cv_results_["mean_test_score"], rtol=0, atol=one_pair)
    assert found.c == pytest.approx(expected.best_params_["C"])
    scores = embeddings[test] @ (found.coefficients @ embeddings[train].astype(np.float64)) + found.coefficients.sum()
    theirs = roc_auc_score(positive[test], expected.decision_function(embeddings[test].astype(np.float64)))
    assert roc_auc_score(positive[test], scores) == pytest.approx(theirs, abs=1e-4)
    assert theirs > 0.6
