"""The networks of musicnn 0.1.0 in PyTorch: the musically motivated CNN and its VGG baseline.

Pons and Serra, 2019 (arXiv:1909.06654). Everywhere: convolution, ReLU, then batch normalisation (epsilon 1e-3).
Weights keep their published names and layout on disk; LAYERS says which name belongs to which module.

In bfloat16 only the large convolutions are computed (Musicnn's two timbral ones, all of Vgg's but the first): they
take nearly all of the time, and rounding the others too would cost more accuracy than is allowed (cosine 0.9999).

A sum of thousands of float32 products depends on their order. max_pool holds values up to 98, where the order moves
the fourth decimal, and the published numbers are themselves 3e-4 away from a float64 evaluation. To be equal to them
within 1e-4 (on a processor with AVX-512, as theirs was; within 3e-4 on others), this layer alone is computed with the
published order of sums, a tenth slower.
"""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional

N_TAGS = 50
EPSILON = 1e-3


class Block(nn.Module):
    """Convolution, ReLU and batch normalisation; with `rounded`, the products are of bfloat16 numbers."""

    def __init__(self, convolution: nn.Module, channels: int) -> None:
        super().__init__()
        self.convolution = convolution
        self.normalisation = nn.BatchNorm2d(channels, eps=EPSILON)
        self.rounded = False
        self.register_buffer("sign", torch.ones(channels, 1, 1, 1), persistent=False)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return float32 of the shape of the convolution's output, channels second."""
        sign = self.sign.reshape(-1, *[1] * (signal.dim() - 2))
        return self._normalise(functional.relu(self.convolution(signal) * sign))

    def forward_max(self, signal: torch.Tensor, window: int | tuple, stride: int | tuple | None = None) -> torch.Tensor:
        """Return `forward` and then a max-pooling over (time, frequency), with the pooling done first.

        ReLU and a normalisation with a positive factor are increasing, so they may as well follow the pooling, on
        far fewer values; `orient` has turned the channels round whose factor is negative.
        """
        convolved, constant = self._convolve_rounded(signal) if self.rounded else (self.convolution(signal), 0.0)
        pooled = functional.max_pool2d(convolved, window, stride).float() + constant
        return self._normalise(functional.relu(pooled * self.sign.reshape(1, -1, 1, 1)))

    def orient(self) -> None:
        """Turn round the channels that the normalisation turns round; needed once, before `forward_max`."""
        with torch.no_grad():
            self.sign.copy_(torch.where(self.normalisation.weight >= 0, 1.0, -1.0).reshape(-1, 1, 1, 1))
            self.convolution.weight.mul_(self.sign)
            self.convolution.bias.mul_(self.sign.flatten())

    def _convolve_rounded(self, signal: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the convolution in bfloat16, and per patch and channel the constant that is still to be added.

        Where nothing is padded inside, the patch's mean is taken out first and its share added exactly: a spectrogram
        is mostly background, and what is rounded should be what stands out from it.
        """
        weight, bias = self.convolution.weight, self.convolution.bias[:, None, None]
        inside = self.convolution.padding
        level = signal.mean(dim=(1, 2, 3), keepdim=True) if inside == (0, 0) else signal.new_zeros(len(signal), 1, 1, 1)
        detail = functional.conv2d((signal - level).bfloat16(), weight.bfloat16(), padding=inside)
        return detail, level * weight.sum(dim=(1, 2, 3))[:, None, None] + bias

    def _normalise(self, activation: torch.Tensor) -> torch.Tensor:
        norm = self.normalisation
        return functional.batch_norm(
            activation, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=EPSILON
        )


class SingleImageConv1d(nn.Conv1d):
    """The convolution of the published graph: over an image of (time, features) with one channel.

    On a CPU its sums are thereby rounded as the published ones.
    """

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return what `nn.Conv1d` returns, but for rounding."""
        if signal.device.type != "cpu":
            return super().forward(signal)
        image, kernel = signal.transpose(1, 2)[:, None], self.weight.transpose(1, 2)[:, None]
        return functional.conv2d(image, kernel, self.bias, padding=(self.padding[0], 0))[:, :, :, 0]


class Musicnn(nn.Module):
    """From patches `(patches, 187, 96)` to `penultimate` (200), `mean_pool`, `max_pool` (753) or `taggram` (50)."""

    LAYERS = {
        "batch_normalization": "input_normalisation",
        **{
            f"conv2d{suffix}": f"front.{index}.convolution" for index, suffix in enumerate(["", "_1", "_2", "_3", "_4"])
        },
        **{f"batch_normalization_{index + 1}": f"front.{index}.normalisation" for index in range(5)},
        **{f"conv2d_{index + 5}": f"middle.{index}.convolution" for index in range(3)},
        **{f"batch_normalization_{index + 6}": f"middle.{index}.normalisation" for index in range(3)},
        "batch_normalization_9": "pool_normalisation",
        "dense": "dense",
        "batch_normalization_10": "dense_normalisation",
        "dense_1": "output",
    }

    def __init__(self, layer: str) -> None:
        super().__init__()
        self.layer = layer
        self.input_normalisation = nn.BatchNorm2d(1, eps=EPSILON)
        timbral = [Block(nn.Conv2d(1, 204, (7, height)), 204) for height in (38, 67)]
        temporal = [Block(nn.Conv2d(1, 51, (length, 1)), 51) for length in (128, 64, 32)]
        self.front = nn.ModuleList(timbral + temporal)
        convolution = SingleImageConv1d if layer == "max_pool" else nn.Conv1d
        self.middle = nn.ModuleList(Block(convolution(width, 64, 7, padding=3), 64) for width in (561, 64, 64))
        self.pool_normalisation = nn.BatchNorm1d(1506, eps=EPSILON)
        self.dense = nn.Linear(1506, 200)
        self.dense_normalisation = nn.BatchNorm1d(200, eps=EPSILON)
        self.output = nn.Linear(200, N_TAGS)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Return the activations `(patches, dim)` of the chosen layer."""
        features = self._middle_end(self._front_end(patches))
        if self.layer == "max_pool":
            return features.amax(dim=2)
        if self.layer == "mean_pool":
            return features.mean(dim=2)
        # published order: maximum and mean of the first feature, of the second, ...
        pooled = torch.stack([features.amax(dim=2), features.mean(dim=2)], dim=2).flatten(1)
        hidden = functional.relu(self.dense(self.pool_normalisation(pooled)))
        penultimate = self.dense_normalisation(hidden)
        return penultimate if self.layer == "penultimate" else torch.sigmoid(self.output(penultimate))

    def arrange(self) -> None:
        """Lay the weights out in memory: for speed, or for the published order of sums."""
        self.to(memory_format=torch.channels_last)
        if self.layer == "max_pool":
            self.front[:2].to(memory_format=torch.contiguous_format)

    def round_to_bfloat16(self) -> None:
        """Compute the two timbral convolutions in bfloat16 from now on."""
        for block in self.front[:2]:
            block.rounded = True

    def _front_end(self, patches: torch.Tensor) -> torch.Tensor:
        """Return `(patches, 561, 187)`: timbral filters, then temporal ones, each at its maximum over frequency."""
        signal = _channels_last(self.input_normalisation(patches[:, None]))
        features = []
        for block in self.front:
            length, height = block.convolution.kernel_size
            before = (length - 1) // 2
            padded = functional.pad(signal, (0, 0, before, length - 1 - before))
            all_frequencies = padded.shape[3] - height + 1
            features.append(block.forward_max(padded, (1, all_frequencies))[:, :, :, 0])
        return torch.cat(features, dim=1)

    def _middle_end(self, front: torch.Tensor) -> torch.Tensor:
        """Return `(patches, 753, 187)`: the front end and three layers, the last two with residual connections."""
        first = self.middle[0](front)
        second = self.middle[1](first) + first
        third = self.middle[2](second) + second
        return torch.cat([front, first, second, third], dim=1)


class Vgg(nn.Module):
    """From patches `(patches, 187, 96)` to `pool5` (2 time steps x 128 channels = 256) or `taggram` (50)."""

    LAYERS = {
        "batch_normalization": "input_normalisation",
        **{f"{index + 1}CNN": f"blocks.{index}.convolution" for index in range(5)},
        **{f"batch_normalization_{index + 1}": f"blocks.{index}.normalisation" for index in range(5)},
        "dense": "output",
    }
    POOLING = (((4, 1), 2), (2, 2), (2, 2), (2, 2), (4, 4))

    def __init__(self, layer: str) -> None:
        super().__init__()
        self.layer = layer
        self.input_normalisation = nn.BatchNorm2d(1, eps=EPSILON)
        widths = (1, 128, 128, 128, 128)
        self.blocks = nn.ModuleList(Block(nn.Conv2d(width, 128, 3, padding=1), 128) for width in widths)
        self.output = nn.Linear(256, N_TAGS)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Return the activations `(patches, dim)` of the chosen layer."""
        signal = _channels_last(self.input_normalisation(patches[:, None]))
        for block, (window, stride) in zip(self.blocks, self.POOLING, strict=True):
            signal = block.forward_max(signal, window, stride)
        flat = signal.permute(0, 2, 3, 1).flatten(1)
        return flat if self.layer == "pool5" else torch.sigmoid(self.output(flat))

    def arrange(self) -> None:
        """Lay the weights out in memory for speed."""
        self.to(memory_format=torch.channels_last)

    def round_to_bfloat16(self) -> None:
        """Compute all convolutions but the first in bfloat16 from now on."""
        for block in self.blocks[1:]:
            block.rounded = True


def _channels_last(signal: torch.Tensor) -> torch.Tensor:
    """Return `signal` in the memory layout in which convolutions of few channels and their pooling are fastest."""
    return signal.contiguous(memory_format=torch.channels_last)


def published_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes under which the weights of `network` were published (TensorFlow's layout)."""
    return {name: tuple(to_published(target).shape) for name, target, to_published, _ in _variables(network)}


def load_published(network: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Copy `tensors`, named and shaped as `published_shapes(network)` says, into `network` and make it ready to run."""
    with torch.no_grad():
        for name, target, _, from_published in _variables(network):
            target.copy_(from_published(tensors[name]))
    for block in network.modules():
        if isinstance(block, Block) and isinstance(block.convolution, nn.Conv2d):
            block.orient()
    network.eval().arrange()


def _variables(network: nn.Module) -> Iterator[tuple]:
    """Yield the published name, the tensor, and the maps to and from the published layout."""
    for name, path in network.LAYERS.items():
        module = network.get_submodule(path)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            parts = {"gamma": module.weight, "beta": module.bias}
            parts |= {"moving_mean": module.running_mean, "moving_variance": module.running_var}
            for part, target in parts.items():
                yield f"{name}/{part}", target, _same, _same
        else:
            yield f"{name}/bias", module.bias, _same, _same
            yield f"{name}/kernel", module.weight, *KERNEL_LAYOUTS[type(module)]


def _same(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


CONV1D_LAYOUT = (lambda weight: weight.permute(2, 1, 0)[:, :, None], lambda kernel: kernel[:, :, 0].permute(2, 1, 0))
KERNEL_LAYOUTS = {
    nn.Linear: (lambda weight: weight.T, lambda kernel: kernel.T),
    nn.Conv1d: CONV1D_LAYOUT,
    SingleImageConv1d: CONV1D_LAYOUT,
    nn.Conv2d: (lambda weight: weight.permute(2, 3, 1, 0), lambda kernel: kernel.permute(3, 2, 0, 1)),
}
