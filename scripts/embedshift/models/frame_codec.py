"""What the adapters of neural codecs share: mono in, as many channels as the codec has, zeros up to a whole frame."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from embedshift.models.base import Adapter

BLOCK_S = 10.0
"""Longer clips are encoded in blocks: 44.1 kHz and 64 channels make 110 MB of 10 s, several times over."""


class FrameCodec(Adapter):
    """A codec's encoder as an adapter; a frame is one latent vector.

    Parameters
    ----------
    encode : from `(batch, channels, samples)` on `device` to latents `(batch, dim, frames)`
    hop : samples a frame; a rest is filled up with zeros, unless `fill` says that the encoder does so itself
    channels : each gets the same mono signal
    """

    length_rule = "any length; zeros at the end up to a whole frame, as published"

    def __init__(
        self,
        encode: Callable[[torch.Tensor], torch.Tensor],
        sample_rate_hz: int,
        hop: int,
        dim: int,
        device: str,
        channels: int = 1,
        fill: bool = True,
    ) -> None:
        super().__init__()
        self.sample_rate_hz = sample_rate_hz
        self.dim = self.frame_dim = dim
        self.frame_hop_s = hop / sample_rate_hz
        self._encode = encode
        self._device = device
        self._channels = channels
        self._fill = hop if fill else 1

    @torch.inference_mode()
    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, frames, dim)`; on a CPU clip by clip, so that no bit depends on the batch."""
        mono = torch.from_numpy(batch).to(self._device)[:, None]
        signal = functional.pad(mono, (0, -mono.shape[2] % self._fill)).expand(-1, self._channels, -1)
        clips = signal.split(1) if signal.device.type == "cpu" else [signal]
        return torch.cat([self._encode(clip) for clip in clips]).transpose(1, 2).cpu().numpy()
