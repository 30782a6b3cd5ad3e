"""A folder is freed from a dead run, and never from a live one."""

import subprocess
import sys

import pytest
from free_folder import free_folder, live_runs

from embedshift.errors import UserError


def start(folder, *command):
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", *command], cwd=folder)


def test_a_live_run_is_left_alone_and_named(tmp_path):
    (tmp_path / "snakemake").write_text("import time; print('up', flush=True); time.sleep(60)")
    command = [sys.executable, "snakemake"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE) as run:
        run.stdout.readline()
        assert live_runs(tmp_path) == [run.pid]
        with pytest.raises(UserError, match=str(run.pid)):
            free_folder(tmp_path)
        run.kill()


def test_programs_that_only_mention_it_and_runs_elsewhere_do_not_count(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    with start(tmp_path, "grep", "snakemake") as other, start(tmp_path / "elsewhere") as elsewhere:
        assert live_runs(tmp_path) == []
        other.kill()
        elsewhere.kill()


def test_a_dead_runs_lock_is_removed(tmp_path):
    (tmp_path / "Snakefile").write_text("rule all:\n    output: touch('done')\n")
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("done\n")
    assert free_folder(tmp_path) is True
    assert list(locks.glob("*")) == []
    assert free_folder(tmp_path) is False
