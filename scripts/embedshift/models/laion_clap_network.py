"""The networks of LAION-CLAP (Wu et al., ICASSP 2023) under their published names: HTS-AT, RoBERTa and projections.

Both towers end in two layers and a division by the Euclidean norm: 512 values whose squares sum to one.
"""

import torch
from torch import nn
from torch.nn import functional

from embedshift.models.clap_bert import ROBERTA_BASE, Bert
from embedshift.models.clap_htsat import Htsat

DIM = 512
HOP = 480
AUDIO_NETWORKS = {
    "630k-audioset-best": (96, (2, 2, 6, 2)),
    "music_audioset_epoch_15_esc_90.14": (128, (2, 2, 12, 2)),
}
"""Width and depths of the HTS-AT of each checkpoint."""
CONSTANTS = (
    r"^audio_branch\.spectrogram_extractor\.|"
    r"(^|\.)(attn_mask|relative_position_index|num_batches_tracked|position_ids)$"
)
"""Names of tensors that follow from no training; whether they stand in a file depends on the version that wrote it."""


def projection(width: int) -> nn.Sequential:
    """Return the two layers from a tower's `width` to the embedding."""
    return nn.Sequential(nn.Linear(width, DIM), nn.ReLU(), nn.Linear(DIM, DIM))


class AudioTower(nn.Module):
    """From samples `(windows, n)` to embeddings `(windows, 512)` of norm one."""

    def __init__(self, checkpoint: str) -> None:
        super().__init__()
        width, depths = AUDIO_NETWORKS[checkpoint]
        self.audio_branch = Htsat(width, depths, HOP)
        self.audio_projection = projection(self.audio_branch.dim)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Return the embeddings."""
        return functional.normalize(self.audio_projection(self.audio_branch(samples)), dim=-1)


class RobertaTower(nn.Module):
    """From tokens and their mask `(texts, tokens)` to embeddings `(texts, 512)` of norm one."""

    def __init__(self) -> None:
        super().__init__()
        self.text_branch = Bert(ROBERTA_BASE)
        self.text_projection = projection(ROBERTA_BASE.width)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the embeddings, from the pooled first token."""
        pooled = self.text_branch.pooled(self.text_branch(tokens, mask))
        return functional.normalize(self.text_projection(pooled), dim=-1)


def published_shapes(checkpoint: str) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of all that stands in an official checkpoint, but for the constants."""
    with torch.device("meta"):
        audio, text = AudioTower(checkpoint), RobertaTower()
    shapes = {name: tuple(tensor.shape) for tower in (audio, text) for name, tensor in tower.state_dict().items()}
    shapes |= {f"audio_branch.{name}": shape for name, shape in audio.audio_branch.unused_shapes().items()}
    for name in ("audio_transform", "text_transform"):
        for layer in (0, 3):
            shapes |= {f"{name}.sequential.{layer}.weight": (DIM, DIM), f"{name}.sequential.{layer}.bias": (DIM,)}
    return shapes | {"logit_scale_a": (), "logit_scale_t": ()}
