"""Two runs in one folder, a run after a killed one, and a reader beside a writer."""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress

import h5py
from workflow.working_copy import environment

from embedshift.run_claim import claim, give_back, this_run


def start(study, *arguments):
    return subprocess.Popen(
        study.command(*arguments),
        cwd=study.folder,
        env=environment(),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(condition, limit_s=120):
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.02)


def test_a_second_run_is_refused_and_a_killed_one_holds_nothing(finished_study, study):
    first = start(study, "--forcerun", "measure_sensitivity")
    try:
        wait_for(lambda: list(study.folder.glob(".snakemake/locks/*")))
        second = study.run(check=False)
        assert second.returncode == 1
        for word in ("Another run is at work", f"process {first.pid} on {socket.gethostname()}", f"kill {first.pid}"):
            assert word in second.stderr + second.stdout
        assert "Traceback" not in second.stderr
        assert study.run("--dry-run", check=False).returncode == 0
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
    assert list(study.folder.glob(".snakemake/locks/*")) != []
    third = study.run("--until", "tabulate_sensitivity")
    assert "was killed; the work goes on where it was" in third.stderr
    assert study.tables()["sensitivity.csv"] == finished_study.tables()["sensitivity.csv"]
    assert list(study.folder.glob(".snakemake/locks/*")) == []
    assert not (study.folder / ".snakemake/embedshift_run.json").exists()


def test_of_two_that_start_at_once_one_works_and_the_other_tells_why_not(study):
    both = [start(study, "--forcerun", "describe_study", "--until", "describe_study") for _ in range(2)]
    told = [run.communicate()[0] for run in both]
    codes = [run.returncode for run in both]
    assert sorted(codes) == [0, 1], told
    refused = told[codes.index(1)]
    assert "Another run is at work" in refused
    assert f"process {both[codes.index(0)].pid} on" in refused
    assert "describe_study" not in study.planned_rules()


def test_one_results_folder_is_written_by_one_working_folder_at_a_time(study):
    mark, elsewhere = study.folder / "results/.run.json", this_run("elsewhere")
    claim(mark, elsewhere, mark.parent)
    try:
        told = study.run(check=False)
    finally:
        give_back(mark, elsewhere)
    assert told.returncode == 1
    for word in ("study elsewhere", "in results", "shared_embeddings"):
        assert word in told.stderr + told.stdout
    assert study.planned_rules() == {}


def test_a_reader_finds_the_old_file_the_new_one_or_none(finished_study, study):
    """Never a part of one: files get their names when they are whole."""
    table = study.folder / "results/studies/small/tables/sensitivity.csv"
    vectors = list(study.folder.glob("results/embeddings/tones/timbre/[!.]*/*.h5"))
    whole = table.read_bytes()
    writer = start(study, "--forcerun", "embed_clips", "--until", "tabulate_sensitivity")
    read, shapes = set(), set()
    while writer.poll() is None:
        with suppress(FileNotFoundError):
            read.add(table.read_bytes())
        for path in vectors:
            with suppress(FileNotFoundError), h5py.File(path, locking=False) as file:
                shapes.add(file["embedding"][:].shape)
        time.sleep(0.005)
    assert writer.wait() == 0, writer.stdout.read()
    assert read <= {whole}, "the same numbers, so the same bytes"
    assert len(shapes) == 1
    assert study.tables()["sensitivity.csv"] == finished_study.tables()["sensitivity.csv"]
