"""The one way in which embedshift writes files: whole, or not at all."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedshift.disk_space import NO_SPACE, out_of_space, require_space


@contextmanager
def write_atomically(path: str | Path, needed_bytes: int = 0) -> Iterator[Path]:
    """Yield a temporary path in the same folder; give it the name `path` when the block ends well.

    The temporary name carries host and process id, so that two jobs never share one and leftovers of killed
    processes can be recognised. A killed job leaves either the whole file or none (POSIX rename).

    Parameters
    ----------
    needed_bytes : size of the file where it is known before; then nothing begins that would not fit

    Raises
    ------
    UserError
        If the disk is, or would be, full; the temporary file is removed.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        require_space(path, needed_bytes)
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        written_bytes = temporary.stat().st_size if temporary.exists() else 0
        temporary.unlink(missing_ok=True)
        raise out_of_space(path, error, written_bytes, needed_bytes) from error
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
