"""A job ends when the run that started it is killed, so that no second writer is left behind."""

import os
import threading
import time
from pathlib import Path


def end_with_the_run(poll_s: float = 0.5) -> None:
    """Watch the processes above this one; end this one at once when one of the nearest two is gone.

    Between Snakemake and its job stands a shell, so the parent alone does not tell. Linux only; elsewhere a job of a
    killed run goes on to its end and writes the same file.
    """
    ancestors = _ancestors(os.getpid(), count=2)
    if ancestors:
        threading.Thread(target=_watch, args=(ancestors, poll_s), daemon=True).start()


def _watch(ancestors: list[int], poll_s: float) -> None:
    while _ancestors(os.getpid(), count=len(ancestors)) == ancestors:
        time.sleep(poll_s)
    os._exit(1)


def _ancestors(pid: int, count: int) -> list[int]:
    """Return the nearest `count` ancestors of a process, without the first process of the machine."""
    found: list[int] = []
    while len(found) < count and (pid := _parent(pid)) > 1:
        found.append(pid)
    return found


def _parent(pid: int) -> int:
    try:
        # The command, in parentheses, may hold spaces: the fields count from the last one.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
