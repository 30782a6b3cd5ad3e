"""Files over HTTP: resumed where they stopped, tried again, and never half a file under its own name.

A download goes to `<file>.partial`; `<file>.partial.json` beside it holds what tells the same remote file from a
changed one (RFC 9110, sections 13 and 14: Range with If-Range), so that parts of two files are never joined.
"""

import http.client
import json
import logging
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from embedshift.atomic import write_text
from embedshift.errors import UserError
from embedshift.progress import Progress

LOGGER = logging.getLogger("embedshift")
ATTEMPTS = 5
PAUSE_S = 1.0
LONGEST_PAUSE_S = 90.0
TIMEOUT_S = 60.0
CHUNK_BYTES = 1 << 20
MEGABYTE = 1e6
PASSING_STATUS = (408, 425, 429, 500, 502, 503, 504)
NO_SPACE = 28


class DownloadError(Exception):
    """A file could not be had; `status` is the server's answer (404 ...) where there was one."""

    def __init__(self, complaint: str, status: int | None = None) -> None:
        super().__init__(complaint)
        self.status = status


class _PassingError(Exception):
    """What may go well at the next attempt, after the pause that the server asks for."""

    def __init__(self, complaint: str, asked_pause_s: float = 0.0) -> None:
        super().__init__(complaint)
        self.asked_pause_s = asked_pause_s


def partial_of(path: Path) -> Path:
    """Return where the unfinished download of `path` lies."""
    return path.with_name(path.name + ".partial")


def discard_partial(path: Path) -> None:
    """Remove the unfinished download of `path`."""
    _start_over(partial_of(path))


def download(address: str, path: Path, size_bytes: int | None = None) -> Path:
    """Fetch `address` to the partial file of `path`, from where an earlier attempt stopped, and return that file.

    Proxies are taken from the environment (http_proxy, https_proxy, no_proxy).

    Raises
    ------
    DownloadError
        If the server refuses, the answer is a web page or has another size, or `ATTEMPTS` attempts in succession
        brought nothing. What has come is kept, for the next start.
    UserError
        If the disk is full.
    """
    partial = partial_of(path)
    partial.parent.mkdir(parents=True, exist_ok=True)
    failures = 0
    while True:
        before = _bytes_of(partial)
        try:
            _continue(address, partial, size_bytes)
            return partial
        except _PassingError as error:
            failures = 1 if _bytes_of(partial) > before else failures + 1
            if failures >= ATTEMPTS:
                raise DownloadError(f"{error} ({ATTEMPTS} attempts)") from error
            pause_s = min(max(PAUSE_S * 2 ** (failures - 1), error.asked_pause_s), LONGEST_PAUSE_S)
            LOGGER.warning("%s: %s; trying again in %.0f s", path.name, error, pause_s)
            time.sleep(pause_s)


def _continue(address: str, partial: Path, size_bytes: int | None) -> None:
    """Make one request for what is missing of `partial`."""
    known = _read_state(partial, address)
    done = _bytes_of(partial) if known else 0
    if known and done and done == known["total_bytes"]:
        return
    with _open(address, done, known, partial) as response:
        resumed = _is_continued(response, done, partial)
        total = _total_bytes(response, done if resumed else 0)
        _require_the_file(response, total, size_bytes)
        if not resumed:
            done = 0
            _start_over(partial)
            state = {"address": address, "validator": _validator(response), "total_bytes": total}
            write_text(_state_path(partial), json.dumps(state))
        _require_space(partial, (total or size_bytes or 0) - done)
        _receive(response, partial, total, done)


def _open(address: str, done: int, known: dict[str, Any] | None, partial: Path) -> http.client.HTTPResponse:
    headers = {"User-Agent": "embedshift", "Accept-Encoding": "identity"}
    if known and done:
        headers |= {"Range": f"bytes={done}-", "If-Range": known["validator"]}
    try:
        opener = urllib.request.build_opener()  # urlopen would keep the proxies of its first call
        return opener.open(urllib.request.Request(address, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # the remote file has become shorter
            _start_over(partial)
        if error.code in (*PASSING_STATUS, 416):
            raise _PassingError(f"the server answers {error.code} {error.reason}", _asked_pause_s(error)) from error
        raise DownloadError(f"the server answers {error.code} {error.reason}", error.code) from error
    except (OSError, http.client.HTTPException) as error:
        raise _PassingError(f"no connection ({getattr(error, 'reason', None) or error!r})") from error


def _asked_pause_s(error: urllib.error.HTTPError) -> float:
    asked = error.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else 0.0


def _is_continued(response: http.client.HTTPResponse, done: int, partial: Path) -> bool:
    if response.status != 206:
        return False
    if not re.match(rf"bytes {done}-", response.headers.get("Content-Range", "")):
        _start_over(partial)
        raise _PassingError("the server sent another part than was asked for")
    return True


def _total_bytes(response: http.client.HTTPResponse, done: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return done + int(length) if length.isdigit() else None


def _require_the_file(response: http.client.HTTPResponse, total: int | None, size_bytes: int | None) -> None:
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise DownloadError(f"the server sends the file encoded ({encoding}), which it was not asked to")
    page = response.headers.get_content_type() == "text/html"
    differs = size_bytes is not None and total is not None and total != size_bytes
    if differs or (page and total != size_bytes):
        what = "a web page" if page else "a file"
        size = "" if total is None else f" of {total} bytes"
        expected = "" if size_bytes is None else f" of {size_bytes} bytes"
        raise DownloadError(f"the server sends {what}{size} instead of the file{expected}")


def _receive(response: http.client.HTTPResponse, partial: Path, total: int | None, done: int) -> None:
    name = partial.name.removesuffix(".partial")
    progress = Progress(round(((total or done) - done) / MEGABYTE), f"MB of {name} still to come")
    received = 0
    with open(partial, "ab", buffering=0) as file:
        while chunk := _read(response):
            _write(file, chunk)
            received += len(chunk)
            while total and progress.done + 1 < received / MEGABYTE:
                progress.advance()
    if total is not None and done + received != total:
        raise _PassingError(f"the connection ended after {done + received} of {total} bytes")


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _PassingError(f"the connection broke ({error!r})") from error


def _write(file: Any, chunk: bytes) -> None:
    """Write the whole chunk; a raw file may take a part of it."""
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        if error.errno == NO_SPACE:
            raise UserError(_no_space(Path(file.name), "more")) from error
        raise


def _require_space(partial: Path, needed_bytes: int) -> None:
    if shutil.disk_usage(partial.parent).free < needed_bytes:
        raise UserError(_no_space(partial, f"{needed_bytes / MEGABYTE:.1f} MB more"))


def _no_space(partial: Path, needed: str) -> str:
    return (
        f"No space left on the disk for {partial.resolve()}: {needed} would be needed. Free some space and start the "
        f"same command again: the download goes on after the {_bytes_of(partial) / MEGABYTE:.1f} MB that are there."
    )


def _validator(response: http.client.HTTPResponse) -> str | None:
    """Return what If-Range needs: a strong ETag, or else the date of the last change."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _read_state(partial: Path, address: str) -> dict[str, Any] | None:
    """Return what was noted of the remote file, None where an unfinished download cannot be continued safely."""
    try:
        state = json.loads(_state_path(partial).read_text(encoding="utf-8"))
        return state if state["address"] == address and state["validator"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _state_path(partial: Path) -> Path:
    return partial.with_name(partial.name + ".json")


def _start_over(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _state_path(partial).unlink(missing_ok=True)


def _bytes_of(path: Path) -> int:
    return os.path.getsize(path) if path.exists() else 0
