"""Time stamps that lie in the future, brought back to the present in the order they have.

A clock that was ahead and is set right leaves results that look newer than all that is made from now on: Snakemake,
which compares time stamps, would miss what changes next. Needs only the standard library: the Snakefile calls it.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

TOLERANCE_S = 2.0
"""Clocks of a file server and its clients differ a little; that is no jump."""
STEP_NS = 2_000
"""Distance of the new time stamps: Snakemake still tells them apart, and thousands fit into a few milliseconds."""


def bring_back_future_stamps(folder: Path) -> int:
    """Give files below `folder` that were changed in the future a time just past, in their order; return how many.

    Other files keep their time, as do those of another user.
    """
    now_ns = time.time_ns()
    ahead = _changed_after(os.fspath(folder), now_ns + int(TOLERANCE_S * 1e9))
    times_ns = sorted({changed_ns for changed_ns, _ in ahead})
    new_ns = {old: now_ns - (len(times_ns) - place) * STEP_NS for place, old in enumerate(times_ns)}
    moved = 0
    for changed_ns, path in ahead:
        with suppress(OSError):
            os.utime(path, ns=(new_ns[changed_ns],) * 2)
            moved += 1
    return moved


def _changed_after(folder: str, limit_ns: int) -> list[tuple[int, str]]:
    """Return `(time stamp in ns, path)` of the files below a folder that were changed after `limit_ns`."""
    found, waiting = [], [folder]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif (changed_ns := entry.stat(follow_symlinks=False).st_mtime_ns) > limit_ns:
                    found.append((changed_ns, entry.path))
    return found
