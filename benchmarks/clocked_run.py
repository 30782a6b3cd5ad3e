"""A run of the workflow in a copy of its own, with a clock and a memory gauge in each of its processes."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
PARTS = ["Snakefile", "config.yaml", "config.schema.yaml", "rules", "scripts", "studies", "profiles", "report", "envs"]
CLOCKS = Path(__file__).resolve().parent / "clocks"
FROM_SHELLS = "shells and exits"


@dataclass(frozen=True)
class ClockedProcess:
    """One Python process of a run; `rule` is empty for Snakemake itself."""

    rule: str
    started_s: float
    wall_s: float
    cpu_s: float
    largest_memory_bytes: int
    cpu_s_of: dict[str, float]


@dataclass(frozen=True)
class ClockedRun:
    """A whole run: seconds of the clock, CPU seconds with all children, and its processes, Snakemake first."""

    wall_s: float
    cpu_s: float
    load_before: float
    processes: list[ClockedProcess]

    @property
    def main(self) -> ClockedProcess:
        """Return Snakemake itself."""
        return self.processes[0]

    @property
    def jobs(self) -> list[ClockedProcess]:
        """Return the jobs that ran a script, in the order of their starts."""
        return [process for process in self.processes if process.rule]

    def cpu_s_of_rules(self) -> dict[str, float]:
        """Return the CPU seconds of all jobs of each rule."""
        total: dict[str, float] = {}
        for job in self.jobs:
            total[job.rule] = total.get(job.rule, 0.0) + job.cpu_s
        return total

    def largest_memory_of_rules(self) -> dict[str, int]:
        """Return the largest memory of one job of each rule, in bytes."""
        most: dict[str, int] = {}
        for job in self.jobs:
            most[job.rule] = max(most.get(job.rule, 0), job.largest_memory_bytes)
        return most


def copy_workflow(folder: Path, data: bool = False) -> Path:
    """Copy the workflow to `folder` (with the bundled sounds, where asked) and link the weights that are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / part, dirs_exist_ok=True, ignore=ignored)
        else:
            shutil.copy(source, folder / part)
    (folder / "data").mkdir(exist_ok=True)
    if data:
        shutil.copytree(REPOSITORY / "data/demo", folder / "data/demo", dirs_exist_ok=True)
    weights = REPOSITORY / "data/weights"
    if weights.is_dir():
        shutil.copytree(weights, folder / "data/weights", dirs_exist_ok=True)
    return folder


def run_snakemake(folder: Path, config: dict[str, Any] | None, *arguments: str, calls: Any = None) -> ClockedRun:
    """Run Snakemake in a copy of the workflow, with a config file of its own where one is given; stop if it fails.

    `calls` is `{module: {call: kind}}`, what to clock inside the processes (clocks/sitecustomize.py).
    """
    command = [sys.executable, "-m", "snakemake", *arguments]
    if config is not None:
        (folder / "benchmark.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        command += ["--configfile", "benchmark.yaml"]
    with tempfile.TemporaryDirectory() as written:
        environment = {**os.environ, "PYTHONPATH": str(CLOCKS), "EMBEDSHIFT_CLOCKS": written}
        if calls:
            environment["EMBEDSHIFT_CLOCKED_CALLS"] = str(folder / "calls.json")
            (folder / "calls.json").write_text(json.dumps(calls))
        load, cpu_before_s, started_s = os.getloadavg()[0], _children_cpu_s(), time.monotonic()
        with open(folder / "snakemake.txt", "w") as log:
            failed = subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=log).returncode
        wall_s, cpu_s = time.monotonic() - started_s, _children_cpu_s() - cpu_before_s
        if failed:
            tail = (folder / "snakemake.txt").read_text()[-3000:]
            raise SystemExit(f"{' '.join(command)} failed in {folder}:\n{tail}")
        return ClockedRun(wall_s, cpu_s, load, _read_processes(Path(written)))


def _children_cpu_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _read_processes(folder: Path) -> list[ClockedProcess]:
    found = sorted((json.loads(path.read_text()) for path in folder.glob("*.json")), key=lambda one: one["started_s"])
    return [_process(one) for one in found]


def _process(found: dict[str, Any]) -> ClockedProcess:
    script = re.search(r"\.snakemake/scripts/\w+\.(\w+)\.py$", found["command"][0] if found["command"] else "")
    return ClockedProcess(
        rule=script.group(1) if script else "",
        started_s=found["started_s"],
        wall_s=found["wall_s"],
        cpu_s=found["cpu_s"],
        largest_memory_bytes=found["largest_memory_bytes"],
        cpu_s_of=found["cpu_s_of"],
    )
