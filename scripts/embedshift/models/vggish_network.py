"""The network of VGGish (Hershey et al., 2017), named and shaped as in the PyTorch port torchvggish.

In bfloat16 all convolutions but the first two are computed with rounded numbers, and the two wide dense layers, whose
time is that of reading 67 million weights; the last layer stays in float32.
"""

import torch
from torch import nn
from torch.nn import functional

DIM = 128
CONVOLUTIONS = {0: (64, 1), 3: (128, 64), 6: (256, 128), 8: (256, 256), 11: (512, 256), 13: (512, 512)}
"""Published index of each convolution, with its channels out and in."""
POOLED = (0, 3, 8, 13)
DENSE = {0: (4096, 512 * 6 * 4), 2: (4096, 4096), 4: (DIM, 4096)}
"""Published index of each dense layer, with its widths out and in."""
EXACT_CONVOLUTIONS = (0, 3)


class VggishNetwork(nn.Module):
    """From examples `(examples, 96, 64)` to the last layer's values `(examples, 128)`, before any ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.embeddings = nn.ModuleDict(), nn.ModuleDict()
        for index, (channels_out, channels_in) in CONVOLUTIONS.items():
            self.features[str(index)] = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        for index, (width_out, width_in) in DENSE.items():
            self.embeddings[str(index)] = nn.Linear(width_in, width_out)

    def forward(self, examples: torch.Tensor) -> torch.Tensor:
        """Return float32 `(examples, 128)`."""
        signal = examples[:, None].contiguous(memory_format=torch.channels_last)
        for index, convolution in self.features.items():
            signal = convolution(signal.to(convolution.weight.dtype))
            # increasing functions change places: the maximum first leaves ReLU a quarter of the values
            signal = functional.relu_(functional.max_pool2d(signal, 2) if int(index) in POOLED else signal)
        values = signal.permute(0, 2, 3, 1).flatten(1)  # published order: time, frequency, channels
        wide, second, last = self.embeddings.values()
        values = functional.relu_(wide(values.to(wide.weight.dtype)))
        return last(functional.relu_(second(values)).float())

    def round_to_bfloat16(self) -> None:
        """Compute the later convolutions and the two wide dense layers in bfloat16 from now on."""
        for index, convolution in self.features.items():
            if int(index) not in EXACT_CONVOLUTIONS:
                convolution.to(torch.bfloat16)
        self.embeddings["0"].to(torch.bfloat16)
        self.embeddings["2"].to(torch.bfloat16)


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the published weights."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in VggishNetwork().state_dict().items()}


def load_published(tensors: dict[str, torch.Tensor]) -> VggishNetwork:
    """Return the network with `tensors`, named and shaped as `published_shapes` says; others are left alone."""
    with torch.device("meta"):
        network = VggishNetwork()
    network.load_state_dict({name: tensors[name] for name in network.state_dict()}, assign=True)
    return network.requires_grad_(False).eval().to(memory_format=torch.channels_last)
