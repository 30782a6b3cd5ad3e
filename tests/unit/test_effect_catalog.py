"""The catalog against the installed pedalboard, and what users are told about their mistakes."""

import enum
import importlib
import inspect
import json

import numpy as np
import pedalboard
import pytest
import soundfile

from embedshift.effect_catalog import check_effect, condition_settings, processors, swept_parameter
from embedshift.errors import UserError

SAMPLE_RATE_HZ = 44100
PLUGINS = {name: described for name, described in processors().items() if described["family"] == "pedalboard"}
CHOICES = {("LadderFilter", "mode"): pedalboard.LadderFilter.Mode}
NUMBERS = [
    (name, key)
    for name, described in sorted(PLUGINS.items())
    for key, parameter in described["parameters"].items()
    if parameter["type"] == "number"
]


def constructed(name: str, **parameters) -> pedalboard.Plugin:
    """Make a plugin straight from pedalboard, words turned into members of its enumerations."""
    for key, value in parameters.items():
        if PLUGINS[name]["parameters"][key]["type"] == "choice":
            parameters[key] = getattr(CHOICES.get((name, key), pedalboard.Resample.Quality), value)
    return getattr(pedalboard, name)(**parameters)


def effect(item, **others):
    return {"chain": [item], **others}


def told(effect_settings, sample_rate_hz=None):
    """Return what the user is told about an effect called `odd`."""
    with pytest.raises(UserError) as error:
        check_effect("odd", effect_settings, sample_rate_hz)
    return str(error.value)


# --- the catalog itself ---


def test_catalog_is_what_the_command_writes(repository):
    command = importlib.import_module("write_effects_catalog")
    text = (repository / "scripts" / "embedshift" / "effects_catalog.json").read_text(encoding="utf-8")
    assert text == command.catalog_text(), "run python scripts/write_effects_catalog.py"
    assert json.loads(text)["pedalboard_version"] == pedalboard.__version__


def test_every_plugin_of_pedalboard_is_listed():
    bases = {"Plugin", "PluginContainer", "ExternalPlugin", "IIRFilter", "Chain", "Mix", "Pedalboard"}
    external = {"VST3Plugin", "AudioUnitPlugin"}
    classes = inspect.getmembers(pedalboard, inspect.isclass)
    found = {value.__name__ for _, value in classes if issubclass(value, pedalboard.Plugin)}
    assert set(PLUGINS) == found - bases - external


@pytest.mark.parametrize("name", sorted(set(PLUGINS) - {"Convolution"}))
def test_defaults_are_the_installed_ones(name):
    ours = constructed(name, **{key: value["default"] for key, value in PLUGINS[name]["parameters"].items()})
    theirs = getattr(pedalboard, name)()
    readable = [key for key, value in inspect.getmembers(type(theirs)) if isinstance(value, property)]
    assert set(PLUGINS[name]["parameters"]) <= set(readable)
    for key in readable:
        assert getattr(ours, key) == getattr(theirs, key)


@pytest.mark.parametrize(("name", "key"), NUMBERS)
def test_bounds_are_accepted_and_give_finite_sound(name, key, rng, tmp_path):
    if name == "Convolution":
        soundfile.write(tmp_path / "response.wav", rng.normal(0, 0.1, 4410), SAMPLE_RATE_HZ)
    needed = {"impulse_response_filename": str(tmp_path / "response.wav")} if name == "Convolution" else {}
    parameter = PLUGINS[name]["parameters"][key]
    samples = rng.normal(0, 0.1, (1, SAMPLE_RATE_HZ)).astype(np.float32)
    highest = (
        min(parameter["maximum"], 0.499 * SAMPLE_RATE_HZ) if "nyquist_factor" in parameter else parameter["maximum"]
    )
    for bound in (parameter["minimum"], highest):
        plugin = getattr(pedalboard, name)(**needed, **{key: bound})
        assert getattr(plugin, key) == pytest.approx(bound, rel=1e-4, abs=1e-6)
        assert np.isfinite(plugin(samples, SAMPLE_RATE_HZ)).all()


@pytest.mark.parametrize("name", ["LadderFilter", "Resample", "GSMFullRateCompressor"])
def test_choices_are_all_members_of_the_enumeration(name):
    (key,) = [key for key, value in PLUGINS[name]["parameters"].items() if value["type"] == "choice"]
    kind: type[enum.Enum] = CHOICES.get((name, key), pedalboard.Resample.Quality)
    assert PLUGINS[name]["parameters"][key]["choices"] == list(kind.__members__)
    for word in kind.__members__:
        constructed(name, **{key: word})


