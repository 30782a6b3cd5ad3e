"""Each adapter against the published package on the same clips, in one run: float32 and bfloat16, on the CPU.

64 recordings of instruments, 3 s each, where they lie beside the checkout, else the bundled clips (the result says
which). The package works in its own way, with all cores, one clip at a time and in batches of 8, the faster of which
counts, in an environment of its own (`make parity`); the adapter in batches of 8, one a core, as the embedding job runs
it. Weights are seeded in the official layout: speed does not depend on their values.

Also: the start of a model (import, load from the converted file, first clip) in a fresh process, under 4 s; and the
whole embedding job against front end and network bare, at least 0.9 (see bench_embedding.py).
"""

import argparse
import importlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "seeded_checkpoints"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import bench_embedding
from recorded_clips import recorded_clips

from embedshift.batching import prepare_clip
from embedshift.device import CPU_BATCH_SIZE, one_thread_each, use_one_thread
from embedshift.models.catalog import ENTRIES, check_model, weights_name
from embedshift.models.load import load_adapter
from embedshift.weights import convert_file

REPOSITORY = Path(__file__).resolve().parents[1]
RESULT = REPOSITORY / "benchmarks" / "results" / "models.json"
PARITY = Path(os.environ.get("EMBEDSHIFT_PARITY", REPOSITORY / ".parity"))
RUN_OFFICIAL = REPOSITORY / "tests" / "parity" / "run_official.py"
MATERIAL = Path(os.environ.get("EMBEDSHIFT_TEST_MATERIAL", REPOSITORY.parent / "shared"))
RECORDINGS = MATERIAL / "data" / "fsdkaggle2018_instruments"
CORES = len(os.sched_getaffinity(0))
CLIP_S = 3
STARTUP_TARGET_S = 4.0
JOB_TARGET = 0.9
WRAPPERS = REPOSITORY / "tests" / "parity" / "wrappers"
MODELS = {
    "panns Cnn14": {
        "settings": {"adapter": "panns"},
        "official": ("torch_packages", "embedshift.models.official_panns"),
        "targets": {"float32": 1.5, "bfloat16": 2.0},
    },
    "openl3 mel128": {
        "settings": {"adapter": "openl3"},
        "official": ("openl3", "embedshift.models.official_openl3"),
        "targets": {"float32": 0.8, "bfloat16": 1.5},
    },
    "laion_clap 630k": {
        "settings": {"adapter": "laion_clap"},
        "official": ("torch_packages", "embedshift.models.official_laion_clap"),
        "targets": {"float32": 1.0, "bfloat16": 2.0},
    },
    "msclap 2023": {
        "settings": {"adapter": "msclap"},
        "official": ("torch_packages", WRAPPERS / "msclap.py"),
        "targets": {"float32": 1.0, "bfloat16": 2.0},
    },
    "vggish": {"settings": {"adapter": "vggish"}, "official": None, "targets": {}},
    "encodec 24khz": {"settings": {"adapter": "encodec"}, "official": None, "targets": {}},
    "dac 44khz": {"settings": {"adapter": "dac"}, "official": None, "targets": {}},
}
SUFFIXES = {"openl3 mel128": "checkpoint.h5", "encodec 24khz": "folder", "dac 44khz": "folder"}
START = """
import json, sys, time
started_s = time.perf_counter()
sys.path.insert(0, sys.argv[1])
import numpy as np
from pathlib import Path
from embedshift.models.load import load_adapter
settings = json.loads(sys.argv[3])
adapter = load_adapter(settings, Path(sys.argv[2]), "cpu", settings["precision"])
adapter.embed(np.zeros((1, adapter.length_of(3 * adapter.sample_rate_hz)), dtype=np.float32))
print(time.perf_counter() - started_s)
"""


def clips_at(rate_hz, number):
    """Return `number` clips of 3 s at a rate, and where they come from."""
    if RECORDINGS.is_dir():
        return recorded_clips(RECORDINGS, number, rate_hz, CLIP_S * rate_hz), "recordings of instruments"
    clips = bench_embedding.demo_clips(number)
    adapter = type("Rate", (), {"sample_rate_hz": rate_hz, "fit_length": staticmethod(lambda samples: samples)})
    return np.stack([prepare_clip(clip[:, None], bench_embedding.RATE_HZ, adapter) for clip in clips]), "bundled clips"


def official_seconds(environment, module, checkpoint, options, clips, folder):
    """Return how long the published package takes for `clips`; the folder holds tokenizers where it needs some."""
    request = {"weights": str(checkpoint), "options": options, "batch": CPU_BATCH_SIZE}
    (folder / "request.json").write_text(json.dumps(request))
    np.savez(folder / "clips.npz", **{f"clip_{index:03d}": clip for index, clip in enumerate(clips)})
    command = [PARITY / environment / "bin/python", RUN_OFFICIAL, module, *(
        folder / name for name in ("request.json", "clips.npz", "output.npz"))]  # fmt: skip
    stubs = str(REPOSITORY / "tests" / "parity" / "stubs")
    environ = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "HF_HUB_OFFLINE": "1", "PYTHONPATH": stubs}
    subprocess.run(list(map(str, command)), cwd=folder, env=environ, check=True, capture_output=True)
    with np.load(folder / "output.npz") as stored:
        return float(stored["seconds"])


