"""What differs between audio models of transformers: how long their input is, and where time is in their output.

wav2vec 2.0, HuBERT, WavLM and most others take any length and give frames in time. The Audio Spectrogram Transformer
(AST), Whisper and CLAP take one length: their feature extractors fill shorter clips up (AST and Whisper with silence,
CLAP by repeating), longer ones are cut here into windows side by side, of which the last ends with the clip.
"""

from typing import Any

import torch

from embedshift.errors import UserError
from embedshift.models.transformers_model import LoadedModel

SHORTEST_S = 0.1
AST_FRAME_SAMPLES = 400
AST_HOP_SAMPLES = 160


class Layout:
    """Models of any length whose output is frames in time."""

    window_samples: int | None = None
    """Length of the input in samples; None for any."""
    frame_hop_s: float | None = None
    """Distance of two frames; None where it follows from their number."""
    dimensions = 3
    """Of the output: clips, frames, dim."""
    hidden_layers = True
    """Whether the activations of single layers can be had."""

    def __init__(self, model: LoadedModel) -> None:
        self.network = model.network
        if model.network.config.is_encoder_decoder:
            self.network = model.network.get_encoder()
        self.extractor = model.extractor
        self.minimum_samples = self._minimum_samples()

    def run(self, features: dict[str, torch.Tensor], every_layer: bool) -> Any:
        """Return the network's output for what the feature extractor made."""
        return self.network(**features, output_hidden_states=every_layer)

    def frames(self, hidden: torch.Tensor, n_samples: int) -> torch.Tensor:
        """Return frames `(batch, frames, dim)` of one layer of the output to clips of `n_samples`."""
        return hidden

    def summary(self, output: Any, hidden: torch.Tensor) -> torch.Tensor:
        """Return the model's own vector of a whole clip, `(batch, dim)`."""
        raise UserError(f"options.pooling: {type(self.network).__name__} has no pooler; allowed: mean, max.")

    def _minimum_samples(self) -> int:
        """Return the receptive field of the first frame, or 0.1 s where the configuration does not tell it."""
        config = self.network.config
        if not (hasattr(config, "conv_kernel") and hasattr(config, "conv_stride")):
            return round(SHORTEST_S * self.extractor.sampling_rate)
        samples = 1
        for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
            samples = (samples - 1) * stride + kernel
        return samples


class SpectrogramTransformerLayout(Layout):
    """AST: patches of the spectrogram, frequency by frequency, after two tokens that stand for the whole."""

    def __init__(self, model: LoadedModel) -> None:
        super().__init__(model)
        config = self.network.config
        self.window_samples = AST_FRAME_SAMPLES + (self.extractor.max_length - 1) * AST_HOP_SAMPLES
        self.frame_hop_s = config.time_stride * AST_HOP_SAMPLES / self.extractor.sampling_rate
        self._steps = (config.max_length - config.patch_size) // config.time_stride + 1
        self._stride = config.time_stride

    def frames(self, hidden: torch.Tensor, n_samples: int) -> torch.Tensor:
        """Return the mean over frequency of the patches that begin within the clip."""
        patches = hidden[:, 2:].unflatten(1, (-1, self._steps)).mean(dim=1)
        spectra = 1 + (n_samples - AST_FRAME_SAMPLES) // AST_HOP_SAMPLES
        return patches[:, : -(-spectra // self._stride)]

    def summary(self, output: Any, hidden: torch.Tensor) -> torch.Tensor:
        """Return the mean of the two tokens, as the published model hands it to its classifier."""
        return hidden[:, :2].mean(dim=1)

    def _minimum_samples(self) -> int:
        return AST_FRAME_SAMPLES


class WhisperLayout(Layout):
    """Whisper's encoder: 30 s, of which the frames that begin within the clip are kept."""

    def __init__(self, model: LoadedModel) -> None:
        self._hop_samples = model.extractor.n_samples // model.network.config.max_source_positions
        super().__init__(model)
        self.window_samples = self.extractor.n_samples
        self.frame_hop_s = self._hop_samples / self.extractor.sampling_rate

    def frames(self, hidden: torch.Tensor, n_samples: int) -> torch.Tensor:
        """Return the frames without those of the silence after the clip."""
        return hidden[:, : -(-n_samples // self._hop_samples)]

    def _minimum_samples(self) -> int:
        return self._hop_samples


class ClapLayout(Layout):
    """CLAP's audio network: 10 s as a grid of frequency and time; the pooler is the joint space of audio and text."""

    dimensions = 4
    hidden_layers = False

    def __init__(self, model: LoadedModel) -> None:
        super().__init__(model)
        self.projection = getattr(self.network, "audio_projection", None)
        self.network = self.network.audio_model if self.projection is not None else self.network
        self.window_samples = self.extractor.nb_max_samples

    def run(self, features: dict[str, torch.Tensor], every_layer: bool) -> Any:
        """Return the network's output; no clip is longer than the window, where its extractor would draw lots."""
        longer = torch.zeros_like(features["is_longer"])
        return self.network(input_features=features["input_features"], is_longer=longer)

    def frames(self, hidden: torch.Tensor, n_samples: int) -> torch.Tensor:
        """Return the mean over frequency of the grid `(batch, dim, frequencies, times)`."""
        return hidden.mean(dim=2).transpose(1, 2)

    def summary(self, output: Any, hidden: torch.Tensor) -> torch.Tensor:
        """Return the vector of unit length that is compared with texts; without a projection, the pooled grid."""
        if self.projection is None:
            return output.pooler_output
        return torch.nn.functional.normalize(self.projection(output.pooler_output), dim=-1)

    def _minimum_samples(self) -> int:
        return round(SHORTEST_S * self.extractor.sampling_rate)


LAYOUTS = {
    "audio-spectrogram-transformer": SpectrogramTransformerLayout,
    "whisper": WhisperLayout,
    "clap": ClapLayout,
    "clap_audio_model": ClapLayout,
}


def layout_of(model: LoadedModel) -> Layout:
    """Return the layout of a model by its kind; models that are not listed take any length."""
    return LAYOUTS.get(model.kind, Layout)(model)
