"""The audio network of OpenL3 0.4 in PyTorch, its batch normalisations folded into the convolutions.

Cramer, Wu, Salamon and Bello, "Look, listen, and learn more", ICASSP 2019. Convolutions of 3 x 3 over (bands, frames):
twice 64, 128 and 256 channels, each pair followed by a maximum over 2 x 2, then twice 512. Every convolution but the
last is followed by a batch normalisation (epsilon 1e-3) and a ReLU; the spectrogram is normalised, too. The embedding
is the maximum of the last convolution over a few large fields (512 values for one field a window, 6144 for twelve).

The maximum is taken before the ReLU, which changes nothing and leaves it a quarter of the work. The normalisation of
the spectrogram is not folded: a convolution's zeros at the border stand for its result, not for its input.
"""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

CHANNELS = (1, 64, 64, 128, 128, 256, 256, 512, 512)
"""Of the spectrogram, then after each convolution."""
POOLED = (1, 3, 5)
"""Convolutions that a maximum over 2 x 2 follows, counted from 0."""
FIELDS = {
    "linear": {512: (32, 24), 6144: (8, 8)},
    "mel128": {512: (16, 24), 6144: (4, 8)},
    "mel256": {512: (32, 24), 6144: (8, 8)},
}
"""Size (bands, frames) of the fields whose maximum is the embedding, by input and by number of values."""
EPSILON = 1e-3
CONVOLUTIONS = len(CHANNELS) - 1


class Openl3Network(nn.Module):
    """From spectrograms `(windows, bands, frames)` in decibels to embeddings `(windows, embedding_size)`.

    The first convolution is always computed in the spectrogram's own precision, the others in `dtype`.
    """

    def __init__(self, published: Mapping[str, torch.Tensor], field: tuple[int, int], dtype: torch.dtype) -> None:
        super().__init__()
        self.field = field
        self.dtype = dtype
        scale, offset = _normalisation(published, 0)
        self.register_buffer("scale", scale)
        self.register_buffer("offset", offset)
        for index in range(CONVOLUTIONS):
            weight, bias = _folded(published, index)
            self.register_buffer(f"weight_{index}", weight.contiguous(memory_format=torch.channels_last))
            self.register_buffer(f"bias_{index}", bias)

    def forward(self, decibels: torch.Tensor) -> torch.Tensor:
        """Return embeddings in the precision of the spectrogram; an embedding's order is (band, frame, channel)."""
        signal = self._first(decibels * self.scale + self.offset).relu_().to(self.dtype)
        for index in range(1, CONVOLUTIONS):
            signal = functional.conv2d(
                signal, getattr(self, f"weight_{index}"), getattr(self, f"bias_{index}"), padding=1
            )
            if index in POOLED:
                signal = functional.max_pool2d(signal, 2)
            if index < CONVOLUTIONS - 1:
                signal = signal.relu_()
        fields = functional.max_pool2d(signal, self.field)
        return fields.permute(0, 2, 3, 1).flatten(1).to(decibels.dtype)

    def _first(self, normalised: torch.Tensor) -> torch.Tensor:
        """Return the first convolution as a product with 3 x 3 patches: its one channel suits no faster way."""
        patches = functional.pad(normalised, (1, 1, 1, 1)).unfold(1, 3, 1).unfold(2, 3, 1).flatten(3)
        return functional.linear(patches, self.weight_0.flatten(1), self.bias_0).permute(0, 3, 1, 2)


def network_of(
    published: Mapping[str, torch.Tensor], input_repr: str, embedding_size: int, precision: str
) -> Openl3Network:
    """Return the network with published weights (as `published_shapes` names them) in its fastest form.

    Folding is done in float64 and rounded once.
    """
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    exact = {name: tensor.double() for name, tensor in published.items()}
    network = Openl3Network(exact, FIELDS[input_repr][embedding_size], dtype).float()
    for index in range(1, CONVOLUTIONS):
        for kind in ("weight", "bias"):
            setattr(network, f"{kind}_{index}", getattr(network, f"{kind}_{index}").to(dtype))
    return network.eval()


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the official file's weights: layers numbered in its order, Keras's layout.

    Even layers are batch normalisations, the first of the spectrogram; odd ones convolutions (rows, columns, in, out).
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for index, channels in enumerate(CHANNELS[:-1]):
        kinds = ("gamma", "beta", "moving_mean", "moving_variance")
        shapes |= {f"{2 * index:02d}/{kind}": (channels,) for kind in kinds}
        shapes[f"{2 * index + 1:02d}/kernel"] = (3, 3, channels, CHANNELS[index + 1])
        shapes[f"{2 * index + 1:02d}/bias"] = (CHANNELS[index + 1],)
    return shapes


def _normalisation(published: Mapping[str, torch.Tensor], layer: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `scale` and `offset` with which the batch normalisation of a layer is `scale * x + offset`."""
    gamma, beta, mean, variance = (
        published[f"{layer:02d}/{kind}"] for kind in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    scale = gamma / torch.sqrt(variance + EPSILON)
    return scale, beta - mean * scale


def _folded(published: Mapping[str, torch.Tensor], index: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight `(out, in, 3, 3)` and bias of a convolution together with the normalisation that follows it."""
    layer = 2 * index + 1
    weight, bias = published[f"{layer:02d}/kernel"].permute(3, 2, 0, 1), published[f"{layer:02d}/bias"]
    if index == CONVOLUTIONS - 1:
        return weight, bias
    scale, offset = _normalisation(published, layer + 1)
    return weight * scale[:, None, None, None], bias * scale + offset
