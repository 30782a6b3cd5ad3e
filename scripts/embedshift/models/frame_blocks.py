"""Long clips through a convolutional encoder block by block, with the numbers of the whole clip.

A frame depends on a stretch of samples only (Araujo, Norris and Sim, Computing receptive fields of convolutional
neural networks, Distill, 2019). A block is encoded together with the neighbouring frames that its own frames reach,
and those are dropped: memory is bounded, and no number changes beyond rounding.
"""

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn


def reach_of(network: nn.Module, hop: int) -> tuple[int, int]:
    """Return how many frames before and after its own the samples lie that a frame depends on.

    Parameters
    ----------
    network : its convolutions follow one another in the order of its modules; each states the zeros or reflections put
        before its input as `padding_before`, or else pads both sides alike
    hop : samples a frame
    """
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv1d)]
    first = last = 0
    for layer in reversed(convolutions):
        before = getattr(layer, "padding_before", layer.padding[0])
        first = first * layer.stride[0] - before
        last = last * layer.stride[0] - before + (layer.kernel_size[0] - 1) * layer.dilation[0]
    return math.ceil(-first / hop), math.ceil(max(last - hop + 1, 0) / hop)


def encode_in_blocks(
    encode: Callable[[torch.Tensor], torch.Tensor],
    signal: torch.Tensor,
    hop: int,
    reach: tuple[int, int],
    block_frames: int,
) -> torch.Tensor:
    """Return `encode(signal)` `(batch, dim, frames)` of `signal (batch, channels, samples)`, `block_frames` at a time.

    `encode` makes one frame of `hop` samples, and of a rest at the end.
    """
    frames = math.ceil(signal.shape[2] / hop)
    if frames <= block_frames:
        return encode(signal)
    return torch.cat(list(_blocks(encode, signal, hop, reach, block_frames)), dim=2)


def _blocks(
    encode: Callable[[torch.Tensor], torch.Tensor],
    signal: torch.Tensor,
    hop: int,
    reach: tuple[int, int],
    block_frames: int,
) -> Iterable[torch.Tensor]:
    frames = math.ceil(signal.shape[2] / hop)
    for start in range(0, frames, block_frames):
        first = max(start - reach[0], 0)
        stop = min(start + block_frames, frames)
        piece = signal[:, :, first * hop : (stop + reach[1]) * hop]
        yield encode(piece)[:, :, start - first : stop - first]
