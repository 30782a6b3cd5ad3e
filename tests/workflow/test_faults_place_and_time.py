"""A folder that was moved or copied, and a clock that was wrong: nothing runs for that, and no change is missed."""

import os
import shutil
import subprocess
import time

import pytest
from workflow.working_copy import WorkingCopy, make_sounds

DAY_S = 86400


def shift(study, by_s):
    """Let the clock have been ahead (or behind) while everything here was made."""
    for path in study.folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            os.utime(path, (status.st_atime + by_s, status.st_mtime + by_s))


@pytest.mark.parametrize("records", [True, False], ids=["with .snakemake", "without .snakemake"])
def test_moved_or_copied_with_its_time_stamps(study, tmp_path, records):
    if not records:
        shutil.rmtree(study.folder / ".snakemake")
    subprocess.run(["cp", "-a", study.folder, tmp_path / "copied"], check=True)
    study.folder.rename(tmp_path / "moved")
    assert WorkingCopy(tmp_path / "copied").planned_rules() == {}
    assert WorkingCopy(tmp_path / "moved").planned_rules() == {}


def test_copied_with_new_time_stamps_and_without_records_embeds_nothing(study, tmp_path):
    """Snakemake then knows neither contents nor times; what is dear says itself what it was made from."""
    shutil.rmtree(study.folder / ".snakemake")
    subprocess.run(["cp", "-r", study.folder, tmp_path / "copied"], check=True)
    planned = WorkingCopy(tmp_path / "copied").planned_rules()
    assert "embed_clips" not in planned
    assert "apply_effect" not in planned


def test_results_alone_moved_to_another_disk(study, tmp_path):
    shutil.move(study.folder / "results", tmp_path / "disk")
    shutil.rmtree(study.folder / ".snakemake")
    (study.folder / "results").symlink_to(tmp_path / "disk")
    assert study.planned_rules() == {}


@pytest.mark.parametrize("by_s", [DAY_S, -DAY_S], ids=["clock was a day ahead", "clock was a day behind"])
def test_a_clock_that_was_wrong_reruns_nothing_and_hides_nothing(study, by_s):
    shift(study, by_s)
    assert study.planned_rules() == {}
    make_sounds(study.folder / "sounds", count=1, first=12)
    planned = study.planned_rules()
    assert {"index_dataset", "prepare_clips", "apply_effect", "embed_clips", "build_report"} <= planned.keys()
    study.run("--until", "prepare_clips")
    again = study.planned_rules()
    assert "prepare_clips" not in again, "no endless reruns"
    assert again["embed_clips"] == 7


def test_no_time_stamp_of_results_stays_in_the_future(study):
    shift(study, DAY_S)
    study.planned_rules()
    ahead = [path for path in (study.folder / "results").rglob("*") if path.stat().st_mtime > time.time() + 2]
    assert [path for path in ahead if path.is_file()] == []
