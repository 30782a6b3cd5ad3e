"""What estimate_cost says before a run, against the dry run, the finished files, and the time that it really took."""

import copy
import re
import time

import pytest
from workflow.working_copy import SMALL_STUDY, WorkingCopy

UNITS = {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}
SECONDS = {"s": 1, "min": 60, "h": 3600}
SMALL_BYTES = 50_000
"""Of a handful of files of 15 kB, what HDF5 keeps beside the rows is more than a fifth; no forecast needs it closer."""


def estimate(study):
    """Return the text, which stands on the terminal and in a file."""
    told = study.run("estimate_cost")
    (file,) = study.folder.glob("results/studies/*/cost.txt")
    assert file.read_text() in told.stdout
    return file.read_text()


def jobs(text):
    """Return the number of jobs of each kind."""
    found = {
        kind: int(count) for kind, count in re.findall(r"^(preparing|rendering|embedding) .+?  (\d+) ", text, re.M)
    }
    return {"prepare_clips": found["preparing"], "apply_effect": found["rendering"], "embed_clips": found["embedding"]}


def planned(study):
    rules = study.planned_rules()
    return {rule: rules.get(rule, 0) for rule in ("prepare_clips", "apply_effect", "embed_clips")}


def finished_bytes(text):
    """Return the forecast of each kind of file when all is done."""
    rows = re.findall(r"^(\w[\w, ]+?)  +[\d.]+ \w+ +([\d.]+) (\w+) +[\d.]+ \w+$", text, re.M)
    return {kind: float(number) * UNITS[unit] for kind, number, unit in rows}


def size_below(folder, pattern="**/*"):
    return sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file() and ".kept" not in path.parts)


def test_before_a_run_jobs_are_those_of_the_dry_run_and_disk_and_time_come_true(tmp_path):
    config = copy.deepcopy(SMALL_STUDY)
    del config["effects"]["lowpass"]
    study = WorkingCopy.create(tmp_path / "copy", config)
    text = estimate(study)
    assert "12 x 4 x 1 = 48 embeddings" in text
    assert jobs(text) == planned(study) == {"prepare_clips": 1, "apply_effect": 3, "embed_clips": 4}
    assert not (study.folder / "results/clips/tones/clean.h5").exists(), "nothing is built"
    began_s = time.monotonic()
    study.run("--until", "embed_clips")
    took_s = time.monotonic() - began_s
    forecast_s = sum(
        float(number) * SECONDS[unit] for number, unit in re.findall(r"^total +\d+ +([\d.]+) (\w+)$", text, re.M)
    )
    assert forecast_s / 10 < took_s < forecast_s * 10, "other tests share the cores, before or during the run"
    assert jobs(estimate(study)) == {"prepare_clips": 0, "apply_effect": 0, "embed_clips": 0}


def test_disk_of_a_finished_study_is_what_was_forecast_within_a_fifth(finished_study, tmp_path):
    fresh = WorkingCopy.create(tmp_path / "copy")
    forecast = finished_bytes(estimate(fresh))
    results = finished_study.folder / "results"
    found = {
        "prepared clips": size_below(results / "clips", "*/*.h5"),
        "embeddings": size_below(results / "embeddings"),
        "tables, figures, report": size_below(results / "studies"),
    }
    for kind, size_bytes in found.items():
        assert forecast[kind] == pytest.approx(size_bytes, rel=0.2, abs=SMALL_BYTES), kind
    assert forecast["total"] == pytest.approx(size_below(results), rel=0.2)


def test_what_is_done_is_not_counted_again(study):
    config = copy.deepcopy(SMALL_STUDY)
    config["effects"]["gain"]["strengths"] = [5, -20, -30, -40]
    study.write_config(config)
    text = estimate(study)
    assert "7 done, 0 shared by others, 1 to compute" in text
    assert jobs(text) == planned(study) == {"prepare_clips": 0, "apply_effect": 1, "embed_clips": 1}
