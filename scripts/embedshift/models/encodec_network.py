"""The encoder of EnCodec (Défossez et al., TMLR 2023), layers named as in facebook/encodec_24khz and _48khz.

A convolution; four blocks of a residual unit, ELU and a strided convolution; two LSTM layers; ELU; a convolution. The
model at 24 kHz is causal with normalised weights; that at 48 kHz looks to both sides and normalises the activations of
each layer over channels and time. All convolutions reflect the signal at its borders.
"""

import torch
from torch import nn
from torch.nn import functional

WIDTH = 32
STRIDES = (2, 4, 5, 8)
HOP = 320
LATENT_DIM = 128
LSTM_LAYERS = 2


class ReflectingConvolution(nn.Module):
    """A convolution over a reflected signal; a rest at the end that is shorter than the stride still makes an output.

    Parameters
    ----------
    two_sided : looks as far ahead as back and has a group normalisation; else it looks back only and has none
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, *, two_sided: bool) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels_in, channels_out, kernel, stride)
        self.norm = nn.GroupNorm(1, channels_out) if two_sided else nn.Identity()
        self.after = (kernel - stride) // 2 if two_sided else 0
        self.conv.padding_before = kernel - stride - self.after

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return `(batch, channels_out, time / stride)`, a rest rounded up."""
        rest = -signal.shape[2] % self.conv.stride[0]
        return self.norm(self.conv(reflect(signal, self.conv.padding_before, self.after + rest)))


def reflect(signal: torch.Tensor, before: int, after: int) -> torch.Tensor:
    """Return `signal (batch, channels, time)` reflected at its ends; one too short gets zeros behind it first."""
    if before == after == 0:
        return signal
    missing = max(before, after) + 1 - signal.shape[2]
    if missing > 0:
        return reflect(functional.pad(signal, (0, missing)), before, after)[:, :, :-missing]
    # put together from pieces: on a CPU several times as fast as torch's own reflection
    head, tail = signal[:, :, 1 : before + 1].flip(2), signal[:, :, signal.shape[2] - after - 1 : -1].flip(2)
    return torch.cat([head, signal, tail], dim=2)


class ResidualUnit(nn.Module):
    """Two convolutions by way of half the channels, and one of one sample beside them."""

    def __init__(self, channels: int, two_sided: bool) -> None:
        super().__init__()
        narrow = ReflectingConvolution(channels, channels // 2, 3, two_sided=two_sided)
        wide = ReflectingConvolution(channels // 2, channels, 1, two_sided=two_sided)
        self.block = nn.Sequential(nn.ELU(), narrow, nn.ELU(inplace=True), wide)
        self.shortcut = ReflectingConvolution(channels, channels, 1, two_sided=two_sided)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return `(batch, channels, time)`."""
        return self.block(signal).add_(self.shortcut(signal))


class Recurrence(nn.Module):
    """LSTM layers over time; the input is added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, LSTM_LAYERS)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return `(batch, channels, time)`."""
        steps = signal.permute(2, 0, 1)
        return (self.lstm(steps)[0] + steps).permute(1, 2, 0)


class EncodecEncoder(nn.Module):
    """The whole encoder; `convolve` and `recur` are its parts before and from the LSTM."""

    def __init__(self, channels_in: int, two_sided: bool) -> None:
        super().__init__()
        parts: list[nn.Module] = [ReflectingConvolution(channels_in, WIDTH, 7, two_sided=two_sided)]
        width = WIDTH
        for stride in STRIDES:
            down = ReflectingConvolution(width, 2 * width, 2 * stride, stride, two_sided=two_sided)
            parts += [ResidualUnit(width, two_sided), nn.ELU(inplace=True), down]
            width *= 2
        self.recurrent_from = len(parts)
        last = ReflectingConvolution(width, LATENT_DIM, 7, two_sided=two_sided)
        self.layers = nn.Sequential(*parts, Recurrence(width), nn.ELU(inplace=True), last)

    def convolve(self, signal: torch.Tensor) -> torch.Tensor:
        """Return what the LSTM takes, `(batch, 512, frames)`, of `signal (batch, channels, samples)`."""
        return self.layers[: self.recurrent_from](signal)

    def recur(self, features: torch.Tensor) -> torch.Tensor:
        """Return the latents `(batch, 128, frames)` of what `convolve` returned."""
        return self.layers[self.recurrent_from :](features)
