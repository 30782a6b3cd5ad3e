"""What a job's settings hold: what changes its numbers, and nothing else."""

import copy
import json

import pytest
import yaml

from embedshift.configuration import complete_config
from embedshift.errors import UserError
from embedshift.study import Study


@pytest.fixture
def config(repository):
    """Return the quickstart, complete."""
    return complete_config(yaml.safe_load((repository / "config.yaml").read_text()), repository, repository)


def with_change(config, *path, value):
    config = copy.deepcopy(config)
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return Study(config)


def test_conditions_are_clean_and_the_strengths_as_written(config):
    study = Study(config)
    assert study.conditions("bitcrush") == [f"bitcrush/{bits}" for bits in (12, 10, 8, 6, 4)]
    assert study.all_conditions()[0] == "clean"
    assert len(study.all_conditions()) == 1 + sum(len(effect["strengths"]) for effect in config["effects"].values())


def test_a_further_strength_changes_no_other_condition(config):
    before = Study(config)
    after = with_change(config, "effects", "gain", "strengths", value=[-4, -8, -13, -22, -31, -40])
    for condition in before.conditions("gain"):
        assert before.embedding_settings("demo", "musicnn", condition) == after.embedding_settings(
            "demo", "musicnn", condition
        )
    assert before.sensitivity_settings("demo", "musicnn", "gain") != after.sensitivity_settings(
        "demo", "musicnn", "gain"
    )
    assert before.identities() == after.identities()


def test_another_setting_of_an_effect_changes_its_conditions_only(config):
    before = Study(config)
    after = with_change(config, "effects", "reverb", "chain", 0, "damping", value=0.1)
    assert before.effect_settings("demo", "reverb", "0.49") != after.effect_settings("demo", "reverb", "0.49")
    assert before.effect_settings("demo", "gain", "-4") == after.effect_settings("demo", "gain", "-4")
    assert before.embedding_settings("demo", "timbre", "clean") == after.embedding_settings("demo", "timbre", "clean")
    assert before.identities()["effects"]["reverb"] != after.identities()["effects"]["reverb"]


def test_drawing_and_scheduling_change_no_analysis(config):
    before = Study(config)
    for path, value in {("figures", "dpi"): 100, ("report", "title"): "x", ("embedding", "batch_size"): 3}.items():
        after = with_change(config, *path, value=value)
        assert before.sensitivity_settings("demo", "musicnn", "gain") == after.sensitivity_settings(
            "demo", "musicnn", "gain"
        )
        assert before.embedding_settings("demo", "musicnn", "clean") == after.embedding_settings(
            "demo", "musicnn", "clean"
        )
        assert before.description_settings() == after.description_settings()


def test_the_order_of_keys_and_the_writing_of_numbers_do_not_count(config):
    reordered = copy.deepcopy(config)
    reordered["datasets"]["demo"] = dict(reversed(config["datasets"]["demo"].items()))
    reordered["datasets"]["demo"]["preparation"]["target_lufs"] = -23
    assert Study(reordered).preparation_settings("demo") == Study(config).preparation_settings("demo")


def test_figures_know_on_which_axis_a_sweep_is_even(config):
    effects = json.loads(Study(config).figure_settings())["effects"]
    assert effects["lowpass"]["spacing"] == "geometric"
    assert effects["lowpass"]["unit"] == "Hz"
    assert effects["bitcrush"]["spacing"] == "linear"
    assert effects["gain"]["spacing"] == "linear"


def test_a_missing_checkpoint_is_named_with_its_key(config):
    settings = {**config["models"]["musicnn"], "weights_file": "nowhere.pth"}
    with pytest.raises(UserError, match=r"^models\.musicnn\.weights_file: The checkpoint nowhere\.pth is not there"):
        with_change(config, "models", "musicnn", value=settings)


def test_one_shard_is_what_a_data_set_was_before_there_were_shards(repository):
    written = yaml.safe_load((repository / "config.yaml").read_text())
    plain = Study(complete_config(written, repository, repository))
    written["datasets"]["demo"]["shards"] = 1
    one = Study(complete_config(written, repository, repository))
    assert one.config == plain.config
    assert json.loads(one.preparation_settings("demo")).keys() == {"folder", "preparation", "unusable_clips"}
    assert one.embedding_files("demo", "musicnn", "clean") == ["results/embeddings/demo/musicnn/clean.h5"]
    assert one.audio("demo", "clean") == ["results/clips/demo/clean.h5"]


def test_shards_change_names_of_files_and_what_is_prepared_but_no_other_settings(config):
    plain = Study(config)
    cut = with_change(config, "datasets", "demo", "shards", value=4)
    assert cut.embedding_files("demo", "musicnn", "gain/-4")[3] == (
        "results/embeddings/demo/musicnn/gain/-4.shard_4_of_4.h5"
    )
    assert json.loads(cut.preparation_settings("demo", ".shard_2_of_4", "digest"))["shard"] == [2, 4]
    for settings in ("effect_settings", "embedding_settings"):
        of = ("demo", "gain", "-4") if settings == "effect_settings" else ("demo", "musicnn", "gain/-4")
        assert getattr(cut, settings)(*of) == getattr(plain, settings)(*of)
    assert cut.sensitivity_settings("demo", "musicnn", "gain") == plain.sensitivity_settings("demo", "musicnn", "gain")
