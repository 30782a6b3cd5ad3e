"""Space is asked for, and where it runs out the message says where, how much was needed and found, and what to do."""

import errno
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedshift.atomic import write_atomically, write_text
from embedshift.disk_space import mount_point, require_space, size_text
from embedshift.errors import UserError


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (1.236e9, "1.24 GB")]
)
def test_sizes_have_three_digits(size_bytes, text):
    assert size_text(size_bytes) == text


def test_the_mount_point_is_that_of_df(tmp_path):
    told = subprocess.run(["df", "--output=target", tmp_path], capture_output=True, text=True, check=True).stdout
    assert str(mount_point(tmp_path / "not" / "yet" / "there.h5")) == told.splitlines()[1]


def test_what_does_not_fit_is_not_begun(tmp_path):
    free_bytes = shutil.disk_usage(tmp_path).free
    require_space(tmp_path / "a", free_bytes // 2)
    begun = False
    with pytest.raises(UserError) as told, write_atomically(tmp_path / "a", needed_bytes=2 * free_bytes + 10):
        begun = True
    assert not begun
    for word in (str(tmp_path / "a"), str(mount_point(tmp_path)), size_text(2 * free_bytes + 10), "results_folder"):
        assert word in str(told.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_names_the_file_system_and_what_was_needed(tmp_path, number):
    with pytest.raises(UserError) as told, write_atomically(tmp_path / "a", needed_bytes=2000) as temporary:
        temporary.write_bytes(bytes(1000))
        raise OSError(number, os.strerror(number))
    for word in ("No space left", str(mount_point(tmp_path)), "2 kB", "start the same command again"):
        assert word in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_a_limit_on_the_size_of_files_is_told_as_such(tmp_path):
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "from embedshift.atomic import write_text\n"
        "write_text(sys.argv[1], 'x' * 5000)\n"
    )
    path = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "scripts")}
    command = [sys.executable, "-c", program, str(tmp_path / "a")]
    told = subprocess.run(command, env=path, capture_output=True, text=True, check=False)
    assert "ulimit -f" in told.stderr
    assert list(tmp_path.iterdir()) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000
    write_text(tmp_path / "a", "x")
