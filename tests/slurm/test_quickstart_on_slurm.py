"""The real quickstart through SLURM: the tables of a checkout in which it ran without."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from slurm.slurm_study import POLL_S
from workflow.working_copy import environment

pytestmark = pytest.mark.slow
MADE = shutil.ignore_patterns(".git", ".venv*", ".snakemake", "results", "logs", ".parity", "__pycache__")


@pytest.fixture
def local_quickstart():
    """Return the checkout that EMBEDSHIFT_LOCAL_QUICKSTART names."""
    named = os.environ.get("EMBEDSHIFT_LOCAL_QUICKSTART")
    if not named:
        pytest.skip("EMBEDSHIFT_LOCAL_QUICKSTART names no checkout in which the quickstart is done")
    return Path(named)


def tables_of(checkout):
    return {path.name: path.read_bytes() for path in checkout.glob("results/studies/quickstart/tables/*.csv")}


def test_the_quickstart_gives_the_same_tables(local_quickstart, slurm_python, cluster, tmp_path):
    checkout = tmp_path / "checkout"
    shutil.copytree(local_quickstart, checkout, ignore=MADE)
    polls = ["--slurm-init-seconds-before-status-checks", str(POLL_S), "--latency-wait", "10"]
    command = [
        slurm_python,
        "-m",
        "snakemake",
        "--workflow-profile",
        "profiles/slurm",
        "--quiet",
        "host",
        "reason",
        *polls,
    ]
    done = subprocess.run(command, cwd=checkout, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert tables_of(checkout)
    assert tables_of(checkout) == tables_of(local_quickstart)
    assert (checkout / "results/studies/quickstart/report.html").stat().st_size > 0
    assert cluster.queue() == []
