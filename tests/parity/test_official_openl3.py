"""Our OpenL3 against openl3 0.4.2 on TensorFlow 2.20: one seeded file in the official layout, read by both.

Seen: embeddings and single windows differ by 3e-6 of their largest value at most.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
from adapter_checks import relative_error
from recorded_clips import recorded_clips
from seeded_checkpoints.openl3 import write_openl3_checkpoint

from embedshift.keras_h5 import read_keras_h5
from embedshift.models import openl3
from embedshift.models.openl3_hann import hann_as_tensorflow
from embedshift.models.openl3_resampling import resample_kaiser_best
from embedshift.weights import convert_file

RATE_HZ = 48_000
OFFICIAL = "embedshift.models.official_openl3"
SAVE_WEIGHTS = Path(__file__).parent / "wrappers" / "save_openl3_weights.py"
CASES = [
    {"input_repr": "mel128", "embedding_size": 512, "hop_s": 0.3, "center": True},
    {"input_repr": "mel128", "embedding_size": 6144, "hop_s": 1.0, "center": False},
    {"input_repr": "mel256", "embedding_size": 512, "hop_s": 1.0, "center": False},
    {"input_repr": "mel256", "embedding_size": 6144, "hop_s": 0.87, "center": True},
    {"input_repr": "linear", "embedding_size": 512, "hop_s": 1.0, "center": False},
    {"input_repr": "linear", "embedding_size": 6144, "hop_s": 0.87, "center": True},
]


def synthetic_clips(rng):
    time_s = np.arange(round(3.37 * RATE_HZ)) / RATE_HZ
    noise = 0.1 * rng.standard_normal(len(time_s))
    clips = {
        "noise_1s": noise[:RATE_HZ],
        "noise_0.4s": noise[: round(0.4 * RATE_HZ)],
        "chirp_3s": 0.5 * np.sin(2 * np.pi * (100 * time_s + 1500 * time_s**2))[: 3 * RATE_HZ],
        "noise_in_bursts_3.37s": noise * (np.sin(2 * np.pi * 2 * time_s) > 0),
        "silence_with_a_click": (np.arange(RATE_HZ) == 30_000).astype(float),
        "silence": np.zeros(RATE_HZ),
    }
    return {name: clip.astype(np.float32) for name, clip in clips.items()}


def real_clips(recordings, seconds):
    return dict(
        zip(
            ("real_a", "real_b"),
            recorded_clips(recordings, 2, RATE_HZ, round(seconds * RATE_HZ)),
            strict=True,
        )
    )


def both(run_official, tmp_path, clips, options):
    """Return {name: (ours, official)} frames of the clips, from one seeded official file."""
    original, converted = tmp_path / "seeded.h5", tmp_path / "seeded.safetensors"
    write_openl3_checkpoint(original, 11)
    convert_file(f"openl3_{options['input_repr']}_music", original, converted)
    theirs = run_official("openl3", OFFICIAL, original, clips, options)
    adapter = openl3.load(converted, options, "cpu", "float32")
    return {name: (adapter.embed(clip[None])[0], theirs[name][0]) for name, clip in clips.items()}


@pytest.mark.parametrize("options", CASES, ids=lambda case: f"{case['input_repr']}-{case['embedding_size']}")
def test_synthetic_clips_of_every_length(options, run_official, tmp_path, rng):
    for name, (ours, theirs) in both(run_official, tmp_path, synthetic_clips(rng), options).items():
        assert ours.shape == theirs.shape, name
        assert relative_error(ours.mean(axis=0), theirs.mean(axis=0)) < 1e-4, name
        assert relative_error(ours, theirs) < 1e-4, name


@pytest.mark.parametrize("options", CASES[::2], ids=lambda case: case["input_repr"])
def test_recordings(options, run_official, tmp_path, recordings):
    """They came at 44.1 kHz: above 22 kHz the published spectrogram is TensorFlow's rounding, to be met as well."""
    options = options | {"hop_s": 0.5}
    for name, (ours, theirs) in both(run_official, tmp_path, real_clips(recordings, 2), options).items():
        assert relative_error(ours.mean(axis=0), theirs.mean(axis=0)) < 1e-4, name
        assert relative_error(ours, theirs) < 1e-4, name


