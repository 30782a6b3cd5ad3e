"""Embeddings that several results folders share: a folder of finished files, each named after all that led to it.

No two runs write the same name unless they write the same numbers, and files appear whole, so any number of runs may
read and write here at once. Nothing is ever changed or removed; deleting any of it costs time and harms nothing.
Needs only the standard library: the Snakefile calls it.
"""

import logging
import shutil
from pathlib import Path

from embedshift.atomic import write_atomically
from embedshift.errors import UserError

LOGGER = logging.getLogger("embedshift")


def shared_file(folder: str | Path, output: str | Path, results: str | Path, origin: str) -> Path:
    """Return where an output below `results`/embeddings stands in the shared folder, by its origin (freshness.py)."""
    place = Path(output).relative_to(Path(results) / "embeddings").with_suffix("")
    return Path(folder) / place / f"{origin[:32]}.h5"


def share(output: str | Path, shared: str | Path) -> bool:
    """Put a copy of a finished output into the shared folder, unless it is there; return whether it was put there.

    A copy, not a link: its time stamp and its rights are then those of whoever put it there, and no matter of others.
    Where it cannot be written the output stands all the same.
    """
    shared = Path(shared)
    if shared.exists():
        return False
    try:
        with write_atomically(shared, Path(output).stat().st_size) as copy:
            shutil.copyfile(output, copy)
    except (OSError, UserError) as error:
        LOGGER.warning("%s could not be shared: %s", output, error)
        return False
    return True
