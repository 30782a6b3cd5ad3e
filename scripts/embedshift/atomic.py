"""The one way in which embedshift writes files: whole, or not at all."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedshift.errors import UserError


@contextmanager
def write_atomically(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; give it the name `path` when the block ends well.

    The temporary name carries host and process id, so that two jobs never share one and leftovers of killed
    processes can be recognised. A killed job leaves either the whole file or none (POSIX rename).

    Raises
    ------
    UserError
        If the disk is full; the temporary file is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp")
    try:
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno == 28:
            raise UserError(
                f"No space left on the disk while writing {path}. Nothing half-written was kept. "
                "Free some space and start the same command again: finished files are reused."
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` atomically."""
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_text_if_changed(path: str | Path, text: str) -> bool:
    """Write `text` only when `path` holds something else, so that an equal file keeps its time stamp."""
    path = Path(path)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    write_text(path, text)
    return True


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files that killed processes of this host left for the same target."""
    host = re.escape(socket.gethostname())
    pattern = re.compile(rf"^\.{re.escape(path.name)}\.{host}\.(\d+)\.tmp$")
    for candidate in path.parent.glob(f".{_glob_escape(path.name)}.*.tmp"):
        match = pattern.match(candidate.name)
        if match and not _is_running(int(match.group(1))):
            candidate.unlink(missing_ok=True)


def _glob_escape(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
