"""The published curves: complete, on the study's own strengths, with values known from the figure."""

import numpy as np
import pytest
import yaml

from embedshift.configuration import complete_config
from embedshift.errors import UserError
from embedshift.published_curves import COLUMNS, REGIMES, curves_for, read_published_curves
from embedshift.strengths import text_of

PANELS = {
    ("openl3", "reverb_raw", "cello"): 34,
    ("panns", "gain", "organ"): 31,
    ("clap", "lowpass_raw", "guitar_acc"): 31,
}
ERASERS = ("none", "average_displacement", "displacement_pca", "cca_sample_wise", "cca_sample_wise_4",
           "cca_sample_wise_5")  # fmt: skip


@pytest.fixture(scope="module")
def curves(repository):
    return read_published_curves(repository / "studies/published/deng2025_curves.csv")


def test_every_panel_has_its_curves_at_all_strengths_and_clean(curves):
    assert len(curves) == len(PANELS) * len(REGIMES) * len(ERASERS)
    for (model, effect, label), strengths in PANELS.items():
        for regime in REGIMES:
            panel = curves_for(curves, model, effect, label, regime)
            assert tuple(panel) == ERASERS
            assert {len(curve.strengths) for curve in panel.values()} == {strengths + 1}
    assert sum(len(curve.strengths) for curve in curves) == 12 * (35 + 32 + 32)


def test_strengths_and_names_are_those_of_the_study(curves, repository):
    study = complete_config(
        yaml.safe_load((repository / "studies/sensitivity.yaml").read_text()), repository, repository
    )
    for curve in curves:
        assert curve.model in study["models"]
        assert curve.eraser in study["robustness"]["eraser_order"]
        swept = {text_of(value) for value in study["effects"][curve.effect]["strengths"]}
        assert set(curve.strengths) == swept | {"clean"}


@pytest.mark.parametrize(
    ("panel", "regime", "eraser", "strength", "auc"),
    [
        (("openl3", "reverb_raw", "cello"), 0, "none", "clean", 0.9723),
        (("openl3", "reverb_raw", "cello"), 0, "none", "0.97", 0.8627),
        (("openl3", "reverb_raw", "cello"), 0, "cca_sample_wise_4", "1", 0.8570),
        (("openl3", "reverb_raw", "cello"), 1, "cca_sample_wise_4", "0.49", 0.9641),
        (("panns", "gain", "organ"), 0, "none", "clean", 0.9861),
        (("panns", "gain", "organ"), 1, "cca_sample_wise_4", "-38.5", 0.9767),
        (("panns", "gain", "organ"), 0, "displacement_pca", "-40", 0.9689),
        (("clap", "lowpass_raw", "guitar_acc"), 0, "none", "clean", 0.9879),
        (("clap", "lowpass_raw", "guitar_acc"), 1, "average_displacement", "18333.3", 0.9881),
        (("clap", "lowpass_raw", "guitar_acc"), 0, "displacement_pca", "1600", 0.9709),
    ],
)
def test_values_of_the_figure(curves, panel, regime, eraser, strength, auc):
    assert curves_for(curves, *panel, REGIMES[regime])[eraser].at(strength) == auc


def test_what_is_outside_of_the_page_has_no_value_and_says_so(curves):
    outside = [(curve, place) for curve in curves for place in np.flatnonzero(np.isnan(curve.auc))]
    assert outside
    assert {curve.notes[place].split(" page")[0] for curve, place in outside} == {
        "outside of the",
        "clipped at the edge of the",
    }
    reverb = curves_for(curves, "openl3", "reverb_raw", "cello", REGIMES[0])
    assert np.isnan(reverb["none"].at("1"))
    assert "upper bound" in reverb["cca_sample_wise_5"].notes[-1]
    assert np.isfinite(curves_for(curves, "panns", "gain", "organ", REGIMES[0])["none"].auc).all()


def test_the_mean_change_is_that_of_the_published_run(curves):
    """Means over strengths without clean, known independently: +.0114 for t = 0.4, trained effected, tested clean."""
    panel = curves_for(curves, "openl3", "reverb_raw", "cello", REGIMES[1])
    change = (panel["cca_sample_wise_4"].auc - panel["none"].auc)[1:]
    assert change.mean() == pytest.approx(0.0114, abs=5e-5)
    assert (change.min(), change.max()) == pytest.approx((0.0045, 0.0203), abs=2e-4)


@pytest.mark.parametrize(
    ("drawn", "auc"), [("inside", ""), ("outside", "0.9"), ("somewhere", "0.9"), ("inside", "9.7")]
)
def test_a_point_that_is_none_is_refused(tmp_path, drawn, auc):
    (tmp_path / "c.csv").write_text(f"{','.join(COLUMNS)}\nm,e,c,none,{REGIMES[0]},1,{auc},{drawn},x\n")
    with pytest.raises(UserError, match=r"c\.csv"):
        read_published_curves(tmp_path / "c.csv")
