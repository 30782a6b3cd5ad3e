"""A checkpoint of OpenL3 with seeded random weights, in the layout of the official .h5 files."""

import h5py
import numpy as np

CHANNELS = (1, 64, 64, 128, 128, 256, 256, 512, 512)
SPECTROGRAM_DB = (-45.0, 350.0)
"""Mean and variance of a spectrogram's decibels, roughly: where the first normalisation expects its input."""


def write_openl3_checkpoint(path, seed, **_options):
    """Write all audio layers; the layout is the same for every input, content and size.

    As Keras 2 wrote the official files (layers without weights included, weights named `conv2d/kernel:0`), without
    the optional group of top-level weights.
    """
    rng = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = b"2.4.0", b"tensorflow"
        file.attrs["layer_names"] = [name.encode() for name, _ in _layers()]
        for name, make in _layers():
            group, weights = file.create_group(name), make(rng)
            group.attrs["weight_names"] = [f"{name}/{kind}:0".encode() for kind in weights]
            for kind, values in weights.items():
                group.create_dataset(f"{name}/{kind}:0", data=values.astype(np.float32))


def _layers():
    """Return `(name, function of a generator that makes the weights)` in the network's order."""
    layers = [("input_1", _nothing), ("melspectrogram", _nothing), ("batch_normalization", _normalise_spectrogram)]
    for index, (inner, outer) in enumerate(zip(CHANNELS, CHANNELS[1:], strict=False)):
        suffix = f"_{index}" if index else ""
        if index == len(CHANNELS) - 2:
            layers.append(("audio_embedding_layer", _convolution(inner, outer)))
            continue
        layers.append((f"conv2d{suffix}", _convolution(inner, outer)))
        layers += [(f"batch_normalization_{index + 1}", _normalisation(outer)), (f"activation{suffix}", _nothing)]
        if index in (1, 3, 5):
            layers.append((f"max_pooling2d{f'_{index // 2}' if index > 1 else ''}", _nothing))
    return layers


def _nothing(rng):
    return {}


def _normalise_spectrogram(rng):
    mean, variance = SPECTROGRAM_DB
    return {
        "gamma": np.array([1.1]),
        "beta": np.array([0.1]),
        "moving_mean": np.array([mean]),
        "moving_variance": np.array([variance]),
    }


def _normalisation(channels):
    return lambda rng: {
        "gamma": rng.uniform(0.5, 1.5, channels) * rng.choice([1, 1, 1, -1], channels),
        "beta": rng.normal(0, 0.3, channels),
        "moving_mean": rng.normal(0, 0.3, channels),
        "moving_variance": rng.uniform(0.5, 2, channels),
    }


def _convolution(inner, outer):
    return lambda rng: {
        "kernel": rng.normal(0, np.sqrt(2 / (9 * inner)), (3, 3, inner, outer)),
        "bias": rng.normal(0, 0.05, outer),
    }
