"""What sound files a data set has: the listing by which a new, changed or removed file is noticed.

Made by the main process at every start, so only the standard library is used, hashes are kept as long as size and
modification time of a file stand, and the listing is rewritten only when it differs.
"""

import csv
import hashlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from embedshift.atomic import write_text, write_text_if_changed
from embedshift.errors import UserError
from embedshift.known_digests import read_known_digests

SOUND_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif")
COLUMNS = ("file", "size_bytes", "sha256")
CACHE_NAME = ".listing_cache.json"
HASHING_THREADS = 4
PROGRESS_INTERVAL_S = 5.0


class ListedFile(NamedTuple):
    """One row of listing.csv; `file` is relative to the data set's folder, with forward slashes."""

    file: str
    size_bytes: int
    sha256: str


def write_listing(folder: str | Path, table: str | Path | None, path: str | Path) -> None:
    """List the sound files below `folder` and the label table, with sizes and hashes, in `path`.

    Hidden files and folders are left out, links are followed. Beside `path` lies a cache of hashes; deleting it is
    harmless.

    Raises
    ------
    UserError
        If the folder or the table is missing, no sound file is found, or a file cannot be read.
    """
    folder, path = Path(folder).expanduser(), Path(path)
    found = _find_sound_files(folder)
    if table:
        located = locate_table(folder, table)
        found[_name_in(folder, located)] = os.fspath(located)
    listed = _hash_files(found, path.with_name(CACHE_NAME))
    write_text_if_changed(path, _listing_text(listed))


def read_listing(path: str | Path) -> list[ListedFile]:
    """Read listing.csv, table included, in the order of its rows."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows, None)  # the header, always COLUMNS
        return [ListedFile(name, int(size_bytes), sha256) for name, size_bytes, sha256 in rows]


def is_sound_file(name: str) -> bool:
    """Return whether the suffix is one of those that are listed, in any case."""
    return name.lower().endswith(SOUND_SUFFIXES)


def locate_table(folder: Path, table: str | Path) -> Path:
    """Return the label table: below the data set's folder, or else where the path itself leads.

    Raises
    ------
    UserError
        If it is in neither place.
    """
    table = Path(table).expanduser()
    for candidate in (folder / table, table):
        if candidate.is_file():
            return candidate
    raise UserError(
        f"The label table {table} was not found, neither in {folder} nor in {Path.cwd()}. "
        "Correct `table` of this data set, or leave it out: labels are then the names of the folders."
    )


def _find_sound_files(folder: Path) -> dict[str, str]:
    """Return path (text: a hundred thousand Path objects would double the time) by name relative to the folder."""
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise UserError(f"The data set's folder {folder} {what} (looked for at {folder.absolute()}). Correct `folder`.")
    try:
        entries = list(_walk(os.fspath(folder), "", set()))
    except OSError as error:
        raise UserError(f"The folder {error.filename} cannot be read: {error.strerror}.") from error
    found = {name: entry for name, entry in entries if is_sound_file(name)}
    if not found:
        raise UserError(
            f"No sound file in {folder}: found {len(entries)} other files. Files whose names end in "
            f"{', '.join(SOUND_SUFFIXES)} are read; hidden ones are not."
        )
    return found


def _walk(folder: str, prefix: str, visited: set[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    """Yield (relative name, path) of every visible file, links followed, each folder at most once."""
    status = os.stat(folder)
    if (status.st_dev, status.st_ino) in visited:
        return
    visited.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(entry.path, f"{prefix}{entry.name}/", visited)
            else:
                yield prefix + entry.name, entry.path


def _name_in(folder: Path, table: Path) -> str:
    try:
        return table.relative_to(folder).as_posix()
    except ValueError:
        return table.as_posix()


def _hash_files(found: dict[str, str], cache_path: Path) -> list[ListedFile]:
    before = read_known_digests(cache_path)
    now, unknown = {}, []
    for name, path in found.items():
        size_bytes, mtime_ns = _status(name, path)
        known = before.get(name)
        if known and known[:2] == [size_bytes, mtime_ns]:
            now[name] = known
        else:
            unknown.append((name, path, size_bytes, mtime_ns))
    try:
        for name, entry in _hash_anew(unknown):
            now[name] = entry
    finally:
        # also after Ctrl-C: what has been hashed need not be hashed again
        if now != before:
            write_text(cache_path, json.dumps(now, separators=(",", ":")))
    return [ListedFile(name, now[name][0], now[name][2]) for name in sorted(now)]


def _status(name: str, path: str) -> tuple[int, int]:
    try:
        name.encode("utf-8")
        status = os.stat(path)
    except UnicodeEncodeError as error:
        raise UserError(f"The name of the file {name!r} is not valid UTF-8. Rename it.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Repair or remove it.") from error
    return status.st_size, status.st_mtime_ns


def _hash_anew(files: list[tuple[str, str, int, int]]) -> Iterator[tuple[str, list]]:
    total_bytes, done_bytes = sum(file[2] for file in files), 0
    last_line_s = time.monotonic()
    pool = ThreadPoolExecutor(HASHING_THREADS)
    try:
        for (name, _, size_bytes, mtime_ns), digest in zip(files, pool.map(_sha256, files), strict=True):
            yield name, [size_bytes, mtime_ns, digest]
            done_bytes += size_bytes
            if time.monotonic() - last_line_s > PROGRESS_INTERVAL_S:
                last_line_s = time.monotonic()
                print(f"Hashing new sound files: {done_bytes / 1e9:.2f} of {total_bytes / 1e9:.2f} GB", file=sys.stderr)
    finally:
        pool.shutdown(cancel_futures=True)


def _sha256(file: tuple[str, str, int, int]) -> str:
    try:
        with open(file[1], "rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{file[1]} cannot be read: {error.strerror}. Repair, allow or remove it.") from error


def _listing_text(listed: list[ListedFile]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((file.file, file.size_bytes, file.sha256) for file in listed)
    return buffer.getvalue()
