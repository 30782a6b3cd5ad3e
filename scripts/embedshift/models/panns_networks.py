"""The networks of PANNs (Kong et al., 2020) in PyTorch: Cnn14 and MobileNetV1, folded for running.

Both take a log mel spectrogram, normalise each band, and end alike: mean over frequency, maximum plus mean over time,
a dense layer with ReLU (the embedding), a dense layer with sigmoid (527 classes of AudioSet). Between them stand
convolutions without bias, each followed by batch normalisation (epsilon 1e-5) and ReLU. Cnn14 has six pairs of them,
with average-pooling by two after the ReLU of the first five; MobileNetV1 has a convolution and thirteen pairs of a
depthwise and a pointwise one, where average-pooling by two stands between convolution and normalisation.

Folded means: the normalisation is multiplied into the convolution before it. Average-pooling directly behind a 3 x 3
convolution makes it a 4 x 4 convolution with stride 2; that is how MobileNetV1's are run.

In bfloat16 only the later convolutions (`FIRST_ROUNDED`) are computed with rounded numbers. The earlier ones, whose
rounding each layer behind them would enlarge, and the dense layers stay in float32: the cosine to float32 has to stay
above 0.9999 for noise and silence between notes, too, not only for dense music.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

N_CLASSES = 527
N_MELS = 64
EPSILON = 1e-5
CNN14_WIDTHS = (1, 64, 128, 256, 512, 1024, 2048)
MOBILENET_WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
MOBILENET_POOLED = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
NORMALISATION_PARTS = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class Layer:
    """One convolution as published: its name, its normalisation's name, and what surrounds it.

    `pool` averages before the normalisation, `pool_after` behind the ReLU.
    """

    name: str
    normalisation: str
    channels_in: int
    channels_out: int
    kernel: int = 3
    groups: int = 1
    pool: int = 1
    pool_after: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the published kernel."""
        return (self.channels_out, self.channels_in // self.groups, self.kernel, self.kernel)


def _cnn14_layers() -> list[Layer]:
    layers = []
    for block in range(1, 7):
        before, width = CNN14_WIDTHS[block - 1 : block + 1]
        place = f"conv_block{block}"
        layers.append(Layer(f"{place}.conv1", f"{place}.bn1", before, width))
        layers.append(Layer(f"{place}.conv2", f"{place}.bn2", width, width, pool_after=2 if block < 6 else 1))
    return layers


def _mobilenet_layers() -> list[Layer]:
    layers = [Layer("features.0.0", "features.0.2", 1, MOBILENET_WIDTHS[0], pool=2)]
    for index, pool in enumerate(MOBILENET_POOLED, start=1):
        before, width = MOBILENET_WIDTHS[index - 1 : index + 1]
        place = f"features.{index}"
        layers.append(Layer(f"{place}.0", f"{place}.2", before, before, groups=before, pool=pool))
        layers.append(Layer(f"{place}.4", f"{place}.5", before, width, kernel=1))
    return layers


LAYERS = {"Cnn14": _cnn14_layers(), "MobileNetV1": _mobilenet_layers()}
FIRST_ROUNDED = {"Cnn14": 4, "MobileNetV1": 19}
"""From the third block of Cnn14 on, and from the tenth separable convolution of MobileNetV1."""
DIMS = {"Cnn14": 2048, "MobileNetV1": 1024}


def published_shapes(network: str) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the published weights of `network`, without those of the front end."""
    layers, dim = LAYERS[network], DIMS[network]
    shapes = {f"bn0.{part}": (N_MELS,) for part in NORMALISATION_PARTS}
    for layer in layers:
        shapes[f"{layer.name}.weight"] = layer.shape
        shapes |= {f"{layer.normalisation}.{part}": (layer.channels_out,) for part in NORMALISATION_PARTS}
    shapes |= {"fc1.weight": (dim, layers[-1].channels_out), "fc1.bias": (dim,)}
    return shapes | {"fc_audioset.weight": (N_CLASSES, dim), "fc_audioset.bias": (N_CLASSES,)}


class FoldedConvolution(nn.Module):
    """Convolution, normalisation and ReLU of one published layer, and the pooling around them."""

    def __init__(self, layer: Layer, tensors: dict[str, torch.Tensor]) -> None:
        super().__init__()
        scale, shift = _scale_and_shift(tensors, layer.normalisation)
        kernel = _pooled_kernel(tensors[f"{layer.name}.weight"], layer.pool)
        weight = torch.empty_like(kernel, memory_format=torch.channels_last)
        torch.mul(kernel, scale[:, None, None, None], out=weight)  # in one pass over up to 150 MB
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = nn.Parameter(shift, requires_grad=False)
        self.layer = layer

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return `(batch, channels, time, frequency)` in the precision of the weights."""
        layer = self.layer
        padding = layer.kernel // 2
        convolved = functional.conv2d(
            signal.to(self.weight.dtype), self.weight, self.bias, layer.pool, padding, groups=layer.groups
        )
        activation = functional.relu_(convolved)
        return functional.avg_pool2d(activation, layer.pool_after) if layer.pool_after > 1 else activation


class FoldedNetwork(nn.Module):
    """From log mel spectrograms `(batch, frames, 64)` in dB to embeddings or class probabilities `(batch, dim)`."""

    def __init__(self, network: str, layer: str, tensors: dict[str, torch.Tensor]) -> None:
        """Take the published `tensors` of `network`; `layer` is `embedding` or `clip_tags`."""
        super().__init__()
        scale, shift = _scale_and_shift(tensors, "bn0")
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)
        self.convolutions = nn.Sequential(*[FoldedConvolution(one, tensors) for one in LAYERS[network]])
        self.first_rounded = FIRST_ROUNDED[network]
        self.dense = _dense(tensors, "fc1")
        self.classifier = _dense(tensors, "fc_audioset") if layer == "clip_tags" else None
        self.dim = N_CLASSES if layer == "clip_tags" else DIMS[network]

    def forward(self, log_mel: torch.Tensor) -> torch.Tensor:
        """Return float32 `(batch, 2048, 1024 or 527)`."""
        image = (log_mel * self.scale + self.shift)[:, None]
        features = self.convolutions(image.contiguous(memory_format=torch.channels_last)).float().mean(dim=3)
        embedding = functional.relu(self.dense(features.amax(dim=2) + features.mean(dim=2)))
        return embedding if self.classifier is None else torch.sigmoid(self.classifier(embedding))

    def round_to_bfloat16(self) -> None:
        """Compute the later convolutions in bfloat16 from now on."""
        self.convolutions[self.first_rounded :].to(torch.bfloat16)


def _scale_and_shift(tensors: dict[str, torch.Tensor], name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return float32 factors and summands `(channels,)` of a batch normalisation, computed in float64."""
    weight, bias, mean, variance = (tensors[f"{name}.{part}"].double() for part in NORMALISATION_PARTS)
    scale = weight / torch.sqrt(variance + EPSILON)
    return scale.float(), (bias - mean * scale).float()


def _pooled_kernel(kernel: torch.Tensor, pool: int) -> torch.Tensor:
    """Return the kernel whose convolution with stride `pool` is that with `kernel`, averaged over `pool x pool`."""
    if pool == 1:
        return kernel
    rows = range(pool)
    return sum(functional.pad(kernel, (x, pool - 1 - x, y, pool - 1 - y)) for x in rows for y in rows) / pool**2


def _dense(tensors: dict[str, torch.Tensor], name: str) -> nn.Linear:
    weight = tensors[f"{name}.weight"]
    dense = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
    dense.weight = nn.Parameter(weight.float(), requires_grad=False)
    dense.bias = nn.Parameter(tensors[f"{name}.bias"].float(), requires_grad=False)
    return dense
