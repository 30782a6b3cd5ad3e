"""Quirks of published studies: asked for by list or name, each where it belongs, and nowhere else a changed setting."""

import copy
import json

import pytest
import yaml
from snakemake.utils import update_config

from embedshift.compatibility import EFFECT_QUIRKS, MODEL_QUIRKS, effect_quirks, model_quirks
from embedshift.configuration import complete_config
from embedshift.errors import UserError
from embedshift.study import Study

ALL_EFFECTS = ["state_leak", "int16_files"]


@pytest.fixture
def sensitivity(repository):
    """Return the published study as written, and a function that completes it with changes."""
    written = yaml.safe_load((repository / "studies/sensitivity.yaml").read_text())

    def complete(**changes):
        config = copy.deepcopy(written)
        update_config(config, changes)
        return Study(complete_config(config, repository, repository))

    return complete


def test_a_study_names_all_its_quirks_and_a_list_some():
    assert effect_quirks("deng2025", "x") == ALL_EFFECTS == list(EFFECT_QUIRKS)
    assert effect_quirks(["int16_files"], "x") == ["int16_files"]
    assert model_quirks("deng2025", "openl3", "x") == ["kaiser_best"]
    assert model_quirks("deng2025", "msclap", "x") == ["channels_in_a_row"]
    assert model_quirks("deng2025", "panns", "x") == [], "its clips were averaged and resampled with soxr"
    assert model_quirks(["kaiser_best", "channels_in_a_row"], "panns", "x") == list(MODEL_QUIRKS)


def test_the_full_published_study(sensitivity):
    study = sensitivity()
    assert [len(study.conditions(effect)) for effect in study.effects] == [31, 31, 34, 12]
    assert len(study.all_conditions()) == 1 + 108
    assert [study.models[name]["adapter"] for name in study.models] == ["openl3", "panns", "msclap"]
    preparation = study.datasets["irmas"]["preparation"]
    assert (preparation["channels"], preparation["length_rule"], preparation["target_lufs"]) == (
        "stereo",
        "whole",
        None,
    )
    assert not any(effect["renormalise"] for effect in study.effects.values())
    assert json.loads(study.index_settings("irmas"))["reader_options"]["drop_genres"] == ["lat_sou"]


def test_for_the_whole_study_each_quirk_goes_where_it_belongs(sensitivity):
    study = sensitivity(compatibility="deng2025")
    assert {tuple(effect["compatibility"]) for effect in study.effects.values()} == {tuple(ALL_EFFECTS)}
    assert study.models["openl3"]["compatibility"] == ["kaiser_best"]
    assert study.models["clap"]["compatibility"] == ["channels_in_a_row"]
    assert "compatibility" not in study.models["panns"]
    some = sensitivity(compatibility=["int16_files"])
    assert {tuple(effect["compatibility"]) for effect in some.effects.values()} == {("int16_files",)}
    assert not any("compatibility" in model for model in some.models.values())


def test_what_an_effect_says_itself_goes_before_the_study(sensitivity):
    study = sensitivity(compatibility="deng2025", effects={"gain": {"compatibility": []}})
    assert "compatibility" not in study.effects["gain"]
    assert study.effects["reverb_raw"]["compatibility"] == ALL_EFFECTS


def test_only_what_asks_has_other_settings_and_other_code(sensitivity):
    plain = sensitivity()
    twin = {"preset": "deng2025_reverb", "compatibility": ["state_leak"]}
    study = sensitivity(effects={"reverb_leaking": twin}, models={"openl3": {"compatibility": "deng2025"}})
    for condition in plain.all_conditions():
        for model in ("panns", "clap"):
            assert study.embedding_settings("irmas", model, condition) == plain.embedding_settings(
                "irmas", model, condition
            )
    assert study.effect_settings("irmas", "reverb_raw", "0.01") == plain.effect_settings("irmas", "reverb_raw", "0.01")
    assert study.effect_settings("irmas", "reverb_leaking", "0.01") != plain.effect_settings(
        "irmas", "reverb_raw", "0.01"
    )
    assert study.embedding_settings("irmas", "openl3", "clean") != plain.embedding_settings("irmas", "openl3", "clean")
    assert study.identities()["effects"]["reverb_raw"] == plain.identities()["effects"]["reverb_raw"]
    assert study.identities()["effects"]["reverb_leaking"]["compatibility"] == ["state_leak"]
    assert study.rendering_files("reverb_leaking") == ["published_rendering.py"]
    assert study.rendering_files("reverb_raw") == plain.rendering_files("gain") == []
    assert "models/published_sound.py" in study.adapter_files("openl3")
    assert "models/published_sound.py" not in study.adapter_files("panns")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"compatibility": "deng2024"}, ("compatibility", "'deng2024'", "Did you mean", "deng2025")),
        ({"compatibility": ["state_leek"]}, ("compatibility", "'state_leek'", "state_leak")),
        ({"effects": {"gain": {"compatibility": ["kaiser_best"]}}}, ("effects.gain.compatibility", "int16_files")),
        ({"models": {"clap": {"compatibility": ["int16_files"]}}}, ("models.clap.compatibility", "channels_in_a_row")),
        ({"compatibility": 5}, ("compatibility", "found 5")),
        ({"datasets": {"irmas": {"reader_options": {"drop_genre": []}}}},
         ("datasets.irmas.reader_options.drop_genre: unknown key", "drop_genres")),
        ({"datasets": {"irmas": {"reader_options": {"drop_genres": ["latin"]}}}},
         ("datasets.irmas.reader_options.drop_genres[0]", "lat_sou")),
        ({"datasets": {"irmas": {"reader": "folder"}}}, ("datasets.irmas.download", "reader: irmas")),
        ({"datasets": {"irmas": {"reader": "irma"}}}, ("datasets.irmas.reader", "irmas")),
        ({"datasets": {"demo": {"folder": "data/demo", "reader_options": {"folds": 3}}}},
         ("datasets.demo.reader_options", "takes none")),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(sensitivity, changes, words):
    with pytest.raises(UserError) as caught:
        sensitivity(**changes)
    for word in words:
        assert word in str(caught.value)


def test_a_later_config_removes_with_null(sensitivity):
    demo = {"folder": "data/demo", "table": "clips.csv"}
    study = sensitivity(datasets={"irmas": None, "demo": demo}, models={"openl3": None, "panns": None},
                        effects={"gain": None})  # fmt: skip
    assert list(study.datasets) == ["demo"]
    assert list(study.models) == ["clap"]
    assert list(study.effects) == ["lowpass_raw", "reverb_raw", "bitcrush_raw"]


def test_removing_everything_is_no_study(sensitivity):
    with pytest.raises(UserError, match="models: found .* at least 1 entry"):
        sensitivity(models={"openl3": None, "panns": None, "clap": None})


def test_the_demo_is_the_study_on_other_sounds_in_ten_lines(sensitivity, repository):
    text = (repository / "studies/sensitivity_demo.yaml").read_text()
    study = sensitivity(**yaml.safe_load(text))
    assert list(study.datasets) == ["demo"]
    assert list(study.models) == ["musicnn", "crepe", "timbre"]
    assert len(study.all_conditions()) == 1 + 108
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) <= 10
