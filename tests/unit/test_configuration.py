"""Mistakes in a config are answered before any job, with the key's path, what was found and what is allowed."""

import copy

import pytest
import yaml

from embedshift.configuration import complete_config
from embedshift.errors import UserError

SMALLEST = {
    "study": "s",
    "datasets": {"mine": {"folder": "sounds"}},
    "effects": {"louder": {"chain": [{"processor": "Gain", "gain_db": "sweep"}], "strengths": [0, 3, 6]}},
    "models": {"timbre": {"adapter": "timbre"}},
}


@pytest.fixture
def complete(repository, tmp_path):
    """Return a function that completes a config in a folder with a sound folder."""
    (tmp_path / "sounds").mkdir()
    (tmp_path / "file").touch()
    return lambda config: complete_config(config, repository, tmp_path)


def changed(path, value):
    config = copy.deepcopy(SMALLEST)
    inner = config
    *parents, last = path.split(".")
    for key in parents:
        inner = inner.setdefault(key, {})
    inner[last] = value
    return config


def test_four_keys_are_enough_and_defaults_are_filled_in(complete):
    config = complete(SMALLEST)
    assert config["datasets"]["mine"]["preparation"] == {
        "channels": "mean",
        "sample_rate_hz": 44100,
        "length_rule": "pad",
        "length_s": 3,
        "target_lufs": -23,
    }
    assert config["sensitivity"]["folds"] == 5
    assert config["embedding"] == {"device": "auto", "batch_size": "auto"}
    assert config["effects"]["louder"]["renormalise"] is False
    assert config["models"]["timbre"]["precision"] == "float32"


def test_the_config_of_the_user_is_not_touched(complete):
    before = copy.deepcopy(SMALLEST)
    complete(SMALLEST)
    assert before == SMALLEST


def test_completing_twice_changes_nothing(complete):
    once = complete(SMALLEST)
    assert complete(once) == once


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("sead", 1, ["sead: unknown key", "Did you mean seed?"]),
        ("sensitivity.fold", 3, ["sensitivity.fold: unknown key", "Did you mean folds?"]),
        ("sensitivity.folds", "five", ["sensitivity.folds", "'five'", "whole number", "at least 2"]),
        ("sensitivity.folds", 1, ["sensitivity.folds: found 1", "at least 2"]),
        ("sensitivity.confidence", 95, ["sensitivity.confidence: found 95", "less than 1"]),
        ("datasets.mine.preparation.length_s", float("nan"), ["preparation.length_s: found nan", "finite"]),
        ("seed", 1.5, ["seed: found 1.5", "a whole number"]),
        ("embedding.device", "gpu", ["embedding.device: found 'gpu'", "auto, cpu, cuda"]),
        ("embedding.batch_size", 0, ["embedding.batch_size: found 0", "auto, or a whole number"]),
        ("datasets.mine.folder", "nowhere", ["datasets.mine.folder", "nowhere is no folder"]),
        ("datasets.mine.table", "labels.csv", ["datasets.mine.table", "no file labels.csv"]),
        ("datasets.mine.preparation.target_lufs", 23, ["preparation.target_lufs: found 23", "at most 0"]),
        ("datasets.mine.preparation.target_luf", -23, ["target_luf: unknown key", "Did you mean target_lufs?"]),
        ("datasets.mine.preparation.preset", "deng2026", ["preparation.preset", "Did you mean deng2025?"]),
        ("effects.louder.preset", "deng2025_gian", ["effects.louder.preset", "Did you mean deng2025_gain?"]),
        ("effects.louder.strengths", [], ["effects.louder.strengths", "[]"]),
        ("effects.louder.strengths", None, ["effects.louder.strengths"]),
        ("effects.louder.chain", [{"processor": "Gian", "gain_db": "sweep"}], ["louder.chain[0]", "Gain"]),
        ("effects.louder.chain", [{"processor": "Gain", "gain": "sweep"}], ["louder.chain[0].gain", "gain_db"]),
        ("effects.louder.chain", [{"processor": "Reverb", "room_size": 2}], ["chain[0].room_size", "2"]),
        ("effects.louder.strengths", ["8e3", 1], ["effects.louder.strengths[0]: found '8e3' (a text)", "Write 8000:"]),
        ("effects.louder.strengths", {"start": 1, "stop": 2, "step": -5}, ["strengths.step: found -5", "more than 0"]),
        ("effects.louder.strengths", {"start": 1, "stp": 2, "step": 5}, ["strengths.stp: ", "Did you mean stop?"]),
        ("effects.louder.strengths", list(range(10_001)), ["effects.louder.strengths", "10001", "at most 10000"]),
        ("effects.clean", SMALLEST["effects"]["louder"], ["effects.clean: clean is what"]),
        ("effects.Louder", SMALLEST["effects"]["louder"], ["effects: the names louder and Louder differ only"]),
        ("models.Timbre", {"adapter": "timbre"}, ["models: the names timbre and Timbre differ only"]),
        ("datasets.MINE", {"folder": "sounds"}, ["datasets: the names mine and MINE differ only"]),
        ("datasets.mine.preparation.target_lufs", -70, ["target_lufs: found -70", "more than -70"]),
        ("datasets.mine.preparation.length_s", 0.39, ["length_s: found 0.39", "at least 0.4", "loudness meter"]),
        ("datasets.mine.folder", "~nobody_x/sounds", ["datasets.mine.folder", "~nobody_x/sounds is no folder"]),
        ("datasets.mine.table", "~nobody_x/a.csv", ["datasets.mine.table", "no file ~nobody_x/a.csv"]),
        ("results_folder", "a/{b}", ["results_folder: found 'a/{b}'", "without the characters"]),
        ("results_folder", "", ["results_folder: found ''"]),
        ("results_folder", "file/results", ["results_folder: ", "file is a file"]),
        ("results_folder", "~nobody_x/results", ["results_folder: ~nobody_x/results", "no user of that name"]),
        ("effects.a b", {"preset": "deng2025_gain"}, ["a b"]),
        ("models.timbre.adapter", "timber", ["models.timbre.adapter", "timbre"]),
        ("models.timbre.precision", "float16", ["models.timbre.precision: found 'float16'", "bfloat16"]),
        ("models.timbre.precision", "bfloat16", ["models.timbre.precision", "float32"]),
    ],
)
def test_a_mistake_is_told_with_its_path_and_what_is_allowed(complete, path, value, words):
    with pytest.raises(UserError) as told:
        complete(changed(path, value))
    for word in words:
        assert word in str(told.value)


