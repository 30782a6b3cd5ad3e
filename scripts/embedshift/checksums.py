"""Is this the published file? By the checksum that its publisher states, or else by that of the first download."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from embedshift.atomic import write_text
from embedshift.errors import UserError
from embedshift.fetch_lock import one_job_at_a_time

LOGGER = logging.getLogger("embedshift")
RECORDS_NAME = "recorded_checksums.json"
CHUNK_BYTES = 1 << 20
PUBLISHED, RECORDED = "as published", "as recorded at the first download"


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    return checksum_of(path, "sha256")


def checksum_of(path: str | Path, kind: str) -> str:
    """Return the checksum of a file in hexadecimal digits.

    `kind` is `sha256`, `md5`, `sha256_prefix` (the digits that the file's name begins its SHA-256 with; all are
    returned) or `git_blob` (the SHA-1 by which git names a file: of `blob <size>`, a zero byte and the content).
    """
    digest = {"sha256": hashlib.sha256, "sha256_prefix": hashlib.sha256, "md5": hashlib.md5, "git_blob": hashlib.sha1}[
        kind
    ](usedforsecurity=False)
    with open(path, "rb") as file:
        if kind == "git_blob":
            digest.update(b"blob %d\0" % Path(path).stat().st_size)
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def describe_expected(size_bytes: int | None, checksum: dict[str, str] | None) -> str:
    """Return what is known of a file in words: `md5 5411..., 327428481 bytes`."""
    known = [f"{checksum['kind']} {checksum['value']}"] if checksum else ["no checksum is published"]
    return ", ".join([*known, *([f"{size_bytes} bytes"] if size_bytes else [])])


def find_mismatch(path: Path, size_bytes: int | None, checksum: dict[str, str] | None) -> str:
    """Return what of the file differs from what is published, in words; empty if nothing does."""
    found_bytes = path.stat().st_size
    expected = describe_expected(size_bytes, checksum)
    if size_bytes and found_bytes != size_bytes:
        return f"it has {found_bytes} bytes{_web_page(path)}, expected {expected}"
    if not checksum:
        return "it is a web page" if _web_page(path) else ""
    found = checksum_of(path, checksum["kind"])
    whole = checksum["kind"] != "sha256_prefix"
    if found == checksum["value"] or (not whole and found.startswith(checksum["value"])):
        return ""
    return f"its {checksum['kind']} is {found} ({found_bytes} bytes){_web_page(path)}, expected {expected}"


def _web_page(path: Path) -> str:
    with open(path, "rb") as file:
        start = file.read(512).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    return " and is a web page" if start.startswith((b"<!doctype html", b"<html")) else ""


def compare_with_record(path: Path, key: str, records: Path) -> str:
    """Return in which way the file `key` is not the one first downloaded; empty where none is recorded.

    `records` is a JSON file, `{key: {sha256, size_bytes, address}}`.
    """
    with one_job_at_a_time(records):
        known = _read_records(records)
    if key not in known or known[key]["sha256"] == (found := sha256_of(path)):
        return ""
    return (
        f"its SHA-256 is {found} ({path.stat().st_size} bytes), but the first download of it had "
        f"{known[key]['sha256']} ({known[key]['size_bytes']} bytes), as recorded in {records}. If its publisher has "
        f"changed it and you trust the change, remove the entry {key!r} there"
    )


def record_first(path: Path, key: str, records: Path, address: str) -> None:
    """Record the SHA-256 of the first download of `key`, once it is known to be readable."""
    with one_job_at_a_time(records):
        known = _read_records(records)
        if key in known:
            return
        found = {"sha256": sha256_of(path), "size_bytes": path.stat().st_size, "address": address}
        LOGGER.warning(
            "No checksum of %s is published. The SHA-256 of this first download, %s, is recorded in %s; every "
            "later one is compared with it.",
            *(key, found["sha256"], records),
        )
        write_text(records, json.dumps({**known, key: found}, indent=2, sort_keys=True) + "\n")


def _read_records(records: Path) -> dict[str, Any]:
    if not records.exists():
        return {}
    try:
        known = json.loads(records.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(
            f"{records} is not readable JSON ({error}). It holds the checksums of first downloads: repair or delete it."
        ) from error
    if not isinstance(known, dict):
        raise UserError(f"{records} holds no checksums by file name. Repair or delete it.")
    return known
