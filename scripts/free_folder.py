"""Free the working folder of a killed run, never that of a live one; `make quickstart` calls it first."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from embedshift.errors import UserError


def live_runs(folder: Path) -> list[int]:
    """Return the process ids of Snakemake runs whose working folder is `folder`."""
    return sorted(process.pid for process in psutil.process_iter() if _is_run_in(process, folder.resolve()))


def free_folder(folder: Path) -> bool:
    """Remove the locks of dead runs; return whether there were any.

    Raises
    ------
    UserError
        If a run is alive in the folder.
    """
    alive = live_runs(folder)
    if alive:
        raise UserError(
            f"A run is already at work in {folder} (process {', '.join(map(str, alive))}). Wait for it, or stop it: "
            f"`kill {' '.join(map(str, alive))}` and start again: it goes on where it was."
        )
    if not any((folder / ".snakemake/locks").glob("*")):
        return False
    subprocess.run([sys.executable, "-m", "snakemake", "--unlock", "--quiet", "all"], cwd=folder, check=True)
    return True


def _is_run_in(process: psutil.Process, folder: Path) -> bool:
    try:
        command = process.cmdline()
        return (
            process.pid != os.getpid()
            and _starts_snakemake(command)
            and Path(process.cwd()) == folder
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except (psutil.Error, OSError):
        return False


def _starts_snakemake(command: list[str]) -> bool:
    """Tell `snakemake ...` and `python -m snakemake ...` from a program that merely mentions the word."""
    if not command or "--unlock" in command:
        return False
    program = next((part for part in command[:2] if Path(part).name == "snakemake"), None)
    return program is not None or command[1:3] == ["-m", "snakemake"]


if __name__ == "__main__":
    try:
        if free_folder(Path.cwd()):
            print("The last run here was killed; its lock is removed and the work goes on where it was.")
    except UserError as error:
        sys.exit(str(error))
