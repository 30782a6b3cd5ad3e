"""Keras's HDF5 files, in the layouts that Keras 2 and Keras 3 write (tests/parity compares with Keras itself)."""

import h5py
import numpy as np
import pytest

from embedshift.errors import UserError
from embedshift.keras_h5 import read_keras_h5

BN = ("gamma", "beta", "moving_mean", "moving_variance")
LAYERS = [
    ("input_1", ()),
    ("batch_normalization_9", BN),
    ("conv2d_10", ("kernel", "bias")),  # sorts before conv2d_9 in nobody's sense but the alphabet's
    ("activation", ()),
    ("conv2d_9", ("kernel", "bias")),
]


def write(path, layers=LAYERS, rng=None, old=True, below=""):
    """Write a file of Keras 2 (`old`: byte strings, names with `:0`) or Keras 3; return the arrays in order."""
    rng = rng or np.random.default_rng(1)
    arrays = []
    with h5py.File(path, "w") as file:
        root = file.create_group(below) if below else file
        root.attrs["layer_names"] = [name.encode() if old else name for name, _ in layers]
        for name, kinds in layers:
            group = root.create_group(name)
            names = [f"{name}/{kind}:0" if old else f"model/{name}/{kind}" for kind in kinds]
            group.attrs["weight_names"] = [each.encode() if old else each for each in names]
            for each in names:
                arrays.append(rng.normal(size=(2, 3)).astype(np.float32))
                group[each] = arrays[-1]
    return arrays


@pytest.mark.parametrize("old", [True, False], ids=["Keras 2", "Keras 3"])
@pytest.mark.parametrize("below", ["", "model_weights"], ids=["weights", "model"])
def test_layers_come_in_the_order_of_the_file(tmp_path, old, below):
    arrays = write(tmp_path / "x.h5", old=old, below=below)
    found = read_keras_h5(tmp_path / "x.h5")
    expected = [f"00/{kind}" for kind in BN] + ["01/kernel", "01/bias", "02/kernel", "02/bias"]
    assert list(found) == expected
    for array, name in zip(arrays, expected, strict=True):
        np.testing.assert_array_equal(found[name], array)


def test_a_stored_spectrogram_means_an_old_version(tmp_path):
    write(tmp_path / "x.h5", [("melspectrogram_1", ("real_kernels", "imag_kernels", "freq2mel")), *LAYERS])
    with pytest.raises(UserError, match=r"x\.h5 is of an old version: its layer melspectrogram_1 .*0\.4"):
        read_keras_h5(tmp_path / "x.h5")


def test_other_layers_and_no_layers_are_refused(tmp_path):
    write(tmp_path / "x.h5", [("lstm", ("recurrent_kernel",))])
    with pytest.raises(UserError, match="the layer lstm holds recurrent_kernel"):
        read_keras_h5(tmp_path / "x.h5")
    write(tmp_path / "x.h5", [("input_1", ())])
    with pytest.raises(UserError, match="no weights at all"):
        read_keras_h5(tmp_path / "x.h5")


def test_a_cut_file_and_another_file_are_refused_by_name(tmp_path):
    write(tmp_path / "whole.h5")
    content = (tmp_path / "whole.h5").read_bytes()
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["samples"] = np.ones(3)
    for bad in (content[: len(content) // 2], content[:100], b"", b"<html>", (tmp_path / "other.h5").read_bytes()):
        (tmp_path / "x.h5").write_bytes(bad)
        with pytest.raises(UserError, match=r"x\.h5 is not a whole HDF5 file of Keras weights"):
            read_keras_h5(tmp_path / "x.h5")
