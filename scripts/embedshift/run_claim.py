"""Who is at work in a folder: one run at a time writes there; a dead run's claim is no obstacle.

A run claims its working folder and its results folder when it starts and gives them back when it ends, in whatever
way but a kill. What a killed run left is taken over: at once where the process is known to be gone, after
`SILENCE_S` without a sign of life where it ran on another host. Needs only the standard library.
"""

import atexit
import getpass
import json
import os
import re
import secrets
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from embedshift.errors import UserError

SIGN_OF_LIFE_S = 30.0
SILENCE_S = 600.0
ONLY_READS = {
    *("--dry-run", "--dryrun", "--lint", "--report", "--unlock", "--summary", "--detailed-summary", "--dag", "--d3dag"),
    *("--rulegraph", "--filegraph", "--list", "--list-rules", "--list-target-rules", "--list-changes", "--archive"),
    *("--list-untracked", "--list-input-changes", "--list-code-changes", "--list-params-changes", "--containerize"),
    *("--generate-unit-tests", "--print-compilation", "--export-cwl", "-S", "-D", "-l", "--version", "--help"),
    *("check_outputs", "describe_models", "estimate_cost"),
}
"""Arguments with which Snakemake makes nothing of what runs share."""


@dataclass(frozen=True)
class Holder:
    """A run that holds a folder; `since` in words, `started` what tells its process from a later one of its number."""

    host: str
    pid: int
    started: str
    user: str
    since: str
    study: str
    folder: str


def only_reads(arguments: Sequence[str]) -> bool:
    """Return whether Snakemake, called with `arguments`, leaves results and weights as they are."""
    options = {argument.partition("=")[0] for argument in arguments}
    return bool(options & ONLY_READS) or any(re.fullmatch(r"-[a-zA-Z]*n[a-zA-Z]*", argument) for argument in options)


def this_run(study: str) -> Holder:
    """Return what the present process writes into its claims."""
    since = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    return Holder(socket.gethostname(), os.getpid(), _start_of(os.getpid()), _user(), since, study, str(Path.cwd()))


def claim_folders(working: Path, results: Path, study: str) -> str:
    """Claim both folders until this process ends; return what to tell of a dead run whose claim was taken over.

    Snakemake's own locks on the working folder, which a kill leaves behind, are removed with such a claim.

    Raises
    ------
    UserError
        If another run is at work in one of them.
    """
    run = this_run(study)
    here, there = working / ".snakemake" / "embedshift_run.json", results / ".run.json"
    killed = claim(here, run, working)
    atexit.register(give_back, here, run)
    killed_there = claim(there, run, results)
    atexit.register(give_back, there, run)
    if killed:
        for lock in (working / ".snakemake" / "locks").glob("*.lock"):
            lock.unlink(missing_ok=True)
    found = killed or killed_there
    return (
        f"The run of {found.since} (process {found.pid} on {found.host}) was killed; the work goes on where it was."
        if found
        else ""
    )


def claim(path: Path, run: Holder, folder: Path) -> Holder | None:
    """Write `run` to `path`, the claim of `folder`; return the dead run whose claim was taken over, if there was one.

    Raises
    ------
    UserError
        If another run holds the folder and is alive, or may be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    dead = None
    while not _write_new(path, run):
        holder = read_holder(path)
        if holder and holder.pid == run.pid and holder.host == run.host and holder.started == run.started:
            break
        if holder and is_alive(holder, path):
            raise UserError(held_by(holder, path, folder))
        dead = holder
        _take_away(path, dead)
    threading.Thread(target=_give_signs_of_life, args=(path, run), daemon=True).start()
    return dead


def give_back(path: Path, run: Holder) -> None:
    """Remove the claim of this run, and of no other."""
    if read_holder(path) == run:
        path.unlink(missing_ok=True)


def read_holder(path: Path) -> Holder | None:
    """Return who holds the folder; None where nobody does, or the claim cannot be read."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def is_alive(holder: Holder, path: Path) -> bool:
    """Return whether a run goes on; of one on another host, whether it gave a sign of life in the last minutes."""
    if holder.host == socket.gethostname():
        return _start_of(holder.pid) == holder.started
    with suppress(OSError):
        return _clock_of(path.parent) - path.stat().st_mtime < SILENCE_S
    return True


def held_by(holder: Holder, path: Path, folder: Path) -> str:
    """Return what to tell a second run: who is at work, where, since when, and what to do."""
    here = holder.host == socket.gethostname()
    stop = f"kill {holder.pid}" if here else f"ssh {holder.host} kill {holder.pid}"
    later = (
        "goes on where it was as soon as that one is gone"
        if here
        else f"goes on where it was {SILENCE_S / 60:.0f} minutes after that one is gone; at once if you delete {path}"
    )
    return (
        f"Another run is at work in {folder}: study {holder.study}, process {holder.pid} on {holder.host}, "
        f"started by {holder.user} at {holder.since} in {holder.folder}. Two runs would write the same files, so this "
        f"one stops; nothing was changed. Wait for it, or stop it (`{stop}`): the same command {later}. To work at "
        "the same time, use a clone of the checkout with a results_folder of its own; shared_embeddings lets both use "
        "one folder of embeddings. Reading results, dry runs and reports are possible at any time."
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may have no name for the user
        return f"user {os.getuid()}"


def _write_new(path: Path, run: Holder) -> bool:
    """Create `path` with its whole text unless it is there; a link is atomic on network file systems too."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_text(json.dumps(asdict(run), indent=1) + "\n", encoding="utf-8")
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            return _create(path, temporary.read_text(encoding="utf-8"))
        return True
    finally:
        temporary.unlink(missing_ok=True)


def _create(path: Path, text: str) -> bool:
    with suppress(FileExistsError), open(path, "x", encoding="utf-8") as file:
        file.write(text)
        return True
    return False


def _take_away(path: Path, dead: Holder | None) -> None:
    """Remove a dead claim; put back what turns out to be the claim of somebody who was quicker."""
    away = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    with suppress(FileNotFoundError):
        os.rename(path, away)
        if read_holder(away) != dead:
            with suppress(OSError):
                os.link(away, path)
        away.unlink(missing_ok=True)


def _give_signs_of_life(path: Path, run: Holder) -> None:
    while True:
        time.sleep(SIGN_OF_LIFE_S)
        with suppress(OSError):
            if read_holder(path) != run:
                return
            os.utime(path)


def _clock_of(folder: Path) -> float:
    """Return the time of the file system, in seconds since 1970: the clocks of two hosts may differ."""
    probe = folder / f".clock.{secrets.token_hex(8)}.tmp"
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _start_of(pid: int) -> str:
    """Return what tells a process from others of its number: boot and start time; empty where there is none."""
    if sys.platform != "linux":
        return _start_elsewhere(pid)
    with suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return "" if fields[0] in "ZX" else f"{boot} {fields[19]}"
    return ""


def _start_elsewhere(pid: int) -> str:
    """Return `running` for a process that is there, where there is no /proc."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "running"
