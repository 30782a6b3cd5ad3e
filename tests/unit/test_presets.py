"""The shipped presets against the published grids and settings."""

from collections import Counter

import numpy as np
import pytest
import yaml

from embedshift.effect_catalog import check_effect

REVERB_DEFAULTS = {"damping": 0.5, "wet_level": 0.33, "dry_level": 0.4, "width": 1.0, "freeze_mode": 0.0}


@pytest.fixture(scope="module")
def presets(repository):
    return yaml.safe_load((repository / "studies" / "presets.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def effects(presets):
    return {name: check_effect(name, effect, 44100) for name, effect in presets["effects"].items()}


def test_four_sweeps_of_study_a_have_108_strengths(effects):
    study_a = {name: effect for name, effect in effects.items() if name.startswith("deng2025_")}
    assert {name: len(effect["strengths"]) for name, effect in study_a.items()} == {
        "deng2025_gain": 31,
        "deng2025_lowpass": 31,
        "deng2025_reverb": 34,
        "deng2025_bitcrush": 12,
    }
    assert sum(len(effect["strengths"]) for effect in study_a.values()) == 108
    assert not any(effect["renormalise"] for effect in study_a.values())


def test_grids_of_study_a(effects):
    assert effects["deng2025_gain"]["strengths"] == [float(value) for value in np.arange(-40, 5.1, 1.5)][::-1]
    assert effects["deng2025_bitcrush"]["strengths"] == list(range(15, 3, -1))
    hundred = [round(0.01 * k, 2) for k in range(1, 101)]
    assert effects["deng2025_reverb"]["strengths"] == hundred[::3]
    cutoffs_hz = effects["deng2025_lowpass"]["strengths"]
    assert cutoffs_hz == [round(float(value), 3) for value in np.geomspace(22000 / 1.2, 1600, 31)]
    assert cutoffs_hz[-3:] == [1882.470, 1735.498, 1600.0]  # as printed beside the published curves


def test_settings_of_study_a(effects):
    assert effects["deng2025_reverb"]["chain"] == [{"processor": "Reverb", "room_size": "sweep"} | REVERB_DEFAULTS]
    (lowpass,) = effects["deng2025_lowpass"]["chain"]
    assert (lowpass["pass_ripple_db"], lowpass["stop_attenuation_db"]) == (3.0, 80.0)
    assert effects["deng2025_gain"]["neutral"] == 0.0


def test_nine_fixed_effects_of_study_c(effects):
    fixed = {name: effect for name, effect in effects.items() if name.startswith("hawley2023_") and "sweep" not in name}
    knobs = {name.removeprefix("hawley2023_"): effect["strengths"] for name, effect in fixed.items()}
    assert knobs == {
        "chorus": [1],
        "compressor": [-50],
        "delay": [0.5],
        "distortion": [25],
        "highpass": [2000],
        "lowpass": [70],
        "pitch_shift": [4],
        "reverb": [0.8],
        "time_reverse": [1],
    }
    assert all(effect["renormalise"] for effect in fixed.values())
    assert fixed["hawley2023_compressor"]["chain"][0]["ratio"] == 25


def test_four_sweeps_of_study_c(effects):
    expected = {
        "distortion": np.linspace(0, 30, 32),
        "highpass": np.geomspace(50, 10000, 32),
        "lowpass": np.geomspace(10000, 50, 32),
        "reverb": np.linspace(0.01, 0.99, 32),
    }
    for name, values in expected.items():
        effect = effects[f"hawley2023_{name}_sweep"]
        np.testing.assert_allclose(effect["strengths"], values, rtol=1e-12)
        assert effect["renormalise"]


def test_fixed_and_swept_versions_share_their_other_settings(effects):
    for name in ("distortion", "highpass", "lowpass", "reverb"):
        assert effects[f"hawley2023_{name}"]["chain"] == effects[f"hawley2023_{name}_sweep"]["chain"]


@pytest.mark.parametrize("name", ["reverb", "lowpass", "bitcrush"])
def test_matched_variants_differ_in_loudness_only(effects, name):
    published, matched = effects[f"deng2025_{name}"], effects[f"{name}_matched"]
    assert {key for key in published if published[key] != matched[key]} == {"renormalise"}
    assert matched["renormalise"]


def test_preparations(presets):
    preparations = presets["preparations"]
    hawley = preparations["hawley2023"]
    assert round(hawley["length_s"] * hawley["sample_rate_hz"]) == 2**18
    assert hawley["target_lufs"] == -28.0
    assert preparations["deng2025"]["target_lufs"] is None
    assert set(preparations) == {"default", "deng2025", "hawley2023"}


def test_no_preset_is_defined_twice(repository, presets):
    lines = (repository / "studies" / "presets.yaml").read_text(encoding="utf-8").splitlines()
    keys = Counter(line.strip() for line in lines)
    for name in presets["effects"]:  # YAML would silently keep the last one
        assert keys[f"{name}:"] == 1
