"""One finished small study, made once; each test takes a copy of it."""

import os
import shutil
import subprocess
import time

import pytest
from filelock import FileLock
from workflow.working_copy import WorkingCopy, environment


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory):
    """Return a working copy in which the small study is done, one for all test workers. Do not change it."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "finished_study"
    made = WorkingCopy(folder)
    with FileLock(f"{folder}.lock"):
        if not watched_file(made).exists():
            shutil.rmtree(folder, ignore_errors=True)
            watched_file(made).write_text(str(run_watched(WorkingCopy.create(folder))))
    return made


@pytest.fixture(scope="session")
def most_rendered_files(finished_study):
    """Return how many files of rendered audio lay there at once, at most, while the finished study was made."""
    return int(watched_file(finished_study).read_text())


def watched_file(study):
    return study.folder.with_name("finished_study_most_rendered_files")


def run_watched(study):
    """Run a study to its end and return how many files of rendered audio it held at once, at most."""
    process = subprocess.Popen(
        study.command("--quiet", "all"), cwd=study.folder, env=environment(), stdout=subprocess.DEVNULL
    )
    most = 0
    while process.poll() is None:
        most = max(most, sum(1 for _ in study.folder.glob("results/effected/**/[!.]*.h5")))
        time.sleep(0.02)
    assert process.returncode == 0
    return most


@pytest.fixture
def study(finished_study, tmp_path):
    """Return a copy of the finished study that a test may change."""
    return finished_study.copy(tmp_path / "copy")