def test_sample_rates_of_the_mp3_encoder():
    for rate_hz in PLUGINS["MP3Compressor"]["sample_rates_hz"]:
        pedalboard.MP3Compressor()(np.zeros((1, rate_hz), np.float32), rate_hz)
    with pytest.raises(ValueError, match="MP3"):
        pedalboard.MP3Compressor()(np.zeros((1, 96000), np.float32), 96000)


# --- what comes out of a right effect ---


def test_all_parameters_are_written_out():
    checked = check_effect("room", effect({"processor": "Reverb", "room_size": "sweep"}, strengths=[0.1, 1]))
    assert checked["chain"] == [
        {
            "processor": "Reverb",
            "room_size": "sweep",
            "damping": 0.5,
            "wet_level": 0.33,
            "dry_level": 0.4,
            "width": 1.0,
            "freeze_mode": 0.0,
        }
    ]
    assert (checked["strengths"], checked["renormalise"], checked["tail_s"]) == ([0.1, 1.0], True, 0.0)
    assert swept_parameter(checked["chain"]) == (0, "room_size")


def test_unit_comes_from_the_swept_parameter():
    gain = effect({"processor": "Gain", "gain_db": "sweep"}, strengths=[1])
    assert check_effect("gain", gain)["unit"] == "dB"
    assert check_effect("gain", {**gain, "unit": "decibels"})["unit"] == "decibels"


def test_an_effect_without_sweep_has_one_strength():
    checked = check_effect("reverse", effect({"processor": "time_reverse"}))
    assert (checked["strengths"], checked["neutral"]) == ([1.0], None)


def test_only_scaling_is_not_renormalised_by_default():
    gain = effect({"processor": "Gain", "gain_db": "sweep"}, strengths=[1])
    assert check_effect("gain", gain)["renormalise"] is False
    assert check_effect("reverse", effect({"processor": "time_reverse"}))["renormalise"] is True


def test_impulse_response_is_known_by_its_content(rng, tmp_path):
    path = tmp_path / "room.wav"
    item = {"processor": "Convolution", "impulse_response_filename": str(path)}
    soundfile.write(path, rng.normal(0, 0.1, 100), SAMPLE_RATE_HZ)
    first = check_effect("room", effect(item))["chain"][0]["impulse_response_sha256"]
    soundfile.write(path, rng.normal(0, 0.1, 100), SAMPLE_RATE_HZ)
    assert check_effect("room", effect(item))["chain"][0]["impulse_response_sha256"] != first


def test_settings_of_a_condition_hold_what_changes_samples_and_nothing_else():
    base = effect({"processor": "Reverb", "room_size": "sweep"}, strengths=[0.1, 0.5])
    more = {**base, "strengths": [0.1, 0.5, 0.9], "unit": "room", "neutral": 0}
    settings = [condition_settings(check_effect("room", of), 0.5, -23.0) for of in (base, more)]
    assert settings[0] == settings[1]
    assert settings[0]["strength_text"] == "0.5"
    louder = condition_settings(check_effect("room", base), 0.5, -14.0)
    assert louder != settings[0]
    plain = check_effect("room", {**base, "renormalise": False})
    assert condition_settings(plain, 0.5, -14.0) == condition_settings(plain, 0.5, -23.0)


@pytest.mark.parametrize(
    "item",
    [
        {"processor": "butterworth", "kind": "bandpass", "low_hz": 100, "high_hz": "sweep"},
        {"processor": "elliptic", "kind": "highpass", "cutoff_hz": "sweep", "order": 3},
        {"processor": "butterworth", "order": "sweep", "cutoff_hz": 300},
    ],
)
def test_scipy_filters_are_checked_at_every_strength(item):
    strengths = [2, 4] if item.get("order") == "sweep" else [200, 400]
    assert check_effect("filter", effect(item, strengths=strengths))["strengths"] == strengths


# --- what comes back for a mistake ---

