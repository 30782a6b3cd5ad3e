"""Rendering against bare calls: clips per second on all cores, and the ratio to what the target names, in one run.

Ours is `rendering.render_block`: fresh plugins, results written into one buffer that is used again for each block,
values checked. The bare call is the plugin (or `sosfilt` with sections designed beforehand) on the same clips in as
many threads, its result thrown away; copying is each clip copied into the same buffer in as many threads. Targets: at
least 0.8 of the bare call for effects whose bare call is slower than 2,000 clips/s a core, at least 0.5 of copying for
cheaper ones (0.8 of the bare call where that is less). Runs alternate and the fastest of each counts, since other work
on the machine can only slow a run down; `cpu` is the same ratio in processor time, which such work disturbs less.
Loudness is timed apart, without a target.
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pedalboard
import soundfile
from scipy import signal

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from embedshift.effect_catalog import check_effect
from embedshift.effects import chebyshev2_lowpass_sections, prepare_chain
from embedshift.loudness import normalise
from embedshift.rendering import BLOCK_SAMPLES, SPANS_PER_THREAD, blocks, buffer_for, render_block, spans

REPOSITORY = Path(__file__).resolve().parents[1]
RESULT = REPOSITORY / "benchmarks" / "results" / "rendering.json"
CORES = len(os.sched_getaffinity(0))
RATE_HZ = 44100
LENGTH = 3 * RATE_HZ
CLIPS = 60
CHEAP_PER_CORE = 2000
ITEMS = (
    {"processor": "Gain", "gain_db": -3.0},
    {"processor": "Invert"},
    {"processor": "Clipping"},
    {"processor": "Bitcrush"},
    {"processor": "NoiseGate", "threshold_db": -40.0},
    {"processor": "LowpassFilter", "cutoff_frequency_hz": 500.0},
    {"processor": "HighpassFilter", "cutoff_frequency_hz": 500.0},
    {"processor": "PeakFilter", "gain_db": 6.0},
    {"processor": "chebyshev2_lowpass", "frequency_hz": 4243.933},
    {"processor": "Delay"},
    {"processor": "Compressor", "threshold_db": -30.0, "ratio": 4.0},
    {"processor": "BrickwallLimiter"},
    {"processor": "Chorus"},
    {"processor": "Distortion"},
    {"processor": "Limiter"},
    {"processor": "Reverb"},
    {"processor": "LadderFilter"},
    {"processor": "Phaser"},
    {"processor": "MP3Compressor"},
    {"processor": "GSMFullRateCompressor"},
    {"processor": "Resample"},
    {"processor": "PitchShift", "semitones": 4.0},
)


def real_clips():
    """Return 3 s clips, (n, 1) float32: the demo recordings where they are, else decaying partials with noise."""
    files = sorted((REPOSITORY / "data" / "demo").rglob("*.flac"))[:CLIPS]
    found = [soundfile.read(file, dtype="float32", always_2d=True)[0].mean(axis=1, keepdims=True) for file in files]
    return [np.resize(clip, (LENGTH, 1)) for clip in found] or synthetic_clips()


def synthetic_clips():
    rng = np.random.default_rng(20220419)
    time_s = np.arange(LENGTH) / RATE_HZ
    clips = []
    for pitch_hz in rng.uniform(100, 800, CLIPS):
        partials = sum(np.sin(2 * np.pi * k * pitch_hz * time_s) * np.exp(-k * time_s) / k for k in range(1, 8))
        clips.append((0.1 * partials + 0.001 * rng.standard_normal(LENGTH)).astype(np.float32)[:, None])
    return clips


def in_threads(pool, start, stop, work):
    """Call `work(index)` for these clips, in the spans that the renderer uses, and throw the results away."""

    def work_off(span):
        for index in span:
            work(start + index)

    list(pool.map(work_off, spans(stop - start, SPANS_PER_THREAD * CORES)))


def bare_call(item):
    """Return a function of one clip (1, n): the plugin or the filter called without embedshift."""
    parameters = {key: value for key, value in item.items() if key != "processor"}
    if item["processor"] == "chebyshev2_lowpass":
        sections = chebyshev2_lowpass_sections(item["frequency_hz"], 3, 80, RATE_HZ)
        return lambda clip: signal.sosfilt(sections, clip)
    plugin = getattr(pedalboard, item["processor"])
    return lambda clip: plugin(**parameters)(clip, RATE_HZ)


def fastest(rounds, **runs):
    """Return the shortest time and the shortest processor time of each of the functions, which take turns."""
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started = time.perf_counter(), time.process_time()
            run()
            times[name].append((time.perf_counter() - started[0], time.process_time() - started[1]))
    return {name: np.min(values, axis=0).tolist() for name, values in times.items()}


def measure(item, clips, pool, seconds):
    """Return clips per second, and per second of processor time, of one effect and of what it is held against."""
    call = bare_call(item)
    channels_first = [np.ascontiguousarray(clip.T) for clip in clips]
    processors = prepare_chain(check_effect("timed", {"chain": [item]}, RATE_HZ)["chain"], RATE_HZ, 1.0)
    started = time.perf_counter()
    call(channels_first[0])
    once_s = time.perf_counter() - started
    count = int(np.clip(0.5 * CORES / once_s, 2 * CORES, len(clips)))
    rounds = int(np.clip(seconds * CORES / (2 * count * once_s), 7, 200))

    offset = np.arange(count + 1) * LENGTH
    rows = list(blocks(offset, 0, CORES * BLOCK_SAMPLES))
    buffer = buffer_for(offset, rows, 0, 1)

    def copy(start, stop):
        places = np.split(buffer[: (stop - start) * LENGTH], stop - start)
        in_threads(pool, start, stop, lambda index: np.copyto(places[index - start], clips[index]))

    took_s = fastest(
        rounds,
        bare=lambda: [in_threads(pool, *block, lambda index: call(channels_first[index])) for block in rows],
        ours=lambda: [render_block(clips[slice(*block)], processors, 0, buffer, pool, CORES) for block in rows],
        copying=lambda: [copy(*block) for block in rows],
    )
    rates = {name: count / took_s[name][0] for name in took_s}
    return rates | {f"{name}_cpu": count / took_s[name][1] for name in took_s}


def judged(rates):
    """Return the ratio to what the target names, in words and in numbers, and whether it is met."""
    cheap = rates["bare"] / CORES > CHEAP_PER_CORE and 0.8 * rates["bare"] > 0.5 * rates["copying"]
    against, threshold = ("copying", 0.5) if cheap else ("bare", 0.8)
    ratio, cpu_ratio = rates["ours"] / rates[against], rates["ours_cpu"] / rates[f"{against}_cpu"]
    return {
        "against": against,
        "target": f">= {threshold}",
        "value": ratio,
        "unit": "x",
        "met": ratio >= threshold,
        "value_in_cpu_time": cpu_ratio,
    }


def line_of(name, row):
    """Return the line of the table for one effect."""
    numbers = " ".join(f"{row[key]:8.0f}" for key in ("bare", "copying", "ours"))
    mark = "reached" if row["met"] else "MISSED"
    ratios = f"{row['value']:5.2f} {row['value_in_cpu_time']:5.2f}"
    return f"{name:22s} {numbers}   {ratios}  {row['target']} of {row['against']}: {mark}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="about how long each effect is timed")
    seconds = parser.parse_args().seconds
    clips = real_clips()
    results = []
    print(f"{len(clips)} clips of 3 s, {CORES} threads, clips per second")
    print(f"{'effect':22s} {'bare':>8s} {'copying':>8s} {'ours':>8s}   ratio   cpu  target")
    with ThreadPoolExecutor(CORES) as pool:
        for item in ITEMS:
            rates = measure(item, clips, pool, seconds)
            row = judged(rates) | rates
            results.append({"name": f"{item['processor']}: rendering against {row['against']}", **row, "cores": CORES})
            print(line_of(item["processor"], row), flush=True)
        took_s = fastest(
            5, loudness=lambda: in_threads(pool, 0, len(clips), lambda i: normalise(clips[i], RATE_HZ, -23.0))
        )
    loudness = {"target": "-", "value": len(clips) / took_s["loudness"][0], "unit": "clip/s", "met": True}
    results.append({"name": "loudness, apart"} | loudness)
    print(f"{'loudness, apart':22s} {loudness['value']:26.0f}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
