"""Space on the file system that a file lies on: asked for before work begins, and told where it ran out.

Needs only the standard library: every module that writes imports it.
"""

import errno
import os
import shutil
from pathlib import Path

from embedshift.errors import UserError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The file system is full, the user's share of it is, or a file may not become larger."""
UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def size_text(size_bytes: float) -> str:
    """Return a size in decimal units with three significant digits, such as `1.24 GB`."""
    for unit, factor in UNITS:
        if size_bytes >= factor:
            return f"{size_bytes / factor:.3g} {unit}"
    return f"{size_bytes:.0f} bytes"


def existing_part(path: str | Path) -> Path:
    """Return the path itself, or the nearest folder above it that exists."""
    path = Path(path).absolute()
    return next(place for place in (path, *path.parents) if place.exists())


def mount_point(path: str | Path) -> Path:
    """Return where the file system that holds `path`, or would hold it, is mounted."""
    place = existing_part(path).resolve()
    while not os.path.ismount(place):
        place = place.parent
    return place


def free_bytes(path: str | Path) -> int:
    """Return how much a user may still write beside `path`, as far as the file system tells (quotas it does not)."""
    return shutil.disk_usage(existing_part(path)).free


def require_space(path: str | Path, needed_bytes: int) -> None:
    """Stop before the work begins where `path` will not fit.

    Raises
    ------
    UserError
        If the file system has less than `needed_bytes` free.
    """
    if needed_bytes and free_bytes(path) < needed_bytes:
        raise UserError(f"{path} does not fit: {_found(path)}, needed are {size_text(needed_bytes)}. {_WHAT_TO_DO}")


def out_of_space(path: str | Path, error: OSError, written_bytes: int, needed_bytes: int = 0) -> UserError:
    """Return what to tell when `error`, one of `NO_SPACE`, stopped the writing of `path` after so many bytes."""
    if error.errno == errno.EFBIG:
        found = f"files here may not become larger (`ulimit -f`), and {size_text(written_bytes)} were written"
    elif error.errno == errno.EDQUOT:
        found = f"your quota on the file system at {mount_point(path)} is used up"
    else:
        found = _found(path)
    needed = size_text(needed_bytes) if needed_bytes else f"at least {size_text(written_bytes)}"
    return UserError(
        f"No space left on the disk while writing {path}: {found}, needed are {needed}. Nothing half-written was kept. "
        f"{_WHAT_TO_DO}"
    )


_WHAT_TO_DO = (
    "Free some space there, or choose another results_folder, and start the same command again: finished files are "
    "reused. `snakemake estimate_cost` tells what the whole study needs."
)


def _found(path: str | Path) -> str:
    return f"the file system at {mount_point(path)} has {size_text(free_bytes(path))} free"