REVERB = {"processor": "Reverb", "room_size": "sweep"}


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        (effect({"processor": "Revreb"}), ["effects.odd.chain[0].processor", "Reverb"]),
        (effect({"processor": "reverb"}), ["Did you mean Reverb?"]),
        (effect({"processor": "low_pass_filter"}), ["LowpassFilter"]),
        (effect({"processor": ["Reverb"]}), ["the name of one processor"]),
        (effect({"processor": "VST3Plugin"}), ["external"]),
        (effect({"processor": "IIRFilter"}), ["PeakFilter"]),
        (effect({"processor": "Reverb", "roomsize": 1}), ["effects.odd.chain[0].roomsize", "Did you mean room_size"]),
        (effect({"processor": "Reverb", "zzz": 1}), ["Allowed:", "damping", "wet_level"]),
        (
            effect({"processor": "Reverb", "room_size": 1.2}),
            ["chain[0].room_size", "1.2", "from 0 to 1", "default 0.5"],
        ),
        (effect({"processor": "Reverb", "room_size": True}), ["found True"]),
        (effect({"processor": "Reverb", "room_size": float("nan")}), ["found nan"]),
        (effect({"processor": "Gain", "gain_db": "1e1"}), ["found '1e1'", "text in YAML"]),
        (effect({"processor": "LowpassFilter", "cutoff_frequency_hz": -5}), ["-5", "1 to 96000 Hz"]),
        (effect({"processor": "LadderFilter", "mode": "LPF13"}), ["LPF12, HPF12"]),
        (effect({"processor": "BrickwallLimiter", "true_peak": 1}), ["true or false"]),
        (effect({"processor": "LadderFilter", "mode": "sweep"}), ["found 'sweep'"]),
        (effect({"processor": "Convolution"}), ["impulse_response_filename is missing"]),
        (effect({"processor": "Convolution", "impulse_response_filename": "no.wav"}), ["no file no.wav"]),
        (effect({"processor": "butterworth", "kind": "bandpass", "low_hz": 9}), ["high_hz is missing"]),
        (effect({"processor": "butterworth", "cutoff_hz": 9, "high_hz": 99}), ["high_hz", "takes cutoff_hz instead"]),
        (
            effect({"processor": "butterworth", "kind": "bandstop", "low_hz": 9, "high_hz": 9}),
            ["low_hz must be the smaller"],
        ),
        (effect({"processor": "butterworth", "cutoff_hz": 9, "order": 2.5}), ["whole number from 1 to 20"]),
        (effect({"processor": "chebyshev2_lowpass"}), ["frequency_hz is missing"]),
        (effect(REVERB), ["effects.odd.strengths is missing", "room_size is swept"]),
        (effect(REVERB, strengths=[0.5, 1.5]), ["effects.odd.strengths (of Reverb's room_size)", "1.5"]),
        (effect(REVERB, strengths=[]), ["effects.odd.strengths", "empty"]),
        (effect(REVERB, strengths=[0.5], neutral=2), ["effects.odd.neutral", "found 2"]),
        (effect(REVERB, strengths=[0.5], renormalise="yes"), ["effects.odd.renormalise"]),
        (effect(REVERB, strengths=[0.5], tail_s=-1), ["effects.odd.tail_s"]),
        (effect(REVERB, strengths=[0.5], unit=3), ["effects.odd.unit"]),
        (effect(REVERB, strength=[0.5]), ["effects.odd.strength", "Did you mean strengths"]),
        (effect({"processor": "time_reverse"}, strengths=[2]), ["no parameter of the chain is swept"]),
        (effect({"processor": "time_reverse"}, neutral=2), ["no parameter of the chain is swept"]),
        (effect({"processor": "Gain", "gain_db": "sweep"}, strengths=[1], renormalise=True), ["undo this gain"]),
        (
            {"chain": [REVERB, {"processor": "Gain", "gain_db": "sweep"}], "strengths": [1]},
            ["chain[1].gain_db are swept"],
        ),
        ({"chain": []}, ["effects.odd.chain", "at least one processor"]),
        ({"chain": ["Reverb"]}, ["effects.odd.chain[0]", "{processor: Reverb}"]),
        ({}, ["effects.odd.chain"]),
        ([], ["effects.odd"]),
    ],
)
def test_mistakes_are_answered(settings, parts):
    message = told(settings)
    for part in parts:
        assert part in message


def test_frequencies_are_held_against_nyquist():
    lowpass = effect({"processor": "LowpassFilter", "cutoff_frequency_hz": "sweep"}, strengths=[100, 8000])
    assert check_effect("low", lowpass, 44100)
    assert "below 8000 Hz" in told(lowpass, 16000)
    study_a = effect({"processor": "chebyshev2_lowpass", "frequency_hz": "sweep"}, strengths=[18333.333])
    assert check_effect("low", study_a, 44100)
    assert "14545.5" in told(study_a, 32000)


def test_processors_are_held_against_their_sample_rates():
    assert check_effect("mp3", effect({"processor": "MP3Compressor"}), 44100)
    assert "44100" in told(effect({"processor": "MP3Compressor"}), 96000)


def test_low_edge_is_checked_at_every_strength():
    item = {"processor": "butterworth", "kind": "bandpass", "low_hz": "sweep", "high_hz": 300}
    assert "low_hz must be the smaller" in told(effect(item, strengths=[100, 400]))