def test_an_effect_cannot_come_back_to_a_loudness_that_there_is_not(complete):
    config = changed("datasets.mine.preparation.target_lufs", None)
    assert complete(config)["effects"]["louder"]["renormalise"] is False
    config["effects"]["room"] = {"preset": "reverb_matched"}
    with pytest.raises(UserError) as told:
        complete(config)
    for words in ("datasets.mine.preparation.target_lufs is null", "effects.room.renormalise is true", "such as -23"):
        assert words in str(told.value)
    config["effects"]["room"]["renormalise"] = False
    complete(config)


def test_the_results_may_lie_at_home_but_not_where_nobody_may_write(complete, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert complete(changed("results_folder", "~/new/results"))["results_folder"] == f"{tmp_path}/new/results"
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(UserError, match=f"results_folder: you may not write to {tmp_path}"):
        complete(changed("results_folder", "new/results"))


def test_a_study_that_is_not_whole_is_told_how_to_override(complete):
    with pytest.raises(UserError, match="(?s)3 mistakes.*datasets: missing.*leave study out to override"):
        complete({"study": "other"})
    with pytest.raises(UserError) as told:
        complete(changed("sead", 1))
    assert "leave study out" not in str(told.value)


@pytest.mark.parametrize("key", ["study", "datasets", "effects", "models"])
def test_a_missing_part_is_named(complete, key):
    config = {name: value for name, value in SMALLEST.items() if name != key}
    with pytest.raises(UserError, match=f"{key}: missing"):
        complete(config)


def test_all_mistakes_are_told_at_once(complete):
    config = changed("sensitivity", {"folds": 0, "permutation": 9})
    config["sead"] = 1
    with pytest.raises(UserError, match="3 mistakes"):
        complete(config)


def test_keys_beside_a_preset_win(complete):
    config = complete(changed("effects.louder", {"preset": "deng2025_gain", "strengths": [0, 1]}))
    assert config["effects"]["louder"]["strengths"] == [0, 1]
    assert config["effects"]["louder"]["neutral"] == 0


def test_the_shipped_config_is_complete_and_right(repository):
    config = complete_config(yaml.safe_load((repository / "config.yaml").read_text()), repository, repository)
    assert config["study"] == "quickstart"


def test_every_key_of_the_schema_says_what_it_means(repository):
    schema = yaml.safe_load((repository / "config.schema.yaml").read_text())

    def walk(part, path):
        for name, inner in part.get("properties", {}).items():
            assert "description" in inner or "$ref" in inner, f"{path}.{name} has no description"
            walk(inner, f"{path}.{name}")
        if part.get("type") == "object" and "properties" in part and part.get("required") != ["processor"]:
            assert part.get("additionalProperties") is False, f"{path} is open"

    walk(schema, "")
    for name, part in schema["$defs"].items():
        walk(part, name)


def test_a_plugin_that_remembers_the_clip_before_forbids_shards(complete):
    config = changed("datasets.mine.shards", 4)
    assert complete(config)["datasets"]["mine"]["shards"] == 4
    config["effects"]["louder"]["compatibility"] = ["state_leak"]
    with pytest.raises(
        UserError, match=r"datasets\.mine\.shards is 4, but effects\.louder\.compatibility has state_leak"
    ):
        complete(config)
