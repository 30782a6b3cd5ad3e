"""A file is there whole or not at all."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from embedshift.atomic import write_atomically, write_text, write_text_if_changed
from embedshift.errors import UserError


def test_an_error_keeps_the_old_file(tmp_path):
    write_text(tmp_path / "a", "old")
    with pytest.raises(ValueError, match="stop"), write_atomically(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise ValueError("stop")
    assert (tmp_path / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_killed_writer_leaves_nothing_but_a_leftover_that_the_next_removes(tmp_path):
    program = (
        "import sys, time; from embedshift.atomic import write_atomically\n"
        "with write_atomically(sys.argv[1]) as t:\n"
        "    t.write_text('half'); print('ready', flush=True); time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "scripts")}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "a")], stdout=subprocess.PIPE, env=environment
    ) as writer:
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
    assert not (tmp_path / "a").exists()
    assert [p.name for p in tmp_path.iterdir()] == [f".a.{socket.gethostname()}.{writer.pid}.tmp"]
    write_text(tmp_path / "a", "whole")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_an_equal_text_keeps_its_time_stamp(tmp_path):
    write_text(tmp_path / "a", "x")
    os.utime(tmp_path / "a", (1, 1))
    assert write_text_if_changed(tmp_path / "a", "x") is False
    assert (tmp_path / "a").stat().st_mtime == 1
    assert write_text_if_changed(tmp_path / "a", "y") is True


def test_a_full_disk_is_told_in_words(tmp_path):
    with pytest.raises(UserError, match="No space left"), write_atomically(tmp_path / "a"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []
