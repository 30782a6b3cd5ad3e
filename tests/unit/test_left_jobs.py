"""Jobs that a killed run left: found by user, name and folder, against a queue that the test writes."""

import os

import pytest

from embedshift.errors import UserError
from embedshift.left_jobs import cancel_left_jobs, left_jobs

QUEUE = """\
11|embedshift_4592048a|{here}|rule_sweep_tones_gain
12|embedshift_4592048a|{here}|rule_prepare_clips_wildcards_a|b
13|embedshift_77777777|{here}/clone|rule_sweep_tones_gain
14|other_workflow|{here}|rule_x
15|my_embedshift_job|{here}|
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Put commands on the path that read and write a file instead of asking SLURM."""
    commands, queue = tmp_path / "bin", tmp_path / "queue"
    commands.mkdir()
    queue.write_text(QUEUE.format(here=tmp_path))
    _write(commands / "squeue", f'echo "$@" >> {tmp_path}/asked; cat {queue}')
    _write(commands / "scancel", f'for job in "$@"; do sed -i "/^$job|/d" {queue}; done')
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    return tmp_path


def _write(command, text):
    command.write_text(f"#!/bin/sh\n{text}\n")
    command.chmod(0o755)


def test_only_jobs_of_this_workflow_in_this_folder_are_left_jobs(slurm):
    assert [job.id for job in left_jobs(slurm)] == ["11", "12"]
    assert "--me" in (slurm / "asked").read_text().split()


def test_they_are_cancelled_and_no_others(slurm):
    assert [job.comment for job in cancel_left_jobs(slurm)] == [
        "rule_sweep_tones_gain",
        "rule_prepare_clips_wildcards_a|b",
    ]
    assert [line.split("|")[0] for line in (slurm / "queue").read_text().splitlines()] == ["13", "14", "15"]
    assert cancel_left_jobs(slurm) == []


def test_a_job_that_does_not_go_stops_the_run(slurm):
    _write(slurm / "bin" / "scancel", "exit 0")
    with pytest.raises(UserError, match="still at work.*: 11, 12"):
        cancel_left_jobs(slurm, gone_s=0.6)


def test_a_controller_that_does_not_answer_is_told(slurm):
    _write(slurm / "bin" / "squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(UserError, match="does not answer.*Unable to contact"):
        left_jobs(slurm)


def test_a_machine_without_slurm_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="squeue was not found"):
        left_jobs(tmp_path)
