"""What a study costs as it grows: with clips, conditions, models and planned jobs, as curves with their slopes.

Synthetic one-second clips at 16 kHz go through `timbre`, the cheapest model, clean and at two strengths of one effect,
up to the report. Each run is one of the workflow itself, in a copy of its own; a gauge in every process takes its CPU
seconds and its largest memory. CPU seconds are what curves are drawn from: those of the clock say little on a machine
that does other work as well. Dry runs plan 20 effects with two models.

Points are kept in results/points/scale.json with the day and commit of their measurement. Without options, the small
ones are measured anew, and those up to 10,000 clips and 5,000 jobs where they are missing; --quick stops at the small
ones, --whole goes on to the largest, --anew measures again what is there. 100,000 clips take about 20 GB of disk under
TMPDIR (or --folder) while they are measured; give --sounds a folder to keep the sounds for another time.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from clocked_run import REPOSITORY, ClockedRun, copy_workflow, run_snakemake
from log_log_curves import Curve, Panel, draw_curves
from measured_points import MeasuredPoints, Point, last_slope
from synthetic_collection import make_collection

RESULTS = REPOSITORY / "benchmarks/results"
CLIPS = (100, 1_000, 10_000, 100_000)
CONDITIONS = (2, 4, 8, 16, 32)
MODELS = (1, 2, 3)
JOBS = (1_000, 5_000, 20_000)
SMALL = {"clips": 1_000, "conditions": 4, "models": 2, "jobs": 1_000}
MEDIUM = {"clips": 10_000, "conditions": 16, "models": 3, "jobs": 5_000}
LARGE = {"clips": 100_000, "conditions": 32, "models": 3, "jobs": 20_000}
CLIPS_OF_OTHER_CURVES = 100
EFFECTS_OF_DRY_RUNS = 20
ANALYSES = ("measure_sensitivity", "measure_geometry")


class ScaleBench:
    """The measurements; working copies lie in `folder`, collections there too or where they are to stay."""

    def __init__(self, folder: Path, sounds: Path | None = None) -> None:
        self.folder, self.sounds = folder, sounds or folder / "sounds"

    def clips(self, number: int) -> Point:
        """Run a study of so many clips to its report, and then once more with nothing to do."""
        config = study(self.collection(number), strengths=[-10, -20], models=1)
        return self.whole_run(config, with_rerun=True)

    def conditions(self, number: int) -> Point:
        """Run a study of so many conditions, the clean one included."""
        strengths = [-1.0 - step for step in range(number - 1)]
        return self.whole_run(study(self.collection(CLIPS_OF_OTHER_CURVES), strengths, models=1))

    def models(self, number: int) -> Point:
        """Run a study with the same model under so many names."""
        return self.whole_run(study(self.collection(CLIPS_OF_OTHER_CURVES), [-10, -20], models=number))

    def jobs(self, number: int) -> Point:
        """Plan a study of about so many jobs, and run none."""
        strengths = {"start": -1, "stop": -40, "number": round(number / (3 * EFFECTS_OF_DRY_RUNS))}
        config = study(self.collection(CLIPS_OF_OTHER_CURVES), strengths, models=2, effects=EFFECTS_OF_DRY_RUNS)
        with self.copy() as copied:
            run = run_snakemake(copied, config, "-n", "-q")
        return of_run(run)

    def whole_run(self, config: dict[str, Any], with_rerun: bool = False) -> Point:
        with self.copy() as copied:
            run = run_snakemake(copied, config, "--cores", "2", "--quiet")
            disk = {"disk_bytes": bytes_below(copied / "results"), "files": files_below(copied)}
            again = of_run(run_snakemake(copied, config, "--quiet")) if with_rerun else None
        return {**of_run(run), **of_jobs(run), **disk, **({"rerun": again} if again else {})}

    def collection(self, number: int) -> Path:
        """Return the folder of so many sounds; a smaller collection is the beginning of a larger one."""
        folder = self.sounds / str(number)
        make_collection(folder, number)
        return folder.absolute()

    def copy(self) -> "WorkingCopy":
        return WorkingCopy(self.folder)


class WorkingCopy:
    """A copy of the workflow that is removed after use: its clean and effected audio is large."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"

    def __enter__(self) -> Path:
        shutil.rmtree(self.folder, ignore_errors=True)
        return copy_workflow(self.folder)

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def study(sounds: Path, strengths: Any, models: int, effects: int = 1) -> dict[str, Any]:
    """Return a config: gains as effects, `timbre` under one or several names as models."""
    preparation = {"sample_rate_hz": 16_000, "length_rule": "cut", "length_s": 1.0}
    gain = {"chain": [{"processor": "Gain", "gain_db": "sweep"}], "strengths": strengths}
    return {
        "study": "scale",
        "datasets": {"synthetic": {"folder": str(sounds), "table": "clips.csv", "preparation": preparation}},
        "effects": {f"gain{number}": gain for number in range(effects)},
        "models": {f"timbre{number}": {"adapter": "timbre"} for number in range(models)},
    }


