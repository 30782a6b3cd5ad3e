"""PANNs (Kong et al., 2020): Cnn14 and MobileNetV1, trained on AudioSet, without the package panns-inference.

The published package embeds a whole clip at once. The option `window_s` cuts clips into windows that go through the
network one by one, as if each were a clip: with MobileNetV1 and windows of about a second, the frames are a
neuralogram (Verma, Chafe and Berger, 2019).
"""

from pathlib import Path

import numpy as np
import torch

from embedshift.errors import UserError
from embedshift.models.base import Adapter
from embedshift.models.panns_log_mel import SAMPLE_RATE_HZ, STORED_SHAPES, LogMel, check_stored_front_end
from embedshift.models.panns_networks import FoldedNetwork, published_shapes
from embedshift.models.strict_state import read_strictly

MINIMUM_SAMPLES = 9920
"""Shorter clips leave nothing to the last layers: five poolings by two need 32 frames."""
SECONDS_AT_ONCE = {"cpu": 24, "cuda": 960}
"""Audio in one pass: more leaves a processor's caches, or fills a GPU's memory, and gains nothing."""


class PannsAdapter(Adapter):
    """One network and one layer of it; a frame is the whole clip, or a window."""

    sample_rate_hz = SAMPLE_RATE_HZ

    def __init__(self, network: FoldedNetwork, window: int | None, hop: int | None, device: str) -> None:
        """Take windows of `window` samples every `hop`, or the whole clip where they are None."""
        super().__init__()
        self.dim = self.frame_dim = network.dim
        self.frame_hop_s = hop / SAMPLE_RATE_HZ if window else None
        self.minimum_samples = window or MINIMUM_SAMPLES
        rest = ", a rest at the end that fills no window dropped" if window else ""
        self.length_rule = (
            f"any length from {self.minimum_samples} samples ({self.minimum_samples / SAMPLE_RATE_HZ:g} s){rest}; "
            "shorter clips are repeated from their start up to that"
        )
        self._network, self._log_mel = network, LogMel(device)
        self._window, self._hop, self._device = window, hop, device

    @torch.inference_mode()
    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, windows, dim)`; one window where whole clips are asked for."""
        samples = torch.from_numpy(batch).to(self._device)
        windows = samples.unfold(1, self._window, self._hop) if self._window else samples[:, None]
        seconds = windows.shape[2] / SAMPLE_RATE_HZ
        pieces = windows.flatten(0, 1).split(max(1, int(SECONDS_AT_ONCE[samples.device.type] / seconds)))
        embedded = torch.cat([self._network(self._log_mel(piece)) for piece in pieces])
        return embedded.reshape(*windows.shape[:2], self.dim).cpu().numpy()


def load(weights: Path | None, options: dict[str, object], device: str, precision: str) -> PannsAdapter:
    """Return the adapter of `options` network, layer, window_s and hop_s with its `weights` (safetensors) on `device`.

    Raises
    ------
    UserError
        If the weights are not there or not those of the network, if they were trained with another front end, or if
        hop_s is given without window_s.
    """
    window, hop = _samples_of(options["window_s"], "clip"), _samples_of(options["hop_s"], "window")
    if hop and not window:
        raise UserError(
            f"panns: hop_s is {options['hop_s']}, but window_s is clip, so there are no windows that could be so far "
            "apart. Give window_s a length in seconds, or leave hop_s out."
        )
    tensors = read_strictly(weights, published_shapes(options["network"]) | STORED_SHAPES)
    check_stored_front_end(tensors, weights)
    network = FoldedNetwork(options["network"], options["layer"], tensors).eval()
    if precision == "bfloat16":
        network.round_to_bfloat16()
    return PannsAdapter(network.to(device), window, hop or window, device)


def _samples_of(seconds: float | str, word: str) -> int | None:
    """Return a length in samples, None for the word that stands for none."""
    return None if seconds == word else round(float(seconds) * SAMPLE_RATE_HZ)
