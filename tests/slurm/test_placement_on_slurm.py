"""Where jobs go on a cluster, what they ask for, and that none of it reruns anything."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from slurm.slurm_study import ONE_SWEEP, SlurmStudy
from workflow.working_copy import environment

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[2]
OWN = "python:examples/rms_and_centroid.py:RmsAndCentroid"
TWO_MODELS = {**ONE_SWEEP, "models": {"timbre": {"adapter": "timbre"}, "own": {"adapter": OWN}}}
LONG_SWEEPS = ["--default-resources", "slurm_partition=cpu", "gpu_partition=gpu", "job_minutes=0"]
"""As the profile has it, but no sweep is short enough to be one job."""


@pytest.fixture
def two_models(cluster, slurm_python, tmp_path):
    made = SlurmStudy.create(tmp_path / "copy", TWO_MODELS)
    made.python = slurm_python
    shutil.copytree(REPOSITORY / "examples", made.folder / "examples")
    return made


def jobs_of(cluster, run_id):
    """Return `{comment: {name: value}}` of the jobs of one run."""
    rows = [
        dict(re.findall(r"(\S+?)=(\S*)", row)) for row in cluster.call("scontrol", "show", "job", "-o").splitlines()
    ]
    return {row["Comment"]: row for row in rows if row["JobName"] == run_id}


def test_networks_go_to_the_gpu_partition_with_their_rendering_and_features_to_the_cpus(two_models, cluster):
    wanted = [f"results/embeddings/tones/{model}/gain/5.h5" for model in ("own", "timbre")]
    with open(two_models.folder / "run.log", "w") as log:
        command = two_models.on_slurm(*LONG_SWEEPS, target=wanted)
        done = subprocess.run(command, cwd=two_models.folder, env=environment(), stdout=log, stderr=log)
    assert done.returncode == 0, two_models.said()
    run_id = re.search(r"SLURM run ID: (embedshift_\S+)", two_models.said()).group(1)
    jobs = jobs_of(cluster, run_id)
    assert {comment: job["Partition"] for comment, job in jobs.items()} == {
        "rule_prepare_clips_wildcards_tones_": "cpu",
        "rule_condition_tones_gain_5_apply_effect_embed_clips": "gpu",
        "rule_embed_clips_wildcards_tones_timbre_gain_5_": "cpu",
    }
    on_gpu = jobs.pop("rule_condition_tones_gain_5_apply_effect_embed_clips")
    assert "gres:gpu:1" in on_gpu["TresPerJob"]
    assert not any("gpu" in job.get("TresPerJob", "") for job in jobs.values())
    assert all(job["Requeue"] == "0" and job["WorkDir"] == str(two_models.folder) for job in jobs.values())
    assert list(two_models.folder.glob("results/effected/*/*/*.h5")) == []


def test_the_same_study_has_nothing_to_do_on_slurm_once_it_ran_here(finished_sweep):
    """Memory, time, CPUs, groups and partitions are no reason to make anything again."""
    command = [*finished_sweep.on_slurm(), "--dry-run"]
    done = subprocess.run(command, cwd=finished_sweep.folder, capture_output=True, text=True, env=environment())
    assert "Nothing to be done" in done.stdout + done.stderr
