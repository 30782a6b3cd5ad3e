"""A file system of a few kilobytes, mounted for one test; where mounting is refused the test is skipped, saying why."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size_kb: int) -> Iterator[Path]:
    """Mount an empty file system of `size_kb` on a new folder."""
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={size_kb}k", "none", str(folder)]
    done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def resize(folder: Path, size_kb: int) -> None:
    """Make a mounted small disk larger or smaller."""
    subprocess.run(["mount", "-o", f"remount,size={size_kb}k", str(folder)], check=True)
