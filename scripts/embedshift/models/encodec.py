"""EnCodec (Défossez, Copet, Synnaeve and Adi, TMLR 2023): the continuous latents before quantisation, frame by frame.

The weights are those of the repositories facebook/encodec_24khz and facebook/encodec_48khz; their decoder and quantiser
are left out when they are converted. The network is embedshift's own: importing transformers alone takes longer than
the four seconds that a model may take to start.

The model at 48 kHz works, as published, on segments of 1 s that overlap by 10 ms, each brought to an RMS of 1 by
itself: its latents know nothing of the level. A clip's frames are those of its segments one after the other.
"""

from pathlib import Path

import torch

from embedshift.models.encodec_network import HOP, LATENT_DIM, EncodecEncoder
from embedshift.models.frame_blocks import encode_in_blocks, reach_of
from embedshift.models.frame_codec import BLOCK_S, FrameCodec
from embedshift.models.strict_state import read_strictly
from embedshift.models.weight_norm import fold_weight_norm, normalised_shapes

SAMPLE_RATES_HZ = {"24khz": 24_000, "48khz": 48_000}
CHANNELS = {"24khz": 1, "48khz": 2}
SEGMENT = 48_000
SEGMENT_HOP = 47_520
SEGMENTS_AT_ONCE = {"cpu": 8, "cuda": 256}
SMALLEST_RMS = 1e-8
PREFIX = "encoder."


class Encodec24(FrameCodec):
    """The causal mono model; a frame is 320 samples (75 a second)."""

    length_rule = "any length; a rest shorter than a frame makes a frame, reflected as published"

    def __init__(self, network: EncodecEncoder, device: str) -> None:
        rate_hz = SAMPLE_RATES_HZ["24khz"]
        self._network = network
        before, after = reach_of(network.layers[: network.recurrent_from], HOP)
        # one frame more: the reflection at the clip's end looks back too
        self._blocks = (HOP, (before + 1, after), round(BLOCK_S * rate_hz / HOP))
        super().__init__(self.encode, rate_hz, HOP, LATENT_DIM, device, fill=False)

    def encode(self, signal: torch.Tensor) -> torch.Tensor:
        """Return the latents `(batch, 128, frames)` of `signal (batch, 1, samples)`; the LSTM sees the whole clip."""
        return self._network.recur(encode_in_blocks(self._network.convolve, signal, *self._blocks))


class Encodec48(FrameCodec):
    """The stereo model on mono put into both channels; a frame is 320 samples (150 a second) of a segment."""

    length_rule = "any length; segments of 1 s every 0.99 s, the last ones shorter, as published"

    def __init__(self, network: EncodecEncoder, device: str) -> None:
        self._network = network
        self._at_once = SEGMENTS_AT_ONCE[torch.device(device).type]
        super().__init__(self.encode, SAMPLE_RATES_HZ["48khz"], HOP, LATENT_DIM, device, CHANNELS["48khz"], fill=False)

    def encode(self, signal: torch.Tensor) -> torch.Tensor:
        """Return the latents `(batch, 128, frames)` of `signal (batch, 2, samples)`, segment after segment."""
        segments = [signal[:, :, start : start + SEGMENT] for start in range(0, signal.shape[2], SEGMENT_HOP)]
        whole = [segment for segment in segments if segment.shape[2] == SEGMENT]
        latents = [self._encode_whole(torch.stack(whole, dim=1))] if whole else []
        return torch.cat([*latents, *map(self._encode_segments, segments[len(whole) :])], dim=2)

    def _encode_whole(self, segments: torch.Tensor) -> torch.Tensor:
        """Return the latents `(batch, 128, frames)` of whole `segments (batch, segments, 2, samples)`."""
        pieces = segments.flatten(0, 1).split(self._at_once)
        latents = torch.cat([self._encode_segments(piece) for piece in pieces])
        return latents.unflatten(0, segments.shape[:2]).transpose(1, 2).flatten(2)

    def _encode_segments(self, segments: torch.Tensor) -> torch.Tensor:
        """Return the latents `(segments, 128, frames)` of `segments (segments, 2, samples)` at an RMS of 1."""
        rms = segments.mean(dim=1, keepdim=True).square().mean(dim=2, keepdim=True).sqrt()
        return self._network.recur(self._network.convolve(segments / (rms + SMALLEST_RMS)))


def load(weights: Path | None, options: dict[str, str], device: str, precision: str) -> FrameCodec:
    """Return the adapter of `options` model with its `weights` (safetensors) on `device`.

    Raises
    ------
    UserError
        If the weights are not there or are not those of the network.
    """
    model = options["model"]
    with torch.device("meta"):
        network = EncodecEncoder(CHANNELS[model], two_sided=model == "48khz")
    tensors = fold_weight_norm(read_strictly(weights, published_shapes(network, model)))
    network.load_state_dict({name.removeprefix(PREFIX): value for name, value in tensors.items()}, assign=True)
    return (Encodec48 if model == "48khz" else Encodec24)(network.eval().to(device), device)


def published_shapes(network: EncodecEncoder, model: str) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the published encoder's weights; those at 24 kHz are gains and directions."""
    shapes = {PREFIX + name: tuple(value.shape) for name, value in network.state_dict().items()}
    return normalised_shapes(shapes, {name for name in shapes if model == "24khz" and name.endswith(".conv.weight")})
