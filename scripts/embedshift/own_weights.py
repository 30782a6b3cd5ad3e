"""Digests of a user's own checkpoints, taken at every start, read only when the file has changed.

Imported by the Snakefile: standard library only.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from embedshift.atomic import write_text
from embedshift.errors import UserError
from embedshift.known_digests import read_known_digests
from embedshift.model_folder import list_model_files

TOLD_FROM_BYTES = 300_000_000
MOST_FILES = 10_000


def digest_of(path: str | Path, cache: str | Path) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of a checkpoint: of a file, or of a model folder's names and files.

    `cache` (JSON, by absolute path, size and time stamp) may be deleted at any time.

    Raises
    ------
    UserError
        If the checkpoint is not there, cannot be read, or is a folder that holds no Hugging Face model.
    """
    return _digest_with_cache(Path(path).expanduser(), digest_of_folder, Path(cache))


def digest_of_any(path: str | Path, cache: str | Path) -> str:
    """Return the SHA-256 of a file, or over the names and digests of all files in a folder and the folders in it.

    Hidden files, `__pycache__` and what lies behind links to folders do not count.

    Raises
    ------
    UserError
        If it cannot be read, or if the folder holds more than `MOST_FILES` files.
    """
    return _digest_with_cache(Path(path).expanduser(), _digest_of_plain_folder, Path(cache))


def _digest_with_cache(path: Path, of_folder: Callable[[Path, dict[str, list]], str], cache: Path) -> str:
    before = read_known_digests(cache)
    now = dict(before)
    digest = of_folder(path, now) if path.is_dir() else _digest_of_file(path, now)
    if now != before:
        write_text(cache, json.dumps(now, indent=1, sort_keys=True) + "\n")
    return digest


def _digest_of_plain_folder(folder: Path, known: dict[str, list]) -> str:
    files: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        files += [file for name in names if not name.startswith(".") and (file := Path(place, name)).is_file()]
        if len(files) > MOST_FILES:
            raise UserError(
                f"The folder {folder} (looked at in {folder.absolute()}) holds more than {MOST_FILES} files, too many "
                "to watch for changes. Name the folder, or the files, that are really read."
            )
    lines = sorted(f"{file.relative_to(folder).as_posix()} {_digest_of_file(file, known)}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def digest_of_folder(folder: str | Path, known: dict[str, list] | None = None) -> str:
    """Return the SHA-256 over the names and the digests of the files of a Hugging Face model folder.

    `known` maps absolute paths to `[size_bytes, mtime_ns, sha256]`; it is used and added to.
    """
    known = {} if known is None else known
    lines = [f"{name} {_digest_of_file(Path(folder) / name, known)}\n" for name in list_model_files(folder)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest_of_file(path: Path, known: dict[str, list]) -> str:
    try:
        status = os.stat(path)
        key, stamp = os.path.abspath(path), [status.st_size, status.st_mtime_ns]
        if known.get(key, [])[:2] != stamp:
            if status.st_size >= TOLD_FROM_BYTES:
                print(f"Hashing {path} ({status.st_size / 1e9:.1f} GB), once", file=sys.stderr)
            with open(path, "rb") as file:
                known[key] = [*stamp, hashlib.file_digest(file, "sha256").hexdigest()]
    except FileNotFoundError as error:
        raise UserError(
            f"The checkpoint {path} is not there (looked for at {path.absolute()}). Correct `weights_file`, or leave "
            "it out: the published weights are then fetched."
        ) from error
    except OSError as error:
        raise UserError(f"The checkpoint {path} cannot be read: {error.strerror}. Repair or allow it.") from error
    return known[key][2]
