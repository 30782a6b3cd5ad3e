"""Sounds for the CLAPs' tests, and official tensors under the names of transformers' ClapModel."""

import numpy as np


def sounds(rng, seconds, rate_hz):
    """Return a decaying note with noise, mono."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    note = sum(np.sin(2 * np.pi * 196 * k * time_s) / k for k in range(1, 9)) * np.exp(-time_s)
    return (0.2 * note + 0.02 * rng.standard_normal(len(time_s))).astype(np.float32)


def transformers_name(name):
    """Return the name that transformers gives to an official tensor."""
    renames = {
        "audio_branch.bn0": "audio_branch.batch_norm", "audio_branch": "audio_model.audio_encoder",
        ".norm1": ".layernorm_before", ".norm2": ".layernorm_after", ".mlp.fc1": ".intermediate.dense",
        ".mlp.fc2": ".output.dense", ".attn.proj": ".attention.output.dense", ".attn.": ".attention.self.",
        "projection.0": "projection.linear1", "projection.2": "projection.linear2", "text_branch": "text_model",
    }  # fmt: skip
    for old, new in renames.items():
        name = name.replace(old, new)
    return name


def in_transformers_layout(state):
    """Return the tensors under transformers' names, queries, keys and values apart."""
    renamed = {}
    for name, tensor in state.items():
        if ".qkv." in name:
            for part, third in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                renamed[transformers_name(name).replace("qkv", part)] = third
        else:
            renamed[transformers_name(name)] = tensor
    return renamed


def clap_config(width, depths, **text):
    from transformers import ClapConfig

    audio = {"patch_embeds_hidden_size": width, "hidden_size": 8 * width, "depths": list(depths)}
    return ClapConfig(audio_config=audio | {"enable_fusion": False}, text_config=text)
