"""MS-CLAP checkpoints with seeded weights in the official layout."""

import torch
from seeded_checkpoints.clap_parts import htsat_constants, mel_filters, seeded_tensors, stft_constants

from embedshift.models import clap_gpt2, msclap_network


def seeded_msclap(seed, version="2023"):
    """Return {official name: tensor}, the constants of the official files among them."""
    state = seeded_tensors(msclap_network.published_shapes(version), seed)
    if version == "2023":
        place = "audio_encoder.base.htsat"
        state |= htsat_constants(place, msclap_network.HTSAT_DEPTHS) | _causal_masks()
        state[f"{place}.logmel_extractor.melW"] = mel_filters(32_000)  # as published, though the audio has 44.1 kHz
    else:
        place = "audio_encoder.base"
        state |= stft_constants(place) | {"caption_encoder.base.embeddings.position_ids": torch.arange(512)[None]}
        state |= {f"{name}.num_batches_tracked": torch.tensor(7) for name in _normalisations(state)}
        state[f"{place}.logmel_extractor.melW"] = mel_filters(44_100)
    return state


def _causal_masks():
    mask = torch.ones(1024, 1024).tril()[None, None]
    layers = [f"caption_encoder.base.h.{layer}.attn" for layer in range(clap_gpt2.LAYERS)]
    return {f"{layer}.bias": mask for layer in layers} | {
        f"{layer}.masked_bias": torch.tensor(-1e4) for layer in layers
    }


def _normalisations(state):
    return [name.removesuffix(".running_mean") for name in state if name.endswith(".running_mean")]


def write_msclap_checkpoint(path, seed, version="2023"):
    """Write a checkpoint."""
    torch.save({"model": seeded_msclap(seed, version)}, path)
