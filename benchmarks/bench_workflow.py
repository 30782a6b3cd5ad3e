"""The whole road: the quickstart from nothing, a rerun with nothing to do, and planning a study of 1,000 jobs."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
PARTS = ["Snakefile", "config.yaml", "config.schema.yaml", "rules", "scripts", "studies", "profiles", "report", "envs"]
THOUSAND_JOBS = {
    "study": "thousand",
    "results_folder": "thousand",
    "datasets": {"demo": {"folder": "data/demo", "table": "clips.csv"}},
    "effects": {
        "gain": {"preset": "deng2025_gain", "strengths": {"start": 5, "stop": -40, "number": 330}},
    },
    "models": {"musicnn": {"adapter": "musicnn"}, "timbre": {"adapter": "timbre"}},
}


def snakemake(folder: Path, *arguments: str) -> tuple[float, float]:
    """Run Snakemake; return wall seconds and the largest memory of the whole process tree in GB."""
    environment = {**os.environ, "PYTHONPATH": ""}
    started_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    most_gb = 0.0
    while process.poll() is None:
        most_gb = max(most_gb, memory_gb(process.pid))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"snakemake {' '.join(arguments)} failed in {folder}")
    return time.monotonic() - started_s, most_gb


def memory_gb(pid: int) -> float:
    """Return the proportional memory of a process and all its descendants, in GB."""
    total = 0
    try:
        run = psutil.Process(pid)
        for process in [run, *run.children(recursive=True)]:
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
    except psutil.Error:
        pass
    return total / 1e9


def copy_workflow(folder: Path) -> None:
    for part in PARTS:
        source = REPOSITORY / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
    shutil.copytree(REPOSITORY / "data/demo", folder / "data/demo")
    (folder / "thousand.yaml").write_text(yaml.safe_dump(THOUSAND_JOBS))


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "embedshift")
        folder.mkdir()
        copy_workflow(folder)
        quickstart_s, memory = snakemake(folder, "--cores", "2")
        nothing_s = min(snakemake(folder)[0] for _ in range(3))
        planning_s = min(snakemake(folder, "--configfile", "thousand.yaml", "-n", "-q")[0] for _ in range(3))
    rows = [
        ("quickstart on 2 cores, after installation", "< 300", quickstart_s, "s", quickstart_s < 300),
        ("its memory, all processes together", "< 3", memory, "GB", memory < 3),
        ("a rerun with nothing to do", "< 3", nothing_s, "s", nothing_s < 3),
        ("-n on a study of 1,000 jobs", "< 5", planning_s, "s", planning_s < 5),
    ]
    keys = ("name", "target", "value", "unit", "met")
    result = [dict(zip(keys, row, strict=True)) for row in rows]
    for row in result:
        print(f"{row['name']:45} {row['value']:8.2f} {row['unit']:3} target {row['target']}")
    (REPOSITORY / "benchmarks/results").mkdir(exist_ok=True)
    (REPOSITORY / "benchmarks/results/workflow.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
