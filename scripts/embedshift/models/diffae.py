"""The encoder of the diffusion autoencoder published with audio-algebra: 64 latents, each between -1 and 1.

The latents of study C (Hawley and Steinmetz, AES Europe 2023) come from a model of this shape; their own checkpoint is
not public, this one is a relative. The encoder is that of SoundStream (Zeghidour et al., 2021) with six residual units
a block: causal convolutions without normalisation, ELU between all layers, tanh at the end. Of the published file, a
Lightning checkpoint of the class DiffusionDVAE, only the averaged weights `encoder_ema` are used: those with which the
published code encodes. The diffusion decoder is left out when the file is converted.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from embedshift.models.frame_blocks import encode_in_blocks, reach_of
from embedshift.models.frame_codec import BLOCK_S, FrameCodec
from embedshift.models.strict_state import read_strictly

SAMPLE_RATE_HZ = 48_000
CHANNELS = 2
WIDTHS = (32, 64, 128, 256, 512, 1024)
STRIDES = (4, 4, 2, 2, 2)
DILATIONS = (1, 3, 9, 1, 3, 9)
HOP = 128
LATENT_DIM = 64
PREFIX = "encoder_ema."


class CausalConvolution(nn.Conv1d):
    """A convolution that sees nothing later: all the zeros are put before the signal."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(channels_in, channels_out, kernel, stride, dilation=dilation)
        self.padding_before = (kernel - 1) * dilation

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return `(batch, channels_out, time / stride)`, a rest rounded up."""
        return super().forward(functional.pad(signal, (self.padding_before, 0)))


class ResidualUnit(nn.Module):
    """A dilated convolution, ELU and a convolution of one sample; the input is added."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            CausalConvolution(channels, channels, 7, dilation=dilation),
            nn.ELU(inplace=True),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return `(batch, channels, time)`."""
        return self.layers(signal).add_(signal)


class Block(nn.Module):
    """Six residual units with ELU after each, then a convolution that takes every `stride`-th sample."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        units = [part for rate in DILATIONS for part in (ResidualUnit(channels_in, rate), nn.ELU(inplace=True))]
        self.layers = nn.Sequential(*units, CausalConvolution(channels_in, channels_out, 2 * stride, stride))

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return `(batch, channels_out, time / stride)`."""
        return self.layers(signal)


class Encoder(nn.Module):
    """The whole encoder up to tanh: `(batch, 2, samples)` to `(batch, 64, samples / 128)`."""

    def __init__(self) -> None:
        super().__init__()
        sizes = zip(WIDTHS[:-1], WIDTHS[1:], STRIDES, strict=True)
        blocks = [part for size in sizes for part in (Block(*size), nn.ELU(inplace=True))]
        first, last = CausalConvolution(CHANNELS, WIDTHS[0], 7), CausalConvolution(WIDTHS[-1], LATENT_DIM, 3)
        self.layers = nn.Sequential(first, nn.ELU(inplace=True), *blocks, last)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return the latents before tanh."""
        return self.layers(signal)


class DiffAe(FrameCodec):
    """The encoder on mono put into both channels; a frame is 128 samples."""

    def __init__(self, network: Encoder, device: str) -> None:
        self._network = network
        self._blocks = (HOP, reach_of(network, HOP), round(BLOCK_S * SAMPLE_RATE_HZ / HOP))
        super().__init__(self.encode, SAMPLE_RATE_HZ, HOP, LATENT_DIM, device, channels=CHANNELS)

    def encode(self, signal: torch.Tensor) -> torch.Tensor:
        """Return the latents `(batch, 64, frames)` of `signal (batch, 2, samples)`, whole frames."""
        return encode_in_blocks(self._network, signal, *self._blocks).tanh_()


def load(weights: Path | None, options: dict[str, str], device: str, precision: str) -> DiffAe:
    """Return the adapter with its `weights` (safetensors) on `device`.

    Raises
    ------
    UserError
        If the weights are not there or are not those of the network.
    """
    with torch.device("meta"):
        network = Encoder()
    tensors = read_strictly(weights, published_shapes(network))
    network.load_state_dict({name.removeprefix(PREFIX): value for name, value in tensors.items()}, assign=True)
    return DiffAe(network.eval().to(device), device)


def published_shapes(network: Encoder) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the averaged encoder's published weights."""
    return {PREFIX + name: tuple(value.shape) for name, value in network.state_dict().items()}
