"""One run at a time holds a folder; a dead one never keeps it."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from embedshift.errors import UserError
from embedshift.run_claim import (
    SILENCE_S,
    claim,
    claim_folders,
    give_back,
    held_by,
    is_alive,
    only_reads,
    read_holder,
    this_run,
)


@pytest.fixture
def process():
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as started:
        yield started
        started.kill()


def run_of(process):
    """Return the claim that another process of this host would write."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    start = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    return dataclasses.replace(this_run("other"), pid=process.pid, started=f"{boot} {start}", user="ada")


@pytest.mark.parametrize(
    ("arguments", "reads"),
    [
        ("--cores 2", False),
        ("-c 2 -p", False),
        ("-j2 --nolock", False),
        ("--until embed_clips --configfile a.yaml", False),
        ("-n", True),
        ("-np --cores 1", True),
        ("--dry-run", True),
        ("--report=r.html", True),
        ("estimate_cost --cores 1", True),
        ("--unlock", True),
    ],
)
def test_what_only_reads_is_known_by_its_arguments(arguments, reads):
    assert only_reads(arguments.split()) is reads


def test_a_live_run_is_named_with_host_user_time_and_what_to_do(tmp_path, process):
    other, path = run_of(process), tmp_path / ".run.json"
    assert claim(path, other, tmp_path) is None
    with pytest.raises(UserError) as told:
        claim(path, this_run("mine"), tmp_path)
    for word in (other.host, str(other.pid), "ada", other.since, "study other", f"kill {other.pid}", str(tmp_path)):
        assert word in str(told.value)
    assert read_holder(path) == other


def test_a_dead_run_is_taken_over_and_a_claim_given_back(tmp_path, process):
    other, mine, path = run_of(process), this_run("mine"), tmp_path / ".run.json"
    claim(path, other, tmp_path)
    process.kill()
    process.wait()
    assert claim(path, mine, tmp_path) == other
    give_back(path, other)
    assert read_holder(path) == mine
    give_back(path, mine)
    assert list(tmp_path.iterdir()) == []


def test_a_later_process_of_the_same_number_is_another_one(tmp_path, process):
    other = dataclasses.replace(run_of(process), started="another boot 1")
    assert not is_alive(other, tmp_path / ".run.json")


def test_a_run_on_another_host_counts_as_dead_after_a_long_silence(tmp_path):
    far, path = dataclasses.replace(this_run("far"), host="elsewhere.example.org"), tmp_path / ".run.json"
    claim(path, far, tmp_path)
    assert is_alive(far, path)
    assert "ssh elsewhere.example.org kill" in held_by(far, path, tmp_path)
    os.utime(path, (path.stat().st_mtime - SILENCE_S - 1,) * 2)
    assert claim(path, this_run("mine"), tmp_path) == far


def test_a_claim_that_cannot_be_read_holds_nothing(tmp_path):
    path = tmp_path / ".run.json"
    path.write_text("{")
    claim(path, this_run("mine"), tmp_path)
    assert json.loads(path.read_text())["host"] == socket.gethostname()


COMPETE = """
import sys, time
from pathlib import Path
from embedshift.errors import UserError
from embedshift.run_claim import claim, this_run
path = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    claim(path, this_run("one of many"), path.parent)
    print("won", flush=True)
except UserError:
    print("lost", flush=True)
sys.stdin.readline()
"""


def test_of_many_at_once_one_takes_a_dead_claim(tmp_path, process):
    path = tmp_path / ".run.json"
    claim(path, run_of(process), tmp_path)
    process.kill()
    process.wait()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "scripts")}
    start = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    many = [subprocess.Popen([sys.executable, "-c", COMPETE, str(path)], **start) for _ in range(6)]
    for line in ("ready", None):
        told = [one.stdout.readline().strip() for one in many]
        assert line is None or told == [line] * 6
        for one in many:
            one.stdin.write("on\n")
            one.stdin.flush()
    assert sorted(told) == ["lost"] * 5 + ["won"]
    for one in many:
        one.communicate()


def test_snakemakes_locks_go_with_the_claim_of_a_dead_run(tmp_path, process):
    working, results = tmp_path / "work", tmp_path / "results"
    locks = working / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("a\n")
    claim(working / ".snakemake/embedshift_run.json", run_of(process), working)
    with pytest.raises(UserError):
        claim_folders(working, results, "mine")
    assert list(locks.iterdir()) != []
    process.kill()
    process.wait()
    assert "was killed" in claim_folders(working, results, "mine")
    assert list(locks.iterdir()) == []
