"""Counts, hours and bytes of an estimate, against sums worked out by hand and files really written."""

import pytest

from embedshift.cost_counts import CLEAN, DatasetCount, EmbeddingFile, audio_to_render
from embedshift.cost_disk import DiskUse, disk_use, embedding_size, total
from embedshift.cost_table import disk_text, hours_text
from embedshift.cost_time import Speed, Speeds, hours_left
from embedshift.stored_size import audio_bytes

TEN_MINUTES = DatasetCount(clips=600, length_s=1.0, sample_rate_hz=1000, channels=1, shards=1, unprepared=1)


def files(states, models=("m",), shards=("",), results="results"):
    """Return embedding files of `{condition: state}` for every model and shard."""
    return [
        EmbeddingFile("d", model, condition, shard, f"{results}/embeddings/d/{model}/{condition}{shard}.h5", state)
        for model in models
        for condition, state in states.items()
        for shard in shards
    ]


def test_audio_is_rendered_once_for_all_models_and_only_where_one_needs_it(tmp_path):
    states = {CLEAN: "to do", "gain/1": "to do", "gain/2": "done", "gain/3": "shared"}
    told = audio_to_render(files(states, models=("m", "n"), shards=(".shard_1_of_2", ".shard_2_of_2")), False, "x")
    assert told == [("d", "gain/1", ".shard_1_of_2"), ("d", "gain/1", ".shard_2_of_2")]


def test_kept_audio_is_rendered_unless_it_is_there(tmp_path):
    (tmp_path / "d/gain").mkdir(parents=True)
    (tmp_path / "d/gain/2.h5").touch()
    states = {CLEAN: "done", "gain/1": "done", "gain/2": "done"}
    assert audio_to_render(files(states), True, str(tmp_path)) == [("d", "gain/1", "")]


@pytest.mark.parametrize(
    ("models", "on_gpu", "cores", "embedding_h"),
    [(["m"], False, 4, 3.0), (["m", "n"], False, 4, 1.5), (["m", "n"], False, 1, 3.0), (["m", "n"], True, 4, 3.0)],
)
def test_hours_are_jobs_times_clips_times_speed(models, on_gpu, cores, embedding_h):
    """600 s of audio: 1 h of preparing, two conditions of 2 h of rendering, three of 1 h of embedding a model."""
    speeds = Speeds(
        preparing=Speed(0, 6.0),
        rendering={"gain": Speed(600, 11.0)},
        embedding={model: Speed(1800, 3.0) for model in models},
    )
    listed = files({CLEAN: "to do", "gain/1": "to do", "gain/2": "to do"}, models)
    to_render = audio_to_render(listed, False, "x")
    told = hours_left({"d": TEN_MINUTES}, listed, to_render, speeds, dict.fromkeys(models, on_gpu), cores)
    assert [entry.hours for entry in told] == pytest.approx([1.0, 4.0] + [embedding_h] * len(models))
    assert [entry.jobs for entry in told] == [1, 2] + [3] * len(models)


def test_shards_cut_the_work_and_not_its_sum():
    sharded = DatasetCount(600, 1.0, 1000, 1, shards=4, unprepared=3)
    speeds = Speeds(Speed(0, 6.0), {}, {"m": Speed(0, 3.0)})
    listed = files({CLEAN: "to do"}, shards=tuple("abcd"))
    told = hours_left({"d": sharded}, listed, [], speeds, {"m": False}, 2)
    assert [entry.hours for entry in told] == pytest.approx([0.75, 0.0, 0.5])


def test_a_model_that_was_not_measured_makes_the_sum_a_lower_bound():
    speeds = Speeds(Speed(0, 6.0), {}, {"m": None})
    told = hours_left({"d": TEN_MINUTES}, files({CLEAN: "to do"}), [], speeds, {"m": False}, 2)
    text = hours_text(told, 2)
    assert "not measured" in text
    assert "at least 60 min" in text


def test_disk_now_finished_and_at_most(tmp_path):
    results = str(tmp_path)
    listed = files({CLEAN: "done", "gain/1": "to do", "gain/2": "to do", "gain/3": "to do"}, results=results)
    (tmp_path / "embeddings/d/m").mkdir(parents=True)
    (tmp_path / "embeddings/d/m/clean.h5").write_bytes(bytes(12345))
    (tmp_path / "clips/d").mkdir(parents=True)
    (tmp_path / "clips/d/clean.h5").write_bytes(bytes(777))
    to_render = audio_to_render(listed, False, "x")
    size = embedding_size(TEN_MINUTES, dim=100)
    uses = disk_use(
        results, f"{results}/effected", {"d": TEN_MINUTES}, listed, to_render, {("d", "m"): size}, 1, 2, False
    )
    by_kind = {use.kind: (use.now, use.finished, use.peak) for use in uses}
    audio = audio_bytes(600, 600_000, 1)
    assert by_kind["prepared clips"] == (777, audio, audio)
    assert by_kind["rendered audio"] == (0, 0, 2 * audio)
    assert by_kind["embeddings"] == (12345, 12345 + 3 * size, 12345 + 3 * size)
    assert total(uses).peak == sum(use.peak for use in uses)


def test_what_does_not_fit_is_said_with_how_much_is_missing(tmp_path):
    small = disk_text([DiskUse("embeddings", str(tmp_path), 0, 1000, 1000)])
    large = disk_text([DiskUse("embeddings", str(tmp_path), 0, 10**18, 10**18)])
    assert "it fits" in small
    assert "IT DOES NOT FIT" in large
    assert "are missing" in large
