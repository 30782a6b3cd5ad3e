"""Where each CPU second of a study goes: start-up, audio, effects, network, HDF5, analysis, figures, Snakemake.

The quickstart, and its reverb on 1,000 synthetic clips of three seconds with musicnn, with crepe (tiny) and with two
networks of study A, PANNs Cnn14 and CLAP, are run as they are, with clocks in each process (clocks/sitecustomize.py).
Target: at 1,000 clips, what is neither network nor effect takes under a tenth. CPU seconds, since jobs run side by
side; seconds of the clock are printed too. --only runs one of them and keeps what is known of the others; --effects
chooses others of the quickstart's. Study A's networks have seeded weights in the official layouts: speed does not
depend on their values. Its third, OpenL3, takes seconds a clip on a CPU and is left out.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from clocked_run import REPOSITORY, ClockedProcess, ClockedRun, copy_workflow, run_snakemake
from measured_points import circumstances
from synthetic_collection import make_collection

sys.path.insert(0, str(REPOSITORY / "tests"))
sys.path.insert(0, str(REPOSITORY / "scripts"))

from seeded_checkpoints.msclap import write_msclap_checkpoint
from seeded_checkpoints.panns import write_panns_checkpoint

RESULT = REPOSITORY / "benchmarks/results/profile.json"
CLIPS = 1_000
QUICKSTART = "quickstart"
STUDY_A, DEMO = "sensitivity.yaml", "sensitivity_demo.yaml"
MODELS = {"musicnn": DEMO, "crepe": DEMO, "panns": STUDY_A, "clap": STUDY_A}
"""Models, and the studies that say how they are used."""
WRITE_CHECKPOINT = {"panns": write_panns_checkpoint, "clap": write_msclap_checkpoint}
STUDIES = {f"1,000 clips with {model}": model for model in MODELS}
HDF5 = "HDF5"
CALLS = {
    "embedshift.listing": {"write_listing": "listing"},
    "embedshift.audio_rows": {"sounds_digest": "listing"},
    "embedshift.decode": {"decode_clip": "audio"},
    "embedshift.batching": {"prepare_clip": "audio"},
    "embedshift.loudness": {"normalise": "loudness", "integrated_loudness": "loudness"},
    "embedshift.effects": {"prepare_chain": "effect", "run_chain": "effect"},
    "embedshift.models.base": {"Adapter.embed": "network"},
    "embedshift.models.load": {"load_adapter": "loading models"},
    "embedshift.row_cache": {"row_key": "row keys", "merge_rows": HDF5},
    "embedshift.store": {
        **dict.fromkeys(["AudioWriter.append", "AudioWriter._close", "AudioReader.__init__"], HDF5),
        **dict.fromkeys(["AudioReader.read_block", "write_embeddings", "read_embeddings"], HDF5),
        **dict.fromkeys(["write_arrays", "read_arrays"], HDF5),
    },
}
KIND_OF_RULE = {"apply_effect": "effect", "prepare_clips": "audio", "embed_clips": "around the network"}
KINDS = ("network", "effect", "start-up", "audio", HDF5, "row keys", "loading models", "around the network", "analysis",
         "figures", "tables, examples and page", "listing", "Snakemake", "shells and exits")  # fmt: skip
WANTED = ("network", "effect")


def kinds_of(process: ClockedProcess) -> Counter:
    """Return a process's CPU seconds by kind; what no clock saw is named after what the rule does."""
    found = Counter(process.cpu_s_of)
    rest = found.pop("rest", 0.0)
    if not process.rule:
        return Counter({"Snakemake": rest + found.pop("start-up", 0.0)}) + found
    if process.rule == "render_examples":
        return Counter({"start-up": found.pop("start-up", 0.0), "tables, examples and page": rest + found.total()})
    # bringing a clip to its loudness belongs to its effect, or to its preparation
    loudness = found.pop("loudness", 0.0)
    found[kind_of(process.rule)] += rest + loudness
    return found


def kind_of(rule: str) -> str:
    if rule.startswith(("measure_", "map_")):
        return "analysis"
    return "figures" if rule.startswith("plot_") else KIND_OF_RULE.get(rule, "tables, examples and page")