def of_run(run: ClockedRun) -> Point:
    """Return the costs of a run as a whole, and those of Snakemake's own process."""
    return {
        "wall_s": run.wall_s,
        "cpu_s": run.cpu_s,
        "load_before": run.load_before,
        "jobs": len(run.jobs),
        "main_cpu_s": run.main.cpu_s,
        "main_memory_bytes": run.main.largest_memory_bytes,
    }


def of_jobs(run: ClockedRun) -> Point:
    """Return the CPU seconds of each rule's jobs, and the largest memory of one job of each rule."""
    seconds, memory = run.cpu_s_of_rules(), run.largest_memory_of_rules()
    return {
        "cpu_s_of_rules": seconds,
        "memory_bytes_of_rules": memory,
        "analysis_cpu_s": sum(seconds[rule] for rule in ANALYSES),
        "audio_and_embedding_cpu_s": sum(seconds[rule] for rule in ("prepare_clips", "apply_effect", "embed_clips")),
        "largest_job_bytes": max(memory.values()),
        "largest_job": max(memory, key=memory.get),
    }


def bytes_below(folder: Path) -> int:
    """Return the disk that files take; one file under two names is counted once."""
    found = {(status.st_dev, status.st_ino): status.st_size for status in map(Path.stat, files_of(folder))}
    return sum(found.values())


def files_below(folder: Path) -> int:
    return sum(1 for part in ("results", "logs", ".snakemake") for _ in files_of(folder / part))


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def measure(points: MeasuredPoints, bench: ScaleBench, largest: dict[str, int], anew: bool) -> None:
    for curve, sizes in (("jobs", JOBS), ("clips", CLIPS), ("conditions", CONDITIONS), ("models", MODELS)):
        for size in sizes:
            if size <= largest.get(curve, 0):
                again = anew or size <= SMALL[curve]
                show(points.measure(curve, size, lambda c=curve, s=size: getattr(bench, c)(s), again))


def show(point: Point) -> None:
    memory = max(point["main_memory_bytes"], point.get("largest_job_bytes", 0)) / 1e9
    print(
        f"{point['curve']:12}{point['size']:8,d} {point['cpu_s']:10.1f} CPU s {point['wall_s']:10.1f} s "
        f"{memory:7.2f} GB largest process   ({point['measured']})",
        flush=True,
    )


def panels(points: MeasuredPoints) -> list[Panel]:
    """Return what is drawn: seconds, memory and disk against clips, seconds against the rest."""
    clips, whole = points.of("clips"), [("whole run", "cpu_s")]
    drawn = [
        panel(clips, "clips", "CPU seconds", [*whole, ("audio and embedding", "audio_and_embedding_cpu_s"),
                                              ("analysis", "analysis_cpu_s"), ("Snakemake", "main_cpu_s")]),
        memory_panel(clips),
        panel(clips, "clips", "GB on disk", [("results", "disk_bytes")], per=1e9),
        panel(points.of("conditions"), "conditions, 100 clips", "CPU seconds", [*whole, ("Snakemake", "main_cpu_s")]),
        panel(points.of("models"), "models, 100 clips, 3 conditions", "CPU seconds", whole),
        panel(points.of("jobs"), "planned jobs", "CPU seconds, and GB", [("dry run, CPU seconds", "cpu_s"),
                                                                         ("memory, GB", "main_memory_gb")]),
    ]  # fmt: skip
    return [panel for panel in drawn if len(panel.curves[0].sizes) > 1]


