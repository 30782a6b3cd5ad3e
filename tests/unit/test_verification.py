"""verify_models: published numbers hold, wrong weights and an adapter that mixes up its batch are found out."""

import logging

import numpy as np
import pytest
from published_weights import published_weights

from embedshift import verification
from embedshift.check_signals import check_signals
from embedshift.errors import UserError
from embedshift.models import openl3_golden
from embedshift.models.base import Adapter
from embedshift.models.catalog import check_model, weights_name
from embedshift.verification import findings_table, stored_reference, verify_models


def model(**settings):
    return check_model("m", settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"adapter": "musicnn"},
        {"adapter": "musicnn", "options": {"checkpoint": "MSD_vgg"}},
        {"adapter": "musicnn", "precision": "bfloat16"},
        {"adapter": "crepe"},
    ],
)
def test_published_weights_give_the_published_numbers(settings):
    settings = model(**settings)
    findings = verify_models({"m": settings}, {"m": published_weights(weights_name(settings))}, "cpu")
    assert len(findings) == 5
    assert all(finding.holds for finding in findings)
    assert sum("itself" in finding.compared_with for finding in findings) == 2


def test_other_weights_are_found_out():
    wrong = published_weights("musicnn_MSD_musicnn")
    with pytest.raises(UserError, match=r"3 of 5 comparisons do not hold:(.|\n)*chirp: DIFFERENT"):
        verify_models({"m": model(adapter="musicnn")}, {"m": wrong}, "cpu")


class LooksAtItsNeighbours(Adapter):
    """An adapter as it must not be."""

    sample_rate_hz, dim, frame_dim, frame_hop_s, length_rule = 8000, 1, 1, None, "any"

    def embed_checked(self, batch):
        return batch.mean(axis=1).reshape(-1, 1, 1) + batch.mean() + len(batch)


def test_an_embedding_that_depends_on_the_batch_is_found_out(monkeypatch):
    monkeypatch.setattr(verification, "load_adapter", lambda *given: LooksAtItsNeighbours())
    with pytest.raises(UserError, match="2 of 2 comparisons do not hold"):
        verify_models({"m": model(adapter="timbre")}, {}, "cpu")


def test_a_model_without_stored_numbers_says_so():
    findings = verify_models({"handmade": model(adapter="timbre")}, {}, "cpu")
    assert "handmade: no published numbers are stored" in findings_table(findings)
    assert stored_reference(model(adapter="musicnn") | {"weights_file": "mine.pth"}) is None


def test_models_of_the_official_packages_are_left_out_and_named(monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("embedshift"), "propagate", True)
    official = model(adapter="openl3", backend="official")
    findings = verify_models({"theirs": official, "handmade": model(adapter="timbre")}, {}, "cpu")
    assert {finding.model for finding in findings} == {"handmade"}
    assert "theirs: left out" in caplog.text


def test_signals_are_those_of_the_references():
    signals = check_signals(16_000)
    assert {name: samples.shape for name, samples in signals.items()} == dict.fromkeys(signals, (104_000,))
    assert all(np.abs(samples).max() < 1 and samples.dtype == np.float32 for samples in signals.values())
    # a sine that passes 50 Hz first and 7 kHz last
    crossings = np.diff(np.signbit(signals["chirp"]).astype(int)) != 0
    assert crossings[:8000].sum() < 150
    assert crossings[-1600:].sum() > 1300


class Constant(LooksAtItsNeighbours):
    """One number a clip, whatever stands beside it."""

    def embed_checked(self, batch):
        return np.abs(batch).mean(axis=1).reshape(-1, 1, 1)


def test_openl3s_own_files_are_asked_for_and_then_compared(monkeypatch, tmp_path, caplog):
    options = openl3_golden.GOLDEN_FILES[1].options
    settings = model(adapter="openl3", options=options)
    monkeypatch.setattr(verification, "load_adapter", lambda *given: Constant())
    monkeypatch.setattr(verification, "GOLDEN", tmp_path)
    monkeypatch.setattr(logging.getLogger("embedshift"), "propagate", True)
    assert len(verify_models({"m": settings}, {}, "cpu")) == 2
    assert "chirp_44k_kapre_linear.npz into" in caplog.text
    for name in ("chirp_44k.wav", "chirp_44k_kapre_linear.npz"):
        (tmp_path / name).touch()
    found = openl3_golden.Comparison(difference=2e-4, cosine=1.0)
    monkeypatch.setattr(openl3_golden, "compare_with_golden", lambda embed, audio, expected: found)
    with pytest.raises(UserError, match=r"OpenL3's own chirp_44k_kapre_linear.npz: DIFFERENT(.|\n)*2.0e-04"):
        verify_models({"m": settings}, {}, "cpu")
