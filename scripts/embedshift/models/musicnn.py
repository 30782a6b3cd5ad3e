"""musicnn (Pons and Serra, 2019) without TensorFlow: the four checkpoints of musicnn 0.1.0, with the published numbers.

The published log mel spectrogram (musicnn_log_mel) is cut into patches of 187 frames (3 s) that do not overlap, and
each goes through the network by itself: on a CPU the embedding of a clip is the same, bit for bit, alone and in a
batch, and every layer is within 1e-4 of the published package's. On a GPU the spectrogram is rounded otherwise in a
few bands, and max_pool moves by up to 5e-4, other layers by less than 1e-4.
"""

from pathlib import Path

import numpy as np
import torch

from embedshift.models.base import Adapter
from embedshift.models.musicnn_log_mel import HOP, N_MELS, SAMPLE_RATE_HZ, log_mel_on_gpu, published_log_mel
from embedshift.models.musicnn_networks import Musicnn, Vgg, load_published, published_shapes
from embedshift.models.strict_state import read_strictly

PATCH_FRAMES = 187
DIMS = {"penultimate": 200, "mean_pool": 753, "max_pool": 753, "taggram": 50, "pool5": 256}
# one by one on the CPU: as fast as in batches, and bit for bit the same whatever the batch
PATCHES_AT_ONCE = {"cpu": 1, "cuda": 256}


class MusicnnAdapter(Adapter):
    """One checkpoint and one layer of it; a frame is a patch of 187 mel frames."""

    sample_rate_hz = SAMPLE_RATE_HZ
    frame_hop_s = PATCH_FRAMES * HOP / SAMPLE_RATE_HZ
    minimum_samples = (PATCH_FRAMES - 1) * HOP
    length_rule = (
        f"patches of {PATCH_FRAMES} frames (2.992 s) side by side, a rest at the end dropped as published; "
        f"clips shorter than {minimum_samples} samples (2.976 s) are repeated up to that"
    )

    def __init__(self, network: torch.nn.Module, layer: str, device: str) -> None:
        super().__init__()
        self.dim = self.frame_dim = DIMS[layer]
        self._network = network
        self._device = device

    @torch.inference_mode()
    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, patches, dim)`."""
        return self.embed_log_mel(self.log_mel(batch))

    def log_mel(self, batch: np.ndarray) -> torch.Tensor:
        """Return the published log mel spectrograms `(batch, frames, 96)` float32, on the network's device."""
        if torch.device(self._device).type == "cpu":
            return torch.from_numpy(np.stack([published_log_mel(samples) for samples in batch]))
        return log_mel_on_gpu(torch.from_numpy(batch).to(self._device))

    def embed_log_mel(self, log_mel: torch.Tensor) -> np.ndarray:
        """Return the embeddings `(batch, patches, dim)` of a log mel spectrogram `(batch, frames, 96)`."""
        patches = log_mel.shape[1] // PATCH_FRAMES
        stacked = log_mel[:, : patches * PATCH_FRAMES].reshape(-1, PATCH_FRAMES, N_MELS)
        with torch.inference_mode():
            blocks = stacked.split(PATCHES_AT_ONCE[torch.device(self._device).type])
            embedded = torch.cat([self._network(block) for block in blocks])
        return embedded.reshape(len(log_mel), patches, self.dim).cpu().numpy()


def load(weights: Path | None, options: dict[str, str], device: str, precision: str) -> MusicnnAdapter:
    """Return the adapter of `options` checkpoint and layer with its `weights` (safetensors) on `device`.

    Raises
    ------
    UserError
        If the weights are not there or are not those of the network.
    """
    kind = Vgg if options["checkpoint"].endswith("vgg") else Musicnn
    network = kind(options["layer"])
    load_published(network, read_strictly(weights, published_shapes(network)))
    if precision == "bfloat16":
        network.round_to_bfloat16()
    return MusicnnAdapter(network.to(device), options["layer"], device)
