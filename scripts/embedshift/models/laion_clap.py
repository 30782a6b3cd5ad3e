"""LAION-CLAP (Wu et al., ICASSP 2023): the audio tower, equal to laion-clap's, without that package.

A window is 10 s at 48 kHz. As published, a shorter clip is repeated as often as it fits whole and followed by zeros.
A longer clip, which the package crops at random, is cut into windows. The package also rounds samples to 16 bits;
here they stay as they are. The network is our own because importing the one in transformers takes longer than the
start-up of a job may.
"""

from pathlib import Path

import numpy as np
import torch

from embedshift.models.clap_audio import ClapAdapter
from embedshift.models.clap_weights import fill
from embedshift.models.laion_clap_network import CONSTANTS, DIM, AudioTower, published_shapes
from embedshift.models.strict_state import read_strictly

SAMPLE_RATE_HZ = 48_000
WINDOW = 480_000


class LaionClapAdapter(ClapAdapter):
    """One checkpoint; a frame is a window of 10 s, its embedding of norm one."""

    length_rule = (
        "windows of 10 s side by side, the last one moved back to end with the clip; shorter clips are repeated as "
        "often as they fit whole into 10 s, then zeros, as published"
    )

    def __init__(self, network: AudioTower, device: str) -> None:
        super().__init__(network, SAMPLE_RATE_HZ, WINDOW, DIM, device)

    def fit_length(self, samples: np.ndarray) -> np.ndarray:
        """Return mono `samples (n,)`, those shorter than a window repeated whole and followed by zeros."""
        if len(samples) == 0 or len(samples) >= WINDOW:
            return super().fit_length(samples)
        repeated = np.tile(samples, WINDOW // len(samples))
        return np.pad(repeated, (0, WINDOW - len(repeated)))


def load(weights: Path | None, options: dict[str, str], device: str, precision: str) -> LaionClapAdapter:
    """Return the adapter of `options` checkpoint with its `weights` (safetensors), text tower unread, on `device`.

    Raises
    ------
    UserError
        If the weights are not there or are not those of the checkpoint's networks.
    """
    checkpoint = options["checkpoint"]
    with torch.device("meta"):
        network = AudioTower(checkpoint)
    names = set(network.state_dict())
    tensors = read_strictly(weights, published_shapes(checkpoint), wanted=names.__contains__, constants=CONSTANTS)
    network = fill(network, tensors, device)
    network.audio_branch.prepare()
    if precision == "bfloat16":
        network.audio_branch.round_to_bfloat16()
    return LaionClapAdapter(network, device)
