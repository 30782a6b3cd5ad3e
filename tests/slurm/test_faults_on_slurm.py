"""What goes wrong on a cluster, one thing at a time: each run ends in the tables of a run without SLURM.

The docstring of each test is its row in docs/slurm.md: what goes wrong, a bar, what happens.
"""

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from slurm.slurm_study import PATIENCE_S, TABLE, wait_for

pytestmark = pytest.mark.slow


@contextmanager
def running(study, *arguments):
    """Start a run, and end it whatever happens; gives its process."""
    process = study.start(*arguments)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def job_at_work(cluster):
    """Return (id, node) of a job whose script is at work, None where there is none."""
    rows = [row.split() for row in cluster.call("squeue", "-h", "-t", "R", "-o", "%i %N").splitlines()]
    return rows[0] if rows and cluster.is_at_work(rows[0][0]) else None


def sweep_at_work(cluster, study, run):
    """Wait until the sweep's job is at work and return (id, node)."""
    found = wait_for(lambda: job_at_work(cluster) or run.poll() is not None, PATIENCE_S, "a job at work")
    assert run.poll() is None, study.said()
    return found


def assert_same_end(study, finished, cluster):
    """The same tables, no job left, nothing half-written, no audio left, nothing more to do."""
    assert study.tables() == finished.tables()
    assert cluster.queue() == []
    assert list(study.folder.glob("results/**/.*.tmp")) == []
    assert list(study.folder.glob("results/effected/*/*/*.h5")) == []
    assert study.planned_rules(TABLE) == {}


def test_a_node_is_drained_and_the_controller_restarted(study, finished_sweep, cluster):
    """A node is drained, the controller restarted | The job ends where it is, new ones go to other nodes.

    Beside that, rendered audio lies on a disk that only the node sees.
    """
    with running(study, "--config", f"effected_folder={cluster.scratch}") as run:
        _, node = sweep_at_work(cluster, study, run)
        cluster.call("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
        cluster.stop_controller()
        time.sleep(3)
        cluster.start_controller()
        assert run.wait(PATIENCE_S) == 0, study.said()
    cluster.call("scontrol", "update", f"nodename={node}", "state=resume")
    assert "Trying to restart job" not in study.said()
    assert_same_end(study, finished_sweep, cluster)


def test_a_node_dies(study, finished_sweep, cluster):
    """A node dies with its jobs | Once SLURM has noticed (SlurmdTimeout), the jobs are tried again on other nodes."""
    with running(study) as run:
        _, node = sweep_at_work(cluster, study, run)
        cluster.kill_node(node)
        assert run.wait(PATIENCE_S) == 0, study.said()
    cluster.start_node(node)
    assert study.said().count("Trying to restart job") == 1
    assert_same_end(study, finished_sweep, cluster)


def test_a_job_needs_more_memory_and_is_cancelled(study, finished_sweep, cluster):
    """A job is killed for its memory, then cancelled | It is tried again, up to twice, with twice as much each time."""
    members = ("apply_effect", "embed_clips", "measure_geometry", "measure_sensitivity")
    too_little = [f"{rule}:mem_mb=150 if attempt == 1 else 4000" for rule in members]
    with running(study, "--set-resources", *too_little) as run:
        wait_for(lambda: "Trying to restart job" in study.said() or run.poll() is not None, PATIENCE_S, "a second try")
        job, node = sweep_at_work(cluster, study, run)
        cluster.call("scancel", job)
        assert run.wait(PATIENCE_S) == 0, study.said()
    assert "xceeded job memory limit" in study.said()
    assert f"JOB {job} ON {node} CANCELLED" in study.said()
    assert_same_end(study, finished_sweep, cluster)


def test_the_main_process_is_killed(study, finished_sweep, cluster):
    """The main process is killed | Its jobs go on; the same command, again, cancels them and goes on where it was."""
    with running(study) as run:
        job, _ = sweep_at_work(cluster, study, run)
        os.kill(run.pid, signal.SIGKILL)
    assert [row.split()[0] for row in cluster.queue()] == [job]
    with running(study) as again:
        assert again.wait(PATIENCE_S) == 0, study.said()
    assert f"embedshift: cancelled {job} (" in study.said()
    assert_same_end(study, finished_sweep, cluster)


def test_a_mistake_shows_in_a_job_only(study, cluster):
    """A mistake shows in a job only | The run stops after the tries, and prints the job's own log."""
    (study.folder / "sounds/low/broken.wav").write_bytes(b"RIFF but no sound")
    study.edit("study.yaml", "folder: sounds", "folder: sounds\n    unusable_clips: stop")
    with running(study, "--retries", "0") as run:
        assert run.wait(PATIENCE_S) == 1
    assert "low/broken.wav (clip" in study.said()
    assert "Traceback" not in study.said()
    assert cluster.queue() == []


def test_the_table_in_the_docs_is_that_of_these_tests():
    page = (Path(__file__).parents[2] / "docs" / "slurm.md").read_text()
    table = page.split("<!-- faults:begin -->")[1].split("<!-- faults:end -->")[0]
    tests = [test for name, test in globals().items() if name.startswith("test_") and test.__doc__]
    assert [row.strip("| ") for row in table.strip().splitlines()[2:]] == [
        test.__doc__.splitlines()[0].rstrip(".") for test in tests
    ]
