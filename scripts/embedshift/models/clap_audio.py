"""What the audio towers of both CLAPs share: windows of one length, whole clips, and strictly read weights.

The published packages look at one window of fixed length and crop a longer clip at random. Here a longer clip is cut
into windows side by side, and the last one, where it does not come out even, is moved back to end with the clip. Each
window is a frame.
"""

import numpy as np
import torch
from torch import nn

from embedshift.models.base import Adapter
from embedshift.models.windows import window_starts

# few enough windows on the CPU to stay in the caches; on a GPU as many as a batch brings
WINDOWS_AT_ONCE = {"cpu": 4, "cuda": 256}


class ClapAdapter(Adapter):
    """An audio tower: `network` maps samples `(windows, window)` to embeddings `(windows, dim)` on `device`."""

    def __init__(self, network: nn.Module, sample_rate_hz: int, window: int, dim: int, device: str) -> None:
        super().__init__()
        self.sample_rate_hz = sample_rate_hz
        self.minimum_samples = window
        self.frame_hop_s = window / sample_rate_hz
        self.dim = self.frame_dim = dim
        self._network = network
        self._device = device
        self._windows_at_once = WINDOWS_AT_ONCE[torch.device(device).type]

    @torch.inference_mode()
    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, windows, dim)`."""
        starts = window_starts(batch.shape[1], self.minimum_samples)
        windows = [samples[start : start + self.minimum_samples] for samples in batch for start in starts]
        blocks = [windows[i : i + self._windows_at_once] for i in range(0, len(windows), self._windows_at_once)]
        embedded = [self._network(torch.from_numpy(np.stack(block)).to(self._device)) for block in blocks]
        return torch.cat(embedded).float().reshape(len(batch), len(starts), self.dim).cpu().numpy()
