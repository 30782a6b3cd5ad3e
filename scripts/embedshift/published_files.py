"""A published file in the folder of downloads: fetched, or put there by hand, and verified either way."""

import gzip
import logging
import os
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies

from embedshift.atomic import write_atomically
from embedshift.checksums import (
    PUBLISHED,
    RECORDED,
    RECORDS_NAME,
    compare_with_record,
    describe_expected,
    find_mismatch,
    record_first,
)
from embedshift.download import MEGABYTE, DownloadError, discard_partial, download
from embedshift.errors import UserError
from embedshift.fetch_lock import one_job_at_a_time

LOGGER = logging.getLogger("embedshift")
NOT_FOUND = 404
LOGIN_NEEDED = (401, 403)


class Obtained(NamedTuple):
    """A file that is there and verified: `as published`, or `as recorded at the first download`."""

    path: Path
    verified: str
    downloaded: Path
    address: str


class UnfetchedError(UserError):
    """The file could not be fetched, and is not there."""


class AbsentError(Exception):
    """The server says that there is no such file."""


def obtain_file(
    source: dict[str, Any], folder: Path, name: str, subfolder: str = "downloads", kind: str = "weights"
) -> Obtained:
    """Return the file of a catalogue's `source` (kinds url and by_hand), unpacked where it is packed (gzip).

    Where no checksum is published, it is compared with the first download that `record_readable` recorded.
    `folder` is data/weights, or data: the file lies in its `subfolder`, under the name `source["file"]`. Where
    `source["may_be_absent"]`, that there is none is an answer too. `kind` and `name` say in messages what it is of.

    Raises
    ------
    AbsentError
        If there is no such file, and there need not be one.
    UserError
        If it cannot be had: which file, from where, how big, which checksum, where to put it by hand. If it is not
        the published file. If the disk is full.
    """
    path = folder / subfolder / source["file"]
    with one_job_at_a_time(path):
        if not path.exists():
            _fetch(source, path, folder, f"{kind} {name}")
        elif complaint := _find_fault(path, source, path, folder):
            raise UserError(
                f"{path} is not the published file of the {kind} {name}: {complaint}. Delete it and start the same "
                f"command again; it is then fetched from {source['address']}."
            )
        unpacked = _unpack(path, source) if "unpacked" in source else path
    return Obtained(unpacked, PUBLISHED if source.get("checksum") else RECORDED, path, source["address"])


def record_readable(obtained: Iterable[Obtained], folder: Path) -> None:
    """Record the SHA-256 of files without a published checksum, after they have been read: not of a broken download."""
    for file in obtained:
        if file.verified == RECORDED:
            key = file.downloaded.relative_to(folder).as_posix()
            record_first(file.downloaded, key, folder / RECORDS_NAME, file.address)


def _fetch(source: dict[str, Any], path: Path, folder: Path, what: str) -> None:
    if source["kind"] == "by_hand":
        raise UnfetchedError(_by_hand(source, path, what, source["why"]))
    size_bytes = source.get("size_bytes")
    size = f" ({size_bytes / MEGABYTE:.1f} MB)" if size_bytes else ""
    LOGGER.info("Downloading %s%s from %s", source["file"], size, source["address"])
    try:
        partial = download(source["address"], path, size_bytes)
    except DownloadError as error:
        if error.status == NOT_FOUND and source.get("may_be_absent"):
            raise AbsentError from error
        login = ": there is no such thing, or its owner asks for a login" if error.status in LOGIN_NEEDED else ""
        raise UnfetchedError(_by_hand(source, path, what, f"{error}{login}{_proxies(source['address'])}")) from error
    if complaint := _find_fault(partial, source, path, folder):
        discard_partial(path)
        complaint = f"what came is another file: {complaint}. It was removed"
        raise UnfetchedError(_by_hand(source, path, what, complaint))
    with open(partial, "rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)
    discard_partial(path)


def _find_fault(file: Path, source: dict[str, Any], path: Path, folder: Path) -> str:
    """Return how `file`, which is to be `path`, differs from the published file or from the one first downloaded."""
    complaint = find_mismatch(file, source.get("size_bytes"), source.get("checksum"))
    if complaint or source.get("checksum"):
        return complaint
    return compare_with_record(file, path.relative_to(folder).as_posix(), folder / RECORDS_NAME)


def _unpack(path: Path, source: dict[str, Any]) -> Path:
    """Return the content of a gzip file as a file beside it."""
    expected = source["unpacked"]
    unpacked = path.with_name(expected["file"])
    try:
        with write_atomically(unpacked) as temporary, gzip.open(path) as packed, open(temporary, "wb") as file:
            shutil.copyfileobj(packed, file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file ({error}). Delete it and start again.") from error
    if complaint := find_mismatch(unpacked, expected.get("size_bytes"), expected.get("checksum")):
        raise UserError(f"{unpacked}, unpacked from {path.name}, is another file: {complaint}. Delete both.")
    return unpacked


def _by_hand(source: dict[str, Any], path: Path, what: str, complaint: str) -> str:
    size_bytes, checksum = source.get("size_bytes"), source.get("checksum")
    size = f"{size_bytes / MEGABYTE:.1f} MB" if size_bytes else "size not published"
    verified = (
        f"It is verified there in the same way ({describe_expected(size_bytes, checksum)})."
        if checksum
        else "No checksum of it is published: it is compared from now on, with what you put there."
    )
    return (
        f"The file {Path(source['file']).name} ({size}) of the {what} could not be fetched: {complaint}.\n"
        f"To fetch it by hand, on any machine that has a network, download\n"
        f"    {source['address']}\n"
        f"put the file at\n"
        f"    {path.resolve()}\n"
        f"and start the same command again. {verified}"
    )


def _proxies(address: str) -> str:
    """Return which proxy is in use, without the password that its address may hold."""
    proxy = getproxies().get(urlsplit(address).scheme, "")
    parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return f" (through the proxy {parts.hostname}:{parts.port or 'default port'})" if parts.hostname else ""
