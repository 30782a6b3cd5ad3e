"""A working copy of the workflow with a small study of its own, and Snakemake's own list of jobs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ["Snakefile", "config.yaml", "config.schema.yaml", "rules", "scripts", "studies", "profiles", "report", "envs"]
RATE_HZ = 22050
SMALL_STUDY = {
    "study": "small",
    "datasets": {"tones": {"folder": "sounds", "preparation": {"length_rule": "pad", "length_s": 1.0}}},
    "effects": {
        "gain": {"preset": "deng2025_gain", "strengths": [5, -20, -40]},
        "lowpass": {"chain": [{"processor": "LowpassFilter", "cutoff_frequency_hz": "sweep"}],
                    "strengths": {"start": 8000, "stop": 500, "number": 3, "spacing": "geometric"}},
    },
    "models": {"timbre": {"adapter": "timbre"}},
    "sensitivity": {"folds": 3, "permutations": 19, "bootstrap": 100},
}  # fmt: skip


def make_sounds(folder: Path, count: int = 12, first: int = 0) -> None:
    """Write `count` decaying tones of three classes, one second each, all different."""
    for number in range(first, first + count):
        label = ("low", "middle", "high")[number % 3]
        rng = np.random.default_rng(number)
        time_s = np.arange(RATE_HZ) / RATE_HZ
        pitch_hz = {"low": 110, "middle": 440, "high": 1760}[label] * rng.uniform(0.9, 1.1)
        tone = sum(np.sin(2 * np.pi * pitch_hz * k * time_s) / k**2 for k in range(1, 5))
        samples = 0.1 * tone * np.exp(-time_s * rng.uniform(1, 4)) + 0.003 * rng.standard_normal(RATE_HZ)
        (folder / label).mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / label / f"tone_{number:03d}.wav", samples, RATE_HZ, subtype="PCM_24")


class WorkingCopy:
    """A folder with the workflow, its sounds and its config, in which Snakemake runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, folder: Path, config: dict | None = None) -> "WorkingCopy":
        """Copy the workflow into an empty folder and make a small study there."""
        for part in PARTS:
            source, target = REPOSITORY / part, folder / part
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
        made = cls(folder)
        make_sounds(folder / "sounds")
        made.write_config(config or SMALL_STUDY)
        return made

    def copy(self, folder: Path) -> "WorkingCopy":
        """Return a copy that keeps time stamps."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return WorkingCopy(folder)

    def write_config(self, config: dict) -> None:
        (self.folder / "study.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that must occur."""
        text = (self.folder / file).read_text()
        assert old in text, f"{file} no longer holds {old!r}"
        (self.folder / file).write_text(text.replace(old, new))

    def command(self, *arguments: str, cores: int | str = 2) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--configfile", "study.yaml", "--cores", str(cores), *arguments]

    def run(self, *arguments: str, cores: int | str = 2, check: bool = True) -> subprocess.CompletedProcess:
        """Run Snakemake to its end."""
        done = subprocess.run(
            self.command(*arguments, cores=cores), cwd=self.folder, capture_output=True, text=True, env=environment()
        )
        assert not check or done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done

    def planned(self, *arguments: str) -> list[str]:
        """Return the message of every job that Snakemake would run now, sorted."""
        told = self.run("--dry-run", *arguments)
        return sorted(re.findall(r"^Job \d+: (.+)$", told.stdout + told.stderr, re.M))

    def planned_rules(self, *arguments: str) -> dict[str, int]:
        """Return how many jobs of each rule Snakemake would run now, without `all`."""
        told = self.run("--dry-run", *arguments)
        counts = dict(re.findall(r"^(\w+) +(\d+)$", told.stdout + told.stderr, re.M))
        return {rule: int(count) for rule, count in counts.items() if rule not in ("all", "total")}

    def tables(self) -> dict[str, str]:
        """Return the text of every final table."""
        tables = sorted((self.folder / "results/studies").glob("*/tables/*.csv"))
        assert tables
        return {path.name: path.read_text() for path in tables}


def environment() -> dict[str, str]:
    """Return the surroundings of a run, without what would lead out of the working copy."""
    return {**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
