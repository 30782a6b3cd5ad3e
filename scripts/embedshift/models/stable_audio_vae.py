"""The variational autoencoder of Stable Audio Open (Evans et al., 2024): means of its latents, frame by frame.

Its encoder ("Oobleck") is the one of the Descript Audio Codec with two channels, wider, and with two snake parameters
a channel, stored as logarithms. Of its 128 outputs the first 64 are the mean of a Gaussian, which is taken; nothing is
drawn at random. The weights are the file vae/diffusion_pytorch_model.safetensors of stabilityai/stable-audio-open-1.0,
which Stability AI gives to those who accept its licence; the decoder is left out when they are converted.
"""

from pathlib import Path

import torch
from torch import nn

from embedshift.models.frame_blocks import encode_in_blocks, reach_of
from embedshift.models.frame_codec import BLOCK_S, FrameCodec
from embedshift.models.snake_encoder import SMALLEST, SnakeEncoder
from embedshift.models.strict_state import read_strictly
from embedshift.models.weight_norm import fold_weight_norm, normalised_shapes

SAMPLE_RATE_HZ = 44_100
CHANNELS = 2
WIDTHS = (128, 128, 256, 512, 1024, 2048)
STRIDES = (2, 4, 4, 8, 8)
HOP = 2048
LATENT_DIM = 64


class StableAudioVae(FrameCodec):
    """The encoder on mono put into both channels; a frame is 2048 samples."""

    def __init__(self, network: SnakeEncoder, device: str) -> None:
        self._network = network
        self._blocks = (HOP, reach_of(network, HOP), round(BLOCK_S * SAMPLE_RATE_HZ / HOP))
        super().__init__(self.encode, SAMPLE_RATE_HZ, HOP, LATENT_DIM, device, channels=CHANNELS)

    def encode(self, signal: torch.Tensor) -> torch.Tensor:
        """Return the means `(batch, 64, frames)` of `signal (batch, 2, samples)`, whole frames."""
        return encode_in_blocks(self._network, signal, *self._blocks)[:, :LATENT_DIM]


def load(weights: Path | None, options: dict[str, str], device: str, precision: str) -> StableAudioVae:
    """Return the adapter with its `weights` (safetensors) on `device`.

    Raises
    ------
    UserError
        If the weights are not there or are not those of the network.
    """
    with torch.device("meta"):
        network = SnakeEncoder(CHANNELS, WIDTHS, STRIDES, 2 * LATENT_DIM)
    tensors = fold_weight_norm(read_strictly(weights, published_shapes(network)))
    network.load_state_dict(dict(_from_logarithms(tensors)), assign=True)
    return StableAudioVae(network.eval().to(device), device)


def published_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the published weights without those of the decoder."""
    shapes = {}
    for name, value in network.state_dict().items():
        stem, _, last = name.rpartition(".")
        shapes[f"encoder.{stem}.{'beta' if last == 'gain' else last}"] = tuple(value.shape)
    return normalised_shapes(shapes, {name for name in shapes if name.endswith(".weight")})


def _from_logarithms(tensors: dict[str, torch.Tensor]):
    """Yield names and values as the network has them: no prefix, no logarithm, the inverse of beta."""
    for published, value in tensors.items():
        stem, _, last = published.removeprefix("encoder.").rpartition(".")
        if last == "alpha":
            yield f"{stem}.alpha", value.exp()
        elif last == "beta":
            yield f"{stem}.gain", (value.exp() + SMALLEST).reciprocal()
        else:
            yield f"{stem}.{last}", value
