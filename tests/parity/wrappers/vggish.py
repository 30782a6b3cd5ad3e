"""torchvggish 0.2 in its own way: a waveform to examples, its network on them, its post-processing where asked for.

It downloads weights when a network is made; here its parts are put together with the state dictionary that is given.
`weights_path` is the network's file; the post-processing's lies beside it, under the name that is given as `pca`.
"""

import sys
import types

import numpy as np
import torch

RATE_HZ = 16_000


class Torchvggish:
    """What `torchvggish.vggish()` returns, behind its own front end."""

    def __init__(self, network, waveform_to_examples):
        self._network, self._waveform_to_examples = network, waveform_to_examples

    def embed(self, batch):
        """Return (1, examples, 128) of a batch of one clip at 16 kHz."""
        with torch.no_grad():
            embedding = self._network(self._waveform_to_examples(batch[0].astype(np.float64), RATE_HZ))
        return embedding.numpy().reshape(1, -1, 128)


def load(weights_path, options, device, precision):
    """Return the published network with the weights; `options` has `pca`, and `postprocess` and `final_relu`."""
    sys.modules.setdefault("resampy", types.ModuleType("resampy"))  # imported, and not used at 16 kHz
    from torchvggish import torchvggish, vggish_input

    parameters = torch.load(weights_path.with_name(options["pca"]), weights_only=False)
    published_download = torchvggish.hub.load_state_dict_from_url
    torchvggish.hub.load_state_dict_from_url = lambda address, **more: parameters
    try:
        network = torchvggish.VGG(torchvggish.make_layers(), options["postprocess"])
    finally:
        torchvggish.hub.load_state_dict_from_url = published_download
    network.load_state_dict(torch.load(weights_path, weights_only=True))
    if not options["final_relu"]:
        del network.embeddings[-1]
    return Torchvggish(network.eval(), vggish_input.waveform_to_examples)
