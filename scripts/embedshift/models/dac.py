"""The Descript Audio Codec (Kumar et al., NeurIPS 2023): its continuous and its quantised latents, frame by frame.

The weights are those of the repositories descript/dac_16khz, dac_24khz and dac_44khz; their decoder is left out when
they are converted. The network is embedshift's own: importing transformers alone takes longer than the four seconds
that a model may take to start. The published command line brings every file to -16 dB first; here, as in the packages'
`encode`, the signal stays at its level.
"""

import math
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from embedshift.models.frame_blocks import encode_in_blocks, reach_of
from embedshift.models.frame_codec import BLOCK_S, FrameCodec
from embedshift.models.snake_encoder import SMALLEST, SnakeEncoder
from embedshift.models.strict_state import read_strictly

SAMPLE_RATES_HZ = {"16khz": 16_000, "24khz": 24_000, "44khz": 44_100}
STRIDES = {"16khz": (2, 4, 5, 8), "24khz": (2, 4, 5, 8), "44khz": (2, 4, 8, 8)}
CODEBOOKS = {"16khz": 12, "24khz": 32, "44khz": 9}
WIDTHS = (64, 128, 256, 512, 1024)
LATENT_DIM = 1024
CODE_DIM = 8
CODES = 1024


class Quantiser(nn.Module):
    """One codebook: the latents projected to 8 values, and the nearest code by angle projected back."""

    def __init__(self) -> None:
        super().__init__()
        self.in_proj = nn.Conv1d(LATENT_DIM, CODE_DIM, 1)
        self.out_proj = nn.Conv1d(CODE_DIM, LATENT_DIM, 1)
        # not drawn at random: on the device `meta` that would import all of torch's compiler
        self.codebook = nn.Embedding.from_pretrained(torch.empty(CODES, CODE_DIM))

    def forward(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the quantised latents `(batch, 1024, frames)` and the projected ones `(batch, 8, frames)`."""
        projected = self.in_proj(latents)
        directions = functional.normalize(self.codebook.weight)
        # of unit vectors the nearest is the one with the largest product; the length of the other changes no order
        nearest = (projected.transpose(1, 2) @ directions.T).argmax(dim=2)
        return self.out_proj(self.codebook(nearest).transpose(1, 2)), projected


class Network(nn.Module):
    """The encoder and its residual quantisers, named as in the published checkpoints."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.encoder = SnakeEncoder(1, WIDTHS, STRIDES[model], LATENT_DIM)
        self.quantizer = nn.Module()
        self.quantizer.quantizers = nn.ModuleList(Quantiser() for _ in range(CODEBOOKS[model]))

    def quantise(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the sum of all codes `(batch, 1024, frames)` and what was projected `(batch, 8 books, frames)`."""
        rest, total, projections = latents, torch.zeros_like(latents), []
        for quantiser in self.quantizer.quantizers:
            quantised, projected = quantiser(rest)
            rest, total = rest - quantised, total + quantised
            projections.append(projected)
        return total, torch.cat(projections, dim=1)


class Dac(FrameCodec):
    """One model and one of its layers; a frame is 320 or 512 samples."""

    def __init__(self, network: Network, model: str, layer: str, device: str) -> None:
        hop = math.prod(STRIDES[model])
        rate_hz = SAMPLE_RATES_HZ[model]
        self._network = network
        self._layer = layer
        self._blocks = (hop, reach_of(network.encoder, hop), round(BLOCK_S * rate_hz / hop))
        dim = CODE_DIM * CODEBOOKS[model] if layer == "projected" else LATENT_DIM
        super().__init__(self.encode, rate_hz, hop, dim, device)

    def encode(self, signal: torch.Tensor) -> torch.Tensor:
        """Return the layer `(batch, dim, frames)` of `signal (batch, 1, samples)`, whole frames."""
        latents = encode_in_blocks(self._network.encoder, signal, *self._blocks)
        if self._layer == "latents":
            return latents
        quantised, projected = self._network.quantise(latents)
        return quantised if self._layer == "quantised" else projected


def load(weights: Path | None, options: dict[str, str], device: str, precision: str) -> Dac:
    """Return the adapter of `options` model and layer with its `weights` (safetensors) on `device`.

    Raises
    ------
    UserError
        If the weights are not there or are not those of the network.
    """
    with torch.device("meta"):
        network = Network(options["model"])
    tensors = read_strictly(weights, published_shapes(network))
    gains = {
        f"{name.removesuffix('alpha')}gain": (value + SMALLEST).reciprocal()
        for name, value in tensors.items()
        if name.endswith(".alpha")
    }
    network.load_state_dict(tensors | gains, assign=True)
    return Dac(network.eval().to(device), options["model"], options["layer"], device)


def published_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the published weights without those of the decoder."""
    return {name: tuple(value.shape) for name, value in network.state_dict().items() if not name.endswith(".gain")}
