"""One throw-away cluster and one prepared study for all tests here; where SLURM cannot run, they skip and say why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from slurm.slurm_study import ONE_SWEEP, TABLE, SlurmStudy
from slurm.throwaway_cluster import ThrowawayCluster, why_impossible

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def slurm_python() -> Path:
    """Return a Python that has the SLURM plugin, or skip, saying how to make one."""
    named = os.environ.get("EMBEDSHIFT_SLURM_PYTHON")
    for python in filter(None, (named, REPOSITORY / ".venv-slurm/bin/python", sys.executable)):
        if Path(python).exists() and _has_plugin(python):
            return Path(python)
    pytest.skip("no Python with the SLURM plugin; make one: python tests/slurm/make_environment.py")


@pytest.fixture(scope="session")
def cluster(slurm_python, tmp_path_factory):
    """Start SLURM on this machine once, and end it after the last test."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        pytest.skip("there is one cluster: run pytest tests/slurm by itself")
    if why := why_impossible():
        pytest.skip(why)
    made = ThrowawayCluster(tmp_path_factory.mktemp("slurm") / "cluster")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def finished_sweep(slurm_python, tmp_path_factory):
    """Return a working copy in which one sweep was measured on this machine, without SLURM. Do not change it."""
    made = SlurmStudy.create(tmp_path_factory.mktemp("finished") / "copy", ONE_SWEEP)
    made.python = slurm_python
    made.run(TABLE)
    return made


@pytest.fixture
def study(finished_sweep, cluster, tmp_path):
    """Return a copy whose sweep is to be done again, on an empty cluster with all nodes up."""
    cluster.wait_until(lambda: cluster.states().values(), "idle")
    assert cluster.queue() == []
    return finished_sweep.without_the_sweep(tmp_path / "copy")


def _has_plugin(python) -> bool:
    return subprocess.run([python, "-c", "import snakemake_executor_plugin_slurm"], capture_output=True).returncode == 0