def seconds_by_kind(run: ClockedRun) -> dict[str, float]:
    """Return the CPU seconds of a whole run by kind, in the order of KINDS."""
    total: Counter = Counter()
    for process in run.processes:
        total.update(kinds_of(process))
    total["shells and exits"] = run.cpu_s - sum(process.cpu_s for process in run.processes)
    unknown = set(total) - set(KINDS)
    if unknown:
        raise ValueError(f"no place in the table for {sorted(unknown)}")
    return {kind: total[kind] for kind in KINDS}


def quickstart(folder: Path) -> ClockedRun:
    return run_snakemake(copy_workflow(folder / "quickstart", data=True), None, "--cores", "2", "--quiet", calls=CALLS)


def thousand_clips(folder: Path, clips: int, effects: list[str], model: str) -> ClockedRun:
    """Run some of the quickstart's effects and one model on short clips, as one study."""
    make_collection(folder / "sounds", clips, rate_hz=44_100, length_s=3.0)
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    dataset = config["datasets"].pop("demo") | {"folder": str(folder / "sounds")}
    config |= {"study": "thousand", "datasets": {"synthetic": dataset}}
    config["effects"] = {name: config["effects"][name] for name in effects}
    config["models"] = {model: settings_of(model, folder)}
    return run_snakemake(copy_workflow(folder / "workflow"), config, "--cores", "2", "--quiet", calls=CALLS)


def settings_of(model: str, folder: Path) -> dict[str, Any]:
    """Return a model as its study has it, with a seeded checkpoint where the published one needs a download."""
    settings = yaml.safe_load((REPOSITORY / "studies" / MODELS[model]).read_text())["models"][model]
    if model not in WRITE_CHECKPOINT:
        return settings
    WRITE_CHECKPOINT[model](folder / "seeded.pth", seed=7)
    return settings | {"weights_file": str(folder / "seeded.pth")}


def profile(name: str, run: ClockedRun) -> list[dict[str, Any]]:
    """Print the table of a run and return its rows; the first says what is neither network nor effect."""
    seconds = seconds_by_kind(run)
    share = 1 - sum(seconds[kind] for kind in WANTED) / run.cpu_s
    print(f"\n{name}: {run.cpu_s:.1f} CPU s, {run.wall_s:.1f} s of the clock, load {run.load_before:.1f} before")
    for kind, value in seconds.items():
        print(f"  {kind:28}{value:9.1f} CPU s{100 * value / run.cpu_s:7.1f} %")
    for rule, value in sorted(run.cpu_s_of_rules().items(), key=lambda item: -item[1])[:8]:
        print(f"    {rule:26}{value:9.1f} CPU s, {sum(job.rule == rule for job in run.jobs)} jobs")
    thousand = name in STUDIES
    first = {
        "name": f"{name}: share that is neither network nor effect",
        "target": "< 0.1" if thousand else "-",
        "value": share,
        "unit": "",
        "met": share < 0.1 or not thousand,
        "cpu_s": run.cpu_s,
        "wall_s": run.wall_s,
        "load_before": run.load_before,
        "jobs": len(run.jobs),
        "cpu_s_of_rules": run.cpu_s_of_rules(),
        **circumstances(),
    }
    rows = [first]
    for kind, value in seconds.items():
        row = {"name": f"{name}: {kind}", "target": "-", "value": value, "unit": "CPU s", "met": True}
        rows.append(row | {"share": value / run.cpu_s})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_const", const=QUICKSTART, dest="only", help="as --only quickstart")
    parser.add_argument("--only", choices=[QUICKSTART, *STUDIES], help="keep what is known of the others")
    parser.add_argument("--effects", nargs="+", default=["reverb"])
    parser.add_argument("--clips", type=int, default=CLIPS, help="fewer of them, to see that it works")
    parser.add_argument("--folder", type=Path, help="where the runs lie while they are measured")
    options = parser.parse_args()
    runs: dict[str, Callable[[Path], ClockedRun]] = {QUICKSTART: quickstart}
    for name, model in STUDIES.items():
        runs[name] = partial(thousand_clips, clips=options.clips, effects=options.effects, model=model)
    known = json.loads(RESULT.read_text()) if options.only and RESULT.exists() else []
    rows = []
    for name, run in runs.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
                rows += profile(name, run(Path(temporary)))
        else:
            rows += [row for row in known if row["name"].startswith(name)]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
