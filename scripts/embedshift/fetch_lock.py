"""One job at a time fetches a file; the others wait and then find it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOGGER = logging.getLogger("embedshift")


@contextmanager
def one_job_at_a_time(path: Path) -> Iterator[None]:
    """Hold the lock of `path` (a hidden file beside it) while the block runs; a killed job's lock is free again.

    Where the file system has no locks (some network file systems) nobody waits: the file may be fetched twice, and
    is whole all the same.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        LOGGER.info("Another job is fetching %s; waiting for it", path.name)
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        LOGGER.info("No lock on %s (%s); going on without", path.name, error)
    try:
        yield
    finally:
        lock.release()
