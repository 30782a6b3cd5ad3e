"""OpenL3 (Cramer et al., ICASSP 2019) without TensorFlow: the official weights of openl3 0.4 with its numbers.

A clip is cut into windows of one second, overlapping where `hop_s` is less; a frame is a window's embedding. On a CPU
the windows pass the network one by one: as fast as together, because what is between two layers then stays in the
cache, and a clip's embedding is the same, bit for bit, alone and in a batch.

In bfloat16 all convolutions but the first are rounded; the spectrogram and its normalisation are not. The cosine to
float32 is 0.99999, but embeddings of different clips are alike to 0.995 and more with seeded weights: what sets them
apart (a clip's embedding less the mean of all) keeps a cosine of 0.995 to 0.999 only.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from embedshift.models.base import Adapter
from embedshift.models.openl3_network import Openl3Network, network_of, published_shapes
from embedshift.models.openl3_spectrogram import SAMPLE_RATE_HZ, Spectrogram, cut_windows, hop_samples
from embedshift.models.strict_state import read_strictly

WINDOWS_AT_ONCE = {"cpu": 1, "cuda": 128}


class Openl3Adapter(Adapter):
    """One network; a frame is one window of a second."""

    sample_rate_hz = SAMPLE_RATE_HZ
    length_rule = "any length; zeros before (center) and after complete the windows of one second, as published"

    def __init__(self, spectrogram: Spectrogram, network: Openl3Network, options: dict[str, Any], device: str) -> None:
        super().__init__()
        self.dim = self.frame_dim = options["embedding_size"]
        self.frame_hop_s = hop_samples(options["hop_s"]) / SAMPLE_RATE_HZ
        self._hop = hop_samples(options["hop_s"])
        self._center = options["center"]
        self._spectrogram = spectrogram
        self._network = network
        self._device = device
        self._windows_at_once = WINDOWS_AT_ONCE[torch.device(device).type]

    @torch.inference_mode()
    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, windows, dim)`."""
        windows = cut_windows(torch.from_numpy(batch).to(self._device), self._hop, self._center)
        clips_at_once = max(1, self._windows_at_once // windows.shape[1])
        blocks = [
            block.flatten(0, 1)
            for clips in windows.split(clips_at_once)
            for block in clips.split(self._windows_at_once, dim=1)
        ]
        embedded = torch.cat([self._network(self._spectrogram(block)) for block in blocks])
        return embedded.reshape(*windows.shape[:2], self.dim).cpu().numpy()


def load(weights: Path | None, options: dict[str, Any], device: str, precision: str) -> Openl3Adapter:
    """Return the adapter of `options` input_repr, embedding_size, hop_s and center with its `weights` on `device`.

    Raises
    ------
    UserError
        If the weights are not there or are not those of the network.
    """
    input_repr = options["input_repr"]
    tensors = read_strictly(weights, published_shapes())
    network = network_of(tensors, input_repr, options["embedding_size"], precision).to(device)
    return Openl3Adapter(Spectrogram(input_repr, device), network, options, device)
