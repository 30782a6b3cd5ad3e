"""Run by the python of the environment openl3: save seeded weights as the package's own network and Keras do.

python save_openl3_weights.py <input_repr> <arrays.npz, in the network's order> <output.h5>
"""

import sys

import h5py
import numpy as np
import openl3
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

input_repr, arrays, output = sys.argv[1:]
network = openl3.models.AUDIO_MODELS[input_repr](include_frontend=True)
with np.load(arrays) as stored:
    network.set_weights([stored[name] for name in stored.files])
with h5py.File(output, "w") as file:  # `save_weights` of Keras 3 no longer writes this format, but this part of it does
    save_weights_to_hdf5_group(file, network)
