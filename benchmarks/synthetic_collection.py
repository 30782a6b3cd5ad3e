"""A seeded collection of short synthetic sounds, for benchmarks: tones of random pitch and decay with some noise."""

import csv
from pathlib import Path

import numpy as np
import soundfile

CLASSES = 10
CLIPS_PER_GROUP = 20
CLIPS_PER_FOLDER = 1000
SEED = 20261120


def make_collection(folder: Path, clips: int, rate_hz: int = 16_000, length_s: float = 1.0) -> None:
    """Write `clips` mono FLAC files and clips.csv (file, label, group); a larger collection begins with a smaller one.

    What is there already is kept, so that a collection can grow.
    """
    rows = []
    for index in range(clips):
        label = f"class{index % CLASSES:02d}"
        name = f"{label}/{index // CLIPS_PER_FOLDER:04d}/clip{index:07d}.flac"
        # every group has clips of one class only
        rows.append((name, label, f"group{index // (CLASSES * CLIPS_PER_GROUP):05d}_{label}"))
        if not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / name, sound(index, rate_hz, length_s), rate_hz, subtype="PCM_16")
    with open(folder / "clips.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "label", "group"), *rows])


def sound(index: int, rate_hz: int, length_s: float) -> np.ndarray:
    """Return one sound, float32 (samples,): the class decides its noise, chance its pitch, decay and overtones."""
    rng = np.random.default_rng([SEED, index])
    time_s = np.arange(round(rate_hz * length_s), dtype=np.float32) / rate_hz
    pitch_hz, decay_per_s = 110 * 2 ** rng.uniform(0, 4), rng.uniform(0.5, 6)
    overtones = rng.uniform(0, 1, 4) / np.arange(1, 5)
    tone = sum(size * np.sin(2 * np.pi * pitch_hz * n * time_s) for n, size in enumerate(overtones, start=1))
    noise = rng.standard_normal(len(time_s), dtype=np.float32) * (0.02 + 0.02 * (index % CLASSES))
    mixed = 0.3 * tone * np.exp(-decay_per_s * time_s) + 0.3 * noise
    return (0.5 * mixed / max(1e-3, np.abs(mixed).max())).astype(np.float32)
