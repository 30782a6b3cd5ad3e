"""Weights that Keras saved as HDF5: the groups and attributes of `save_weights` (keras.io, "Serialization and saving").

A layer's place in the file counts, not its name: Keras numbers names through all models of a session.
"""

from pathlib import Path
from typing import Any

import numpy as np

from embedshift.errors import UserError

KINDS = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


def read_keras_h5(path: str | Path) -> dict[str, np.ndarray]:
    """Return the arrays of a Keras HDF5 file as `{"00/gamma": ..., "01/kernel": ...}`, layers in the file's order.

    Only layers that have weights are counted. A whole model (`model.save`) is read as well as weights alone.

    Raises
    ------
    UserError
        If it is no such file, is cut short, or holds other kinds of weights: the trained spectrograms of OpenL3
        before 0.4 among them, whose numbers are others.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            names = [_text(name) for name in root.attrs["layer_names"]]
            layers = [(name, _read_layer(root[name])) for name in names]
    except (OSError, KeyError, RuntimeError) as error:
        raise UserError(
            f"{path} is not a whole HDF5 file of Keras weights (expected: `layer_names`, and in the group of each "
            f"layer `weight_names`): {error}."
        ) from error
    layers = [(name, weights) for name, weights in layers if weights]
    _require_known_kinds(path, layers)
    return {f"{index:02d}/{kind}": array for index, (_, weights) in enumerate(layers) for kind, array in weights}


def _read_layer(group: Any) -> list[tuple[str, np.ndarray]]:
    """Return `(kind, array)` for each weight of a layer: `conv2d_3/conv2d_3/kernel:0` is of the kind kernel."""
    names = [_text(name) for name in group.attrs["weight_names"]]
    return [(name.rpartition("/")[2].partition(":")[0], np.asarray(group[name])) for name in names]


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _require_known_kinds(path: str | Path, layers: list[tuple[str, list[tuple[str, np.ndarray]]]]) -> None:
    for name, weights in layers:
        strange = [kind for kind, _ in weights if kind not in KINDS]
        if strange and "spectrogram" in name.lower():
            raise UserError(
                f"{path} is of an old version: its layer {name} stores a spectrogram ({', '.join(strange)}), as OpenL3 "
                "0.2 and 0.3 did. Their embeddings differ from those of 0.4. Use the file of version 0.4 or newer."
            )
        if strange:
            raise UserError(
                f"{path}: the layer {name} holds {', '.join(strange)}; known kinds are {', '.join(KINDS)}. "
                "Is it the file of another model?"
            )
    if not layers:
        raise UserError(f"{path} holds no weights at all.")