def test_the_defaults_of_the_published_study(run_official, tmp_path, recordings):
    options = {"input_repr": "mel128", "embedding_size": 512, "hop_s": 0.1, "center": True}
    clips = {"real_a": real_clips(recordings, 3)["real_a"]}
    ours, theirs = both(run_official, tmp_path, clips, options)["real_a"]
    assert ours.shape == theirs.shape == (26, 512)
    assert relative_error(ours.mean(axis=0), theirs.mean(axis=0)) < 1e-4


def in_the_environment(official, *arguments):
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [str(part) for part in (official("openl3"), *arguments)]
    finished = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr[-2000:]


def structure_of(path):
    """Return what a file of Keras weights holds, layer by layer, without the numbers in names and versions' ways."""
    with h5py.File(path) as file:
        names = [name.decode() if isinstance(name, bytes) else name for name in file.attrs["layer_names"]]
        weights = [[np.asarray(file[name][str(weight)]) for weight in _texts(file[name])] for name in names]
        kinds = [[weight.rpartition("/")[2].partition(":")[0] for weight in _texts(file[name])] for name in names]
    plain = [re.sub(r"_\d+$", "", name).replace("input_layer", "input") for name in names]
    return [
        (
            "spectrogram" if name in ("melspectrogram", "stft_magnitude") else name,
            kind,
            [array.shape for array in arrays],
        )
        for name, kind, arrays in zip(plain, kinds, weights, strict=True)
    ]


def _texts(group):
    return [name.decode() if isinstance(name, bytes) else str(name) for name in group.attrs["weight_names"]]


@pytest.mark.parametrize("input_repr", ["linear", "mel128", "mel256"])
def test_the_seeded_file_is_laid_out_as_the_package_saves_it(input_repr, official, tmp_path):
    write_openl3_checkpoint(tmp_path / "ours.h5", 3)
    arrays = read_keras_h5(tmp_path / "ours.h5")
    np.savez(tmp_path / "arrays.npz", **{name.replace("/", "_"): array for name, array in arrays.items()})
    in_the_environment(official, SAVE_WEIGHTS, input_repr, tmp_path / "arrays.npz", tmp_path / "theirs.h5")
    assert structure_of(tmp_path / "ours.h5") == structure_of(tmp_path / "theirs.h5")
    theirs = read_keras_h5(tmp_path / "theirs.h5")
    assert list(theirs) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(theirs[name], array)


def test_window_and_old_resampling_are_those_of_the_packages(official, tmp_path, rng):
    samples = rng.standard_normal(20_000)
    np.save(tmp_path / "samples.npy", samples)
    rates = [(44_100, 48_000), (22_050, 48_000), (96_000, 48_000)]
    code = f"""
import json, numpy as np, resampy, tensorflow as tf
samples = np.load("{tmp_path}/samples.npy")
made = {{str(length): tf.signal.hann_window(length).numpy() for length in (512, 2048)}}
for a, b in json.loads("{json.dumps(rates)}"):
    made[f"{{a}}"] = resampy.resample(samples, a, b, filter="kaiser_best")
np.savez("{tmp_path}/made.npz", **made)
"""
    in_the_environment(official, "-c", code)
    with np.load(tmp_path / "made.npz") as made:
        for length in (512, 2048):
            np.testing.assert_array_equal(hann_as_tensorflow(length), made[str(length)])
        for from_hz, to_hz in rates:
            np.testing.assert_allclose(
                resample_kaiser_best(samples, from_hz, to_hz), made[str(from_hz)], rtol=0, atol=1e-12
            )
