"""The convolutional encoder that the Descript Audio Codec and the Stable Audio VAE share, with snake activations.

Kumar et al., High-Fidelity Audio Compression with Improved RVQGAN, NeurIPS 2023: a convolution, blocks of three
residual units (dilations 1, 3, 9) and a strided convolution, a last convolution. Modules are named as in the published
checkpoints of both.
"""

import math

import torch
from torch import nn

DILATIONS = (1, 3, 9)
SMALLEST = 1e-9


class Snake(nn.Module):
    """x + gain sin(alpha x) squared (Liu, Hartwig and Ueda, NeurIPS 2020), a pair of values a channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(1, channels, 1))
        self.gain = nn.Parameter(torch.empty(1, channels, 1))

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return the activated `signal (batch, channels, time)`, which stays as it is."""
        return torch.addcmul(signal, self.gain, (signal * self.alpha).sin_().square_())


class ResidualUnit(nn.Module):
    """Snake, dilated convolution, snake, convolution of one sample; the input is added."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.snake1 = Snake(channels)
        self.conv1 = nn.Conv1d(channels, channels, 7, dilation=dilation, padding=3 * dilation)
        self.snake2 = Snake(channels)
        self.conv2 = nn.Conv1d(channels, channels, 1)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return `(batch, channels, time)`."""
        return self.conv2(self.snake2(self.conv1(self.snake1(signal)))).add_(signal)


class Block(nn.Module):
    """Three residual units, then a convolution that takes every `stride`-th sample."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.res_unit1, self.res_unit2, self.res_unit3 = (ResidualUnit(channels_in, rate) for rate in DILATIONS)
        self.snake1 = Snake(channels_in)
        self.conv1 = nn.Conv1d(channels_in, channels_out, 2 * stride, stride, padding=math.ceil(stride / 2))

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return `(batch, channels_out, time / stride)`."""
        return self.conv1(self.snake1(self.res_unit3(self.res_unit2(self.res_unit1(signal)))))


class SnakeEncoder(nn.Module):
    """The whole encoder: `(batch, channels_in, samples)` to `(batch, dim, samples / product of the strides)`.

    Parameters
    ----------
    widths : channels before the first block and after each
    strides : one a block
    """

    def __init__(self, channels_in: int, widths: tuple[int, ...], strides: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(channels_in, widths[0], 7, padding=3)
        pairs = zip(widths[:-1], widths[1:], strides, strict=True)
        self.block = nn.Sequential(*(Block(*pair) for pair in pairs))
        self.snake1 = Snake(widths[-1])
        self.conv2 = nn.Conv1d(widths[-1], dim, 3, padding=1)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return the latents of `signal`, whose length is a whole number of frames."""
        return self.conv2(self.snake1(self.block(self.conv1(signal))))
