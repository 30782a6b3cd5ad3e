"""Weights that Keras itself saved, as weights and as a whole model, read without Keras: bit for bit, in its order."""

import os
import subprocess

import numpy as np

from embedshift.keras_h5 import read_keras_h5

SAVE = """
import sys
import h5py, numpy as np
from keras import Input, Sequential, layers
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

convolutions = [layers.Conv2D(2, 3, name=f"conv2d_{number}") for number in (10, 9)]
model = Sequential([Input((9, 9, 1)), layers.BatchNormalization(), convolutions[0], layers.ReLU(),
                    layers.BatchNormalization(), convolutions[1], layers.MaxPooling2D()])
generator = np.random.default_rng(5)
model.set_weights([generator.normal(size=array.shape) for array in model.get_weights()])
with h5py.File("weights.h5", "w") as file:
    save_weights_to_hdf5_group(file, model)
model.save("model.h5")
np.savez("expected.npz", *model.get_weights())
"""


def test_keras_files_are_read_as_keras_has_them(official, tmp_path):
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [official("openl3"), "-c", SAVE]
    finished = subprocess.run(command, cwd=tmp_path, env=quiet, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr[-2000:]
    with np.load(tmp_path / "expected.npz") as stored:
        expected = list(stored.values())
    for name in ("weights.h5", "model.h5"):
        found = read_keras_h5(tmp_path / name)
        normalisation = ["gamma", "beta", "moving_mean", "moving_variance"]
        layers = [normalisation, ["kernel", "bias"], normalisation, ["kernel", "bias"]]
        assert list(found) == [f"{index:02d}/{kind}" for index, kinds in enumerate(layers) for kind in kinds]
        for array, of_keras in zip(found.values(), expected, strict=True):
            np.testing.assert_array_equal(array, of_keras)
