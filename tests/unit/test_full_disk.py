"""A disk that is full in the middle of a file: the message, no remains, and a process that ends as it should."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import small_disk

WRITE_AUDIO = """
import sys, numpy as np
from embedshift.atomic import write_atomically
from embedshift.errors import UserError
from embedshift.store import AudioWriter
try:
    with write_atomically(sys.argv[1]) as path, AudioWriter(path, sample_rate_hz=8000, channels=1) as writer:
        for number in range(60):
            writer.append(str(number), np.ones((80000, 1), np.float32), loudness_before_lufs=0, loudness_after_lufs=0)
except UserError as error:
    sys.exit(str(error))
"""
WRITE_ARRAYS = """
import sys, numpy as np
from embedshift.errors import UserError
from embedshift.store import write_arrays
try:
    write_arrays(sys.argv[1], {"x": np.ones(3_000_000)}, {})
except UserError as error:
    sys.exit(str(error))
"""
WRITE_TEXT = """
import sys
from embedshift.atomic import write_text
from embedshift.errors import UserError
try:
    write_text(sys.argv[1], "x" * 3_000_000)
except UserError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("program", [WRITE_AUDIO, WRITE_ARRAYS, WRITE_TEXT])
def test_it_is_told_and_nothing_is_left(tmp_path, program):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "scripts")}
    with small_disk(tmp_path / "disk", 2048) as disk:
        free_before = shutil.disk_usage(disk).free
        command = [sys.executable, "-c", program, str(disk / "file")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1, "not a crash: HDF5 could not close its file"
        for word in ("No space left", f"the file system at {disk} has", "needed are at least", "Free some space"):
            assert word in done.stderr
        assert "Traceback" not in done.stderr
        assert list(disk.iterdir()) == []
        assert shutil.disk_usage(disk).free == free_before
