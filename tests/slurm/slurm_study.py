"""A small study on the throw-away cluster: one sweep of the handcrafted features, one job of seconds."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from workflow.working_copy import SMALL_STUDY, WorkingCopy, environment

ONE_SWEEP = {**SMALL_STUDY, "effects": {"gain": {"preset": "deng2025_gain", "strengths": [5, -20]}}}
TABLE = "results/studies/small/tables/sensitivity.csv"
POLL_S = 5
PATIENCE_S = 300


class SlurmStudy(WorkingCopy):
    """A working copy whose commands go through profiles/slurm; `python` is one that has the plugin."""

    python: Path

    def on_slurm(self, *arguments: str, target: Sequence[str] = (TABLE,)) -> list[str]:
        """Return the command of a user on a login node, polling more often than there."""
        polls = ["--slurm-init-seconds-before-status-checks", str(POLL_S), "--latency-wait", "10"]
        options = ["--workflow-profile", "profiles/slurm", "--configfile", "study.yaml", *polls, *arguments]
        return [str(self.python), "-m", "snakemake", *target, *options]

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start a run; what it says goes to run.log."""
        with open(self.folder / "run.log", "ab") as log:
            command = self.on_slurm(*arguments)
            return subprocess.Popen(command, cwd=self.folder, env=environment(), stdout=log, stderr=log)

    def said(self) -> str:
        return (self.folder / "run.log").read_text()

    def without_the_sweep(self, folder: Path) -> "SlurmStudy":
        """Return a copy in which the clips are prepared and embedded, and the sweep is to be done."""
        made = self.copy(folder)
        made.__class__, made.python = SlurmStudy, self.python
        for path in [*folder.glob("results/embeddings/*/*/gain"), *folder.glob("results/studies")]:
            subprocess.run(["rm", "-r", path], check=True)
        return made


def wait_for(happened, seconds: float, what: str):
    """Return what `happened()` returns once that is true."""
    end = time.monotonic() + seconds
    while not (found := happened()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen in {seconds} s")
        time.sleep(0.2)
    return found
