"""The networks of MS-CLAP under their published names: HTS-AT and GPT-2 (version 2023), Cnn14 and BERT (2022).

Elizalde et al., CLAP: Learning audio concepts from natural language supervision, ICASSP 2023 (version 2022), and
Natural language supervision for general-purpose audio representations, ICASSP 2024 (version 2023).
"""

import torch
from torch import nn
from torch.nn import functional

from embedshift.models.clap_bert import BERT_BASE, Bert
from embedshift.models.clap_gpt2 import Gpt2
from embedshift.models.clap_htsat import Htsat
from embedshift.models.clap_log_mel import N_FFT, N_MELS, LogMel
from embedshift.models.mel import slaney_mel_matrix
from embedshift.models.panns_networks import DIMS, FoldedNetwork
from embedshift.models.panns_networks import published_shapes as cnn14_shapes

DIM = 1024
TEXT_WIDTH = 768
HOP = 320
HTSAT_WIDTH = 96
HTSAT_DEPTHS = (2, 2, 6, 2)
FILTERS = {
    "2023": ("audio_encoder.base.htsat.logmel_extractor.melW", 32_000),
    "2022": ("audio_encoder.base.logmel_extractor.melW", 44_100),
}
"""Name of the mel filters, and the rate in Hz for which msclap makes them where a checkpoint has none."""
LOWEST_HZ = 50.0
HIGHEST_HZ = 14_000.0
CONSTANTS = (
    r"spectrogram_extractor\.|(^|\.)(attn_mask|relative_position_index|num_batches_tracked|position_ids|masked_bias)$"
    r"|^caption_encoder\.base\.h\.\d+\.attn\.bias$"
)
"""Names of tensors that follow from no training; whether they stand in a file depends on the version that wrote it."""


class Projection(nn.Module):
    """Two layers from a tower's width to the embedding, the second added to the first, and a normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, DIM, bias=False)
        self.linear2 = nn.Linear(DIM, DIM, bias=False)
        self.layer_norm = nn.LayerNorm(DIM)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return `(batch, 1024)` of `hidden (batch, width)`."""
        first = self.linear1(hidden)
        return self.layer_norm(first + self.linear2(functional.gelu(first)))


class Cnn14(nn.Module):
    """The audio network of version 2022, that of PANNs, from samples `(windows, n)` to `(windows, 2048)`."""

    dim = DIMS["Cnn14"]

    def __init__(self) -> None:
        super().__init__()
        self.logmel_extractor = LogMel(HOP)
        self.folded: FoldedNetwork | None = None

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Return the activations before the classifier."""
        return self.folded(self.logmel_extractor(samples).transpose(1, 2))


class AudioTower(nn.Module):
    """From samples `(windows, n)` to embeddings `(windows, 1024)`."""

    def __init__(self, version: str) -> None:
        super().__init__()
        network = Htsat(HTSAT_WIDTH, HTSAT_DEPTHS, HOP) if version == "2023" else Cnn14()
        self.base = nn.ModuleDict({"htsat": network}) if version == "2023" else network
        self.projection = Projection(network.dim)

    @property
    def network(self) -> Htsat | Cnn14:
        """Return what stands before the projection."""
        return self.base if isinstance(self.base, Cnn14) else self.base["htsat"]

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Return the embeddings."""
        return self.projection(self.network(samples))


class CaptionTower(nn.Module):
    """A text network and its projection; what of the hidden states is projected, the text tower knows."""

    def __init__(self, version: str) -> None:
        super().__init__()
        self.base = Gpt2() if version == "2023" else Bert(BERT_BASE)
        self.projection = Projection(TEXT_WIDTH)


def default_filters(version: str) -> torch.Tensor:
    """Return the mel filters `(513, 64)` that msclap makes; a checkpoint's own, where it has any, replace them."""
    _, rate_hz = FILTERS[version]
    return torch.from_numpy(slaney_mel_matrix(rate_hz, N_FFT, N_MELS, LOWEST_HZ, HIGHEST_HZ).T.copy())


def published_shapes(version: str) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of all that stands in an official checkpoint, but for the constants."""
    with torch.device("meta"):
        audio, text = AudioTower(version), CaptionTower(version)
    if version == "2023":
        unused = {f"base.htsat.{name}": shape for name, shape in audio.network.unused_shapes().items()}
    else:
        unused = {f"base.{name}": shape for name, shape in cnn14_shapes("Cnn14").items()}
    shapes = {f"audio_encoder.{name}": tuple(tensor.shape) for name, tensor in audio.state_dict().items()}
    shapes |= {f"audio_encoder.{name}": shape for name, shape in unused.items()}
    shapes |= {f"caption_encoder.{name}": tuple(tensor.shape) for name, tensor in text.state_dict().items()}
    return shapes | {"logit_scale": ()}