def panel(points: list[Point], across: str, up: str, costs: list[tuple[str, str]], per: float = 1.0) -> Panel:
    points = [point | {"main_memory_gb": point["main_memory_bytes"] / 1e9} for point in points]
    sizes = [point["size"] for point in points]
    return Panel(across, up, [Curve(name, sizes, [point[cost] / per for point in points]) for name, cost in costs])


def memory_panel(clips: list[Point]) -> Panel:
    """Return the largest memory of the jobs that see every clip, and of Snakemake."""
    sizes = [point["size"] for point in clips]
    rules = ("prepare_clips", "apply_effect", "embed_clips", *ANALYSES)
    curves = [Curve(rule, sizes, [p["memory_bytes_of_rules"][rule] / 1e9 for p in clips]) for rule in rules]
    return Panel("clips", "GB", [*curves, Curve("Snakemake", sizes, [p["main_memory_bytes"] / 1e9 for p in clips])])


def summarise(points: MeasuredPoints) -> list[dict[str, Any]]:
    """Return the figures with targets: ten times the clips cost ten times the time and disk, and no more memory."""
    curves = {curve: points.of(curve) for curve in SMALL if len(points.of(curve)) > 1}
    rows = []
    if "clips" in curves:
        before, last = curves["clips"][-2:]
        sizes = f"{last['size']:,} clips against {before['size']:,}"
        rows = [ratio_row(f"{sizes}: {what}", last[cost] / before[cost], most) for what, cost, most in (
            ("CPU seconds", "cpu_s", 10.5), ("disk", "disk_bytes", 10.5),
            ("largest memory of a job", "largest_job_bytes", 1.2), ("memory of Snakemake", "main_memory_bytes", 1.2),
        )]  # fmt: skip
    rows += [slope_row(f"log-log slope of CPU seconds over {curve}", found) for curve, found in curves.items()]
    for jobs in points.of("jobs")[-1:]:
        rows.append(figure_row(f"-n on a study of {jobs['size']:,} jobs", jobs["cpu_s"], "CPU s"))
        rows.append(figure_row("memory of that dry run", jobs["main_memory_bytes"] / 1e9, "GB"))
    return rows


def ratio_row(name: str, value: float, most: float) -> dict[str, Any]:
    return {"name": name, "target": f"<= {most}", "value": value, "unit": "x", "met": value <= most}


def slope_row(name: str, points: list[Point]) -> dict[str, Any]:
    value = last_slope(points, "cpu_s")
    return {"name": name, "target": "<= 1.1", "value": value, "unit": "", "met": value <= 1.1}


def figure_row(name: str, value: float, unit: str) -> dict[str, Any]:
    return {"name": name, "target": "-", "value": value, "unit": unit, "met": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", const=SMALL, dest="largest", help="the small points only")
    size.add_argument("--whole", action="store_const", const=LARGE, dest="largest", help="also the largest points")
    parser.add_argument("--anew", action="store_true", help="measure all points, also those that are there")
    parser.add_argument("--draw", action="store_true", help="measure nothing; draw and sum up what is there")
    parser.add_argument("--folder", type=Path, help="where runs lie while they are measured")
    parser.add_argument("--sounds", type=Path, help="where the collections lie, and stay")
    parser.add_argument("--curves", nargs="*", default=list(SMALL), help="which of clips, conditions, models, jobs")
    options = parser.parse_args()
    points = MeasuredPoints("scale")
    if not options.draw:
        with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
            largest = {curve: (options.largest or MEDIUM)[curve] for curve in options.curves}
            measure(points, ScaleBench(Path(temporary), options.sounds), largest, options.anew)
    rows = summarise(points)
    for row in rows:
        print(f"{row['name']:70} {row['value']:8.2f} {row['unit']:6} target {row['target']}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "scale.json").write_text(json.dumps(rows, indent=1) + "\n")
    draw_curves(panels(points), RESULTS / "scale.svg")


if __name__ == "__main__":
    main()
