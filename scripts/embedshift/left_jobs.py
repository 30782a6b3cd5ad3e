"""Jobs on SLURM that a killed run left behind: found by their name and their working folder, and cancelled.

One run at a time works in a folder, so that any job of this user, of this workflow and in this folder that is there
before the run has submitted one belongs to a run that is gone. Standard library only: the Snakefile asks.
"""

import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from embedshift.errors import UserError

NAME_PREFIX = "embedshift_"
"""As in profiles/slurm (slurm-jobname-prefix); behind it stands the id of the run."""
GONE_S = 120.0
"""A cancelled job has half a minute by default (KillWait) before it is killed."""
COMMAND_S = 60.0


class LeftJob(NamedTuple):
    """A job in the queue: its number, its name with the run's id, and its comment, which names the rule."""

    id: str
    name: str
    comment: str


def left_jobs(folder: Path) -> list[LeftJob]:
    """Return the jobs of this user and this workflow, waiting or running, whose working folder is `folder`."""
    told = _call("squeue", "--me", "--noheader", "--format=%i|%j|%Z|%k")
    rows = [row.split("|", 3) for row in told.splitlines() if row.count("|") >= 3]
    return [
        LeftJob(row[0], row[1], row[3]) for row in rows if row[1].startswith(NAME_PREFIX) and Path(row[2]) == folder
    ]


def cancel_left_jobs(folder: Path, gone_s: float = GONE_S) -> list[LeftJob]:
    """Cancel these jobs, wait until none of them runs any more, and return them.

    Raises
    ------
    UserError
        If SLURM does not answer, or a job is still there after `gone_s` seconds.
    """
    left = left_jobs(folder)
    if left:
        _call("scancel", *(job.id for job in left))
    end_s = time.monotonic() + gone_s
    while left and (still := left_jobs(folder)):
        if time.monotonic() > end_s:
            raise UserError(
                f"Jobs of a killed run are still at work in {folder} {gone_s:.0f} s after they were cancelled: "
                f"{', '.join(job.id for job in still)}. They would write the files of this run, so it stops. Look at "
                "them with squeue --me; when they are gone, start the same command again."
            )
        time.sleep(0.5)
    return left


def _call(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=True)
    except FileNotFoundError as error:
        raise UserError(
            f"{command[0]} was not found: profiles/slurm is for machines from which jobs are submitted to SLURM (login "
            "nodes). Start there, or leave the profile out to run on this machine."
        ) from error
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", "") or str(error)).strip()
        raise UserError(f"SLURM does not answer ({command[0]}: {said}). Try again once squeue does.") from error
    return done.stdout
