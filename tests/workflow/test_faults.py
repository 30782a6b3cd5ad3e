"""Kills, other numbers of cores, and mistakes: the tables are the same, or the mistake is told in words."""

import copy
import json
import os
import random
import signal
import subprocess
import time

import numpy as np
import pytest
import soundfile
from workflow.working_copy import SMALL_STUDY, WorkingCopy, environment

from embedshift.run_claim import read_holder
from embedshift.tables import read_table

KILLS = 20


def run_and_kill(study, after_s):
    """Start a run, kill it and all its jobs a while after it claimed the folder; return whether it had ended."""
    process = subprocess.Popen(
        study.command("--quiet", "all"),
        cwd=study.folder,
        env=environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    claim = study.folder / ".snakemake" / "embedshift_run.json"
    while process.poll() is None and getattr(read_holder(claim), "pid", None) != process.pid:
        time.sleep(0.02)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False
    return process.returncode == 0


@pytest.mark.slow
def test_killed_again_and_again_ends_in_the_same_tables(finished_study, tmp_path):
    study = WorkingCopy.create(tmp_path / "copy")
    moments = random.Random(20220419)
    kills, done = 0, False
    while kills < KILLS and not done:
        done = run_and_kill(study, moments.uniform(0.0, 3.0))
        kills += not done
    print(f"killed {kills} times")
    assert kills >= 10, "the study is too small to be killed often"
    study.run()
    assert study.tables() == finished_study.tables()
    assert study.planned_rules() == {}
    assert list(study.folder.glob("results/**/.*.tmp")) == []
    assert list(study.folder.glob("results/effected/*/*/*.h5")) == []
    assert list(study.folder.glob("results/embeddings/*/*/.kept/parts/*/*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("cores", [1, 4])
def test_other_numbers_of_cores_give_the_same_tables(finished_study, tmp_path, cores):
    study = WorkingCopy.create(tmp_path / "copy")
    study.run("--until", "tabulate_sensitivity", cores=cores)
    assert study.tables() == finished_study.tables()


@pytest.mark.slow
def test_another_batch_size_gives_the_same_numbers_within_1e_5(finished_study, tmp_path):
    study = WorkingCopy.create(tmp_path / "copy", {**SMALL_STUDY, "embedding": {"batch_size": 5}})
    study.run("--until", "tabulate_sensitivity")
    ours, theirs = (
        read_table(copy_.folder / "results/studies/small/tables/sensitivity.csv") for copy_ in (study, finished_study)
    )
    assert len(ours) == len(theirs)
    for row, expected in zip(ours, theirs, strict=True):
        assert row["measure"] == expected["measure"]
        np.testing.assert_allclose(row["value"], expected["value"], rtol=1e-5, atol=1e-5)


def test_effected_audio_never_waits_in_heaps(finished_study, most_rendered_files):
    assert 1 <= most_rendered_files <= 2
    assert list(finished_study.folder.glob("results/effected/**/*.h5")) == []


def test_mistakes_in_the_config_start_no_job(study):
    config = copy.deepcopy(SMALL_STUDY)
    config["effects"]["gain"]["strenghts"] = [1]
    study.write_config(config)
    told = study.run(check=False)
    assert told.returncode == 1
    assert "effects.gain.strenghts: unknown key. Did you mean strengths?" in told.stderr
    assert "Traceback" not in told.stderr
    assert "Finished job" not in told.stderr


def test_a_missing_folder_starts_no_job(study):
    config = copy.deepcopy(SMALL_STUDY)
    config["datasets"]["tones"]["folder"] = "nowhere"
    study.write_config(config)
    told = study.run(check=False)
    assert told.returncode == 1
    assert "datasets.tones.folder" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_file_that_is_no_sound_is_excluded_and_told(study):
    (study.folder / "sounds/low/broken.wav").write_bytes(b"RIFF but no sound")
    study.run("--until", "prepare_clips")
    excluded = (study.folder / "results/clips/tones/excluded.csv").read_text()
    assert "low/broken.wav" in excluded


def test_a_file_that_is_no_sound_stops_the_run_where_asked_and_leaves_nothing_half_made(study):
    config = copy.deepcopy(SMALL_STUDY)
    config["datasets"]["tones"]["unusable_clips"] = "stop"
    (study.folder / "sounds/low/broken.wav").write_bytes(b"RIFF but no sound")
    study.write_config(config)
    told = study.run(check=False)
    assert told.returncode == 1
    assert "broken.wav" in told.stderr
    assert "Traceback" not in (study.folder / "logs/prepare_clips/tones.log").read_text()
    assert not (study.folder / "results/clips/tones/clean.h5").exists()
    assert list(study.folder.glob("results/**/.*.tmp")) == []


def test_a_clip_silenced_by_an_effect_is_left_out_of_that_effect_and_counted(study):
    rate_hz = 22050
    time_s = np.arange(rate_hz) / rate_hz
    soundfile.write(study.folder / "sounds/high/shrill.wav", 0.1 * np.sin(2 * np.pi * 10000 * time_s), rate_hz)
    config = copy.deepcopy(SMALL_STUDY)
    config["effects"]["lowpass"] = {
        "chain": [{"processor": "chebyshev2_lowpass", "frequency_hz": "sweep"}],
        "strengths": [11000, 5000, 1000],
    }
    config["study"] = "silenced"
    config["results_folder"] = "results_silenced"
    study.write_config(config)
    study.run("--until", "tabulate_sensitivity", "describe_study")
    rows = read_table(study.folder / "results_silenced/studies/silenced/tables/sensitivity.csv")
    n = {r["effect"]: r["n"] for r in rows if r["measure"] == "displacement_norm" and r["label"] == "all"}
    assert n == {"gain": 13, "lowpass": 12}
    description = json.loads((study.folder / "results_silenced/studies/silenced/study.json").read_text())
    assert "silent" in json.dumps(description)


def test_snakemakes_own_report_is_made(study):
    study.run("--report", "snakemake_report.html")
    text = (study.folder / "snakemake_report.html").read_text()
    for word in ("Sensitivity", "overview", "Tables"):
        assert word in text
