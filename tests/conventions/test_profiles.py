"""The profile for SLURM reruns what the profile for a workstation reruns, and what must be edited there is little."""

from pathlib import Path

import yaml

from embedshift.left_jobs import NAME_PREFIX
from embedshift.resources import MOST_CPUS

PROFILES = Path(__file__).resolve().parents[2] / "profiles"
WORKSTATION = yaml.safe_load((PROFILES / "default/profile.yaml").read_text())
SLURM = yaml.safe_load((PROFILES / "slurm/profile.yaml").read_text())
SAME = ("rerun-triggers", "rerun-incomplete", "scheduler", "max-checksum-file-size")


def test_both_profiles_have_the_same_reasons_to_run_a_job_again():
    """A --workflow-profile replaces profiles/default whole."""
    assert {key: SLURM.get(key) for key in SAME} == {key: WORKSTATION[key] for key in SAME}
    assert set(WORKSTATION) <= set(SLURM)
    assert SLURM["cores"] == MOST_CPUS


def test_jobs_are_found_again_by_the_prefix_of_their_name():
    assert SLURM["slurm-jobname-prefix"] + "_" == NAME_PREFIX


def test_failed_jobs_are_tried_again_by_snakemake_alone():
    assert SLURM["retries"] == 2
    assert SLURM["slurm-no-requeue"] is True
    assert not any("retries:" in path.read_text() for path in PROFILES.parent.glob("rules/*.smk"))


def test_jobs_are_no_arrays_and_are_asked_after_by_squeue():
    assert not any(key.startswith("slurm-array") for key in SLURM)
    assert SLURM["slurm-status-command"] == "squeue"


def test_every_line_to_edit_is_commented():
    text = (PROFILES / "slurm/profile.yaml").read_text()
    lines = [line.strip() for line in text.split("The lines to edit")[1].split("Not to edit")[0].splitlines()]
    for key in ("slurm_partition", "gpu_partition", "gpu_type", "slurm_account"):
        place = next(place for place, line in enumerate(lines) if line.removeprefix("# ").startswith(f"{key}:"))
        assert lines[place - 1].startswith("# ")
