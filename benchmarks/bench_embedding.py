"""The embedding job of each model against its front end and network run bare, in one run, on the same clips.

Bare: the adapter alone, in batches, on arrays that are already mono and at the model's rate, in memory; of one torch
thread a batch with the batches side by side, and all threads inside one batch, the faster counts.
Ours: embed_clips as its job calls it: model loaded anew, HDF5 in, channels mixed, resampled, keys hashed, HDF5 out.

Sides alternate and the fastest run of each counts. Target: at least 0.9 for models with a network. `timbre` is shown
without a target: it is so cheap that reading and resampling weigh as much as its features.
"""

import argparse
import csv
import json
import logging
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from embedshift.batching import prepare_clip
from embedshift.device import CPU_BATCH_SIZE, choose_device, exact_float32, one_thread_each, use_one_thread
from embedshift.embedding import embed_clips
from embedshift.models.catalog import check_model, weights_name
from embedshift.models.load import load_adapter
from embedshift.store import AudioWriter
from embedshift.weights import fetch_weights
from embedshift.weights_choice import published as official_weights

REPOSITORY = Path(__file__).resolve().parents[1]
WEIGHTS = REPOSITORY / "data" / "weights"
RESULT = REPOSITORY / "benchmarks" / "results" / "embedding.json"
CORES = len(os.sched_getaffinity(0))
RATE_HZ = 44_100
TARGET = 0.9
CUDA_BATCH_SIZE = 64
MODELS = {
    "timbre": {"adapter": "timbre"},
    "musicnn": {"adapter": "musicnn"},
    "musicnn bfloat16": {"adapter": "musicnn", "precision": "bfloat16"},
    "musicnn vgg": {"adapter": "musicnn", "options": {"checkpoint": "MTT_vgg"}},
    "crepe tiny": {"adapter": "crepe"},
    "crepe tiny bfloat16": {"adapter": "crepe", "precision": "bfloat16"},
}


def demo_clips(number):
    """Return `number` mono float32 clips of three seconds at 44.1 kHz: the bundled ones, in turn."""
    files = sorted((REPOSITORY / "data" / "demo").rglob("*.flac"))
    if not files:
        raise SystemExit("data/demo holds no clips; this benchmark runs on the bundled demo data.")
    sounds = [soundfile.read(file, dtype="float32", always_2d=True)[0].mean(axis=1) for file in files[:number]]
    # repeats are a little quieter each time: the job embeds equal clips once
    repeats = [sounds[i % len(sounds)] * np.float32(0.99 ** (i // len(sounds))) for i in range(number)]
    return [np.resize(sound, 3 * RATE_HZ) for sound in repeats]


def write_audio(folder, clips):
    names = [f"clip_{index:04d}" for index in range(len(clips))]
    with AudioWriter(folder / "clean.h5", sample_rate_hz=RATE_HZ, channels=1) as writer:
        for name, clip in zip(names, clips, strict=True):
            writer.append(name, clip[:, None], loudness_before_lufs=-23.0, loudness_after_lufs=-23.0)
    with open(folder / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["clip_id"], *([name] for name in names)])


def bare_seconds(adapter, samples, device):
    size = CUDA_BATCH_SIZE if device == "cuda" else CPU_BATCH_SIZE
    batches = [samples[start : start + size] for start in range(0, len(samples), size)]
    started_s = time.perf_counter()
    for batch in batches:
        adapter.embed(batch)
    seconds = time.perf_counter() - started_s
    if device == "cuda":
        return seconds
    with one_thread_each(), ThreadPoolExecutor(CORES, initializer=use_one_thread) as pool:
        started_s = time.perf_counter()
        list(pool.map(adapter.embed, batches))
        return min(seconds, time.perf_counter() - started_s)


def job_seconds(folder, settings, weights, device):
    job = {"dataset": "demo", "model": "m", "condition": "clean", **settings}
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        started_s = time.perf_counter()
        embed_clips(
            manifest=folder / "manifest.csv",
            audio=folder / "clean.h5",
            weights=weights,
            receipt=weights and weights.with_name(weights.name.replace(".safetensors", ".receipt.json")),
            output=Path(fresh) / "demo" / "m" / "clean.h5",
            settings=json.dumps(job),
            code="{}",
            device=device,
            threads=CORES,
        )
        return time.perf_counter() - started_s


def published(name):
    if name is None:
        return None
    weights, receipt = WEIGHTS / f"{name}.safetensors", WEIGHTS / f"{name}.receipt.json"
    if not (weights.exists() and receipt.exists()):
        fetch_weights(official_weights(name).source, weights, receipt, WEIGHTS)
    return weights


def compare(name, settings, clips, folder, device, repeats):
    settings = check_model("m", settings)
    weights = published(weights_name(settings))
    adapter = load_adapter(settings, weights, device, settings["precision"])
    samples = np.stack([prepare_clip(clip[:, None], RATE_HZ, adapter) for clip in clips])
    adapter.embed(samples[:2])
    bare_s = job_s = np.inf
    for _ in range(repeats):
        bare_s = min(bare_s, bare_seconds(adapter, samples, device))
        job_s = min(job_s, job_seconds(folder, settings, weights, device))
    ratio, target = bare_s / job_s, None if name == "timbre" else TARGET
    print(f"{name:22}{len(clips) / bare_s:12.1f}{len(clips) / job_s:12.1f}{ratio:8.2f}{target or '-':>8}", flush=True)
    return {
        "name": f"{name}: embed_clips against front end and network bare",
        "value": ratio,
        "unit": "x",
        "target": f">= {target}" if target else "-",
        "met": target is None or ratio >= target,
        "clips": len(clips),
        "bare_clips_per_s": len(clips) / bare_s,
        "job_clips_per_s": len(clips) / job_s,
        "device": device,
        "cores": CORES,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer clips; the start of the job weighs more")
    parser.add_argument("--models", nargs="*", default=list(MODELS), help="which of the models")
    options = parser.parse_args()
    logging.getLogger("embedshift").setLevel(logging.ERROR)
    device = choose_device("auto")
    exact_float32(device)
    clips, results = demo_clips(64 if options.quick else 256), []
    print(f"{'embedding on ' + device:22}{'bare':>12}{'job':>12}{'ratio':>8}{'target':>8}   (clips a second)")
    with tempfile.TemporaryDirectory() as folder:
        write_audio(Path(folder), clips)
        for name in options.models:
            results.append(compare(name, MODELS[name], clips, Path(folder), device, 2 if options.quick else 3))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