def adapter_seconds(adapter, clips):
    """Return how long the adapter takes in batches of 8, one a core, as the embedding job runs them."""
    batches = [clips[start : start + CPU_BATCH_SIZE] for start in range(0, len(clips), CPU_BATCH_SIZE)]
    fitted = [np.stack([adapter.fit_length(clip) for clip in batch]) for batch in batches]
    with one_thread_each(), ThreadPoolExecutor(CORES, initializer=use_one_thread) as pool:
        started_s = time.perf_counter()
        list(pool.map(adapter.embed, fitted))
        return time.perf_counter() - started_s


def startup_seconds(settings, weights):
    """Return how long a fresh process takes until the first clip is embedded: the best of three."""
    command = [sys.executable, "-c", START, str(REPOSITORY / "scripts"), str(weights), json.dumps(settings)]
    return min(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(3))


def row(name, value, target, unit="x", met=None, **facts):
    met = target is None or value >= target if met is None else met
    shown = "-" if target is None else f"{'<' if unit == 's' else '>='} {target}"
    print(f"{name:70}{value:8.2f} {unit:2} target {shown:8}{'' if met else ' NOT MET'}", flush=True)
    return {"name": name, "value": value, "unit": unit, "target": shown, "met": bool(met), **facts}


def measure(name, case, number, repeats, folder):
    """Yield every figure of one model."""
    settings = {precision: check_model("m", case["settings"] | {"precision": precision})
                for precision in precisions_of(case)}  # fmt: skip
    checkpoint, weights = folder / SUFFIXES.get(name, "checkpoint.pth"), folder / "weights.safetensors"
    files = write_checkpoint(case["settings"]["adapter"], checkpoint)
    convert_file(weights_name(settings["float32"]), files, weights)
    adapters = {key: load_adapter(value, weights, "cpu", key) for key, value in settings.items()}
    clips, material = clips_at(adapters["float32"].sample_rate_hz, number)
    best = dict.fromkeys([*adapters, "official"], np.inf)
    for _ in range(repeats):
        if case["official"]:
            environment, module = case["official"]
            seconds = official_seconds(environment, module, checkpoint, settings["float32"]["options"], clips, folder)
            best["official"] = min(best["official"], seconds)
        for precision, adapter in adapters.items():
            best[precision] = min(best[precision], adapter_seconds(adapter, clips))
    facts = {"clips": number, "material": material, "cores": CORES, "seconds": best}
    for precision in adapters if case["official"] else ():
        ratio = best["official"] / best[precision]
        yield row(f"{name} {precision} against the package", ratio, case["targets"].get(precision), **facts)
    seconds = startup_seconds(settings["float32"], weights)
    yield row(f"{name}: start of the model", seconds, STARTUP_TARGET_S, "s", met=seconds < STARTUP_TARGET_S)
    yield from job_ratio(name, settings["float32"], weights, adapters["float32"], number, repeats, folder)


def precisions_of(case):
    """Return the precisions that the adapter offers."""
    return ENTRIES[case["settings"]["adapter"]].precisions


def write_checkpoint(adapter, path):
    """Write seeded weights of the adapter's default options in the official layout and return the file or files."""
    if adapter == "msclap":  # its package looks for the text network's configuration in the working folder
        tokenizers = importlib.import_module("seeded_checkpoints.text_tokenizers")
        config = {"model_type": "gpt2", "architectures": ["GPT2Model"]}
        tokenizers.write_model_folder(path.parent / "gpt2", "gpt2", config)
    module = importlib.import_module(f"seeded_checkpoints.{adapter}")
    getattr(module, f"write_{adapter}_checkpoint")(path, seed=7)
    return module.files_of(path) if hasattr(module, "files_of") else path


def job_ratio(name, settings, weights, adapter, number, repeats, folder):
    """Yield the embedding job's speed as a part of that of the bare adapter."""
    clips = bench_embedding.demo_clips(number)
    bench_embedding.write_audio(folder, clips)
    samples = np.stack([prepare_clip(clip[:, None], bench_embedding.RATE_HZ, adapter) for clip in clips])
    (folder / "weights.receipt.json").write_text('{"sha256": "seeded"}')
    bare_s = job_s = np.inf
    for _ in range(repeats):
        bare_s = min(bare_s, bench_embedding.bare_seconds(adapter, samples, "cpu"))
        job_s = min(job_s, bench_embedding.job_seconds(folder, settings, weights, "cpu"))
    yield row(f"{name}: embed_clips against front end and network bare", bare_s / job_s, JOB_TARGET)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="16 clips, once")
    parser.add_argument("--repeats", type=int, default=2, help="the fastest run of so many counts")
    parser.add_argument("--models", nargs="*", default=list(MODELS), help="which of the models")
    options = parser.parse_args()
    logging.getLogger("embedshift").setLevel(logging.ERROR)
    results = []
    for name in options.models:
        with tempfile.TemporaryDirectory() as folder:
            number, repeats = (16, 1) if options.quick else (64, options.repeats)
            results += measure(name, MODELS[name], number, repeats, Path(folder))
            RESULT.parent.mkdir(exist_ok=True)
            RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
