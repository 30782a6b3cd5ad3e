"""LAION-CLAP checkpoints with seeded weights in the official layout."""

import numpy as np
import torch
from seeded_checkpoints.clap_parts import htsat_constants, mel_filters, seeded_tensors

from embedshift.models import laion_clap_network


def seeded_laion_clap(seed, checkpoint="630k-audioset-best"):
    """Return {official name: tensor}, the constants of the official files among them."""
    state = seeded_tensors(laion_clap_network.published_shapes(checkpoint), seed)
    _, depths = laion_clap_network.AUDIO_NETWORKS[checkpoint]
    state |= htsat_constants("audio_branch", depths)
    state["audio_branch.logmel_extractor.melW"] = mel_filters(48_000)
    state["text_branch.embeddings.position_ids"] = torch.arange(514)[None]
    return state


def write_laion_clap_checkpoint(path, seed, checkpoint="630k-audioset-best"):
    """Write a checkpoint as training left it: names of a model on several GPUs, numpy's scalars beside the weights."""
    state = {f"module.{name}": tensor for name, tensor in seeded_laion_clap(seed, checkpoint).items()}
    torch.save({"epoch": 15, "name": "seeded", "best": np.float64(0.9), "state_dict": state}, path)
