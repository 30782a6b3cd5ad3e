"""EnCodec, DAC and the Stable Audio VAE against encodec 0.1.1, descript-audio-codec 1.0.0 and diffusers."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from recorded_clips import recorded_clips
from safetensors.torch import load_file
from seeded_checkpoints.codec_sounds import codec_sounds
from seeded_checkpoints.dac import write_dac_checkpoint
from seeded_checkpoints.encodec import write_encodec_checkpoint
from seeded_checkpoints.stable_audio_vae import write_stable_audio_vae_checkpoint

from embedshift.models import dac, encodec, stable_audio_vae
from embedshift.weights import convert_file

WRAPPERS = Path(__file__).parent / "wrappers"
ENVIRONMENT = "torch_packages"
TOLERANCE = 1e-4
"""Relative, as for every model; errors seen are below 1e-5."""
STRETCH = 3.7
"""The official file of DAC holds gains and directions of any length; the other file holds their product."""


def official_encodec(hub):
    """Return the encoder's tensors of the repository's file under the names of the official .th file."""
    renamed = {}
    for name, value in hub.items():
        if name.startswith("encoder."):
            name = name.replace("encoder.layers.", "encoder.model.").replace(".norm.", ".conv.norm.")
            renamed[re.sub(r"\.conv\.(weight|bias)", r".conv.conv.\1", name)] = value
    return renamed


def official_dac(hub):
    """Return encoder and quantisers of the repository's file under the names of the official .pth file."""
    renamed = {}
    for name, value in hub.items():
        if name.startswith("decoder."):
            continue
        name = official_dac_name(name)
        if name.endswith(".weight") and "codebook" not in name:
            stem = name.removesuffix(".weight")
            renamed[f"{stem}.weight_g"] = value.square().sum(dim=(1, 2), keepdim=True).sqrt()
            renamed[f"{stem}.weight_v"] = STRETCH * value
        else:
            renamed[name] = value
    return renamed


def official_dac_name(name):
    rules = (
        (r"^encoder\.conv1\.", "encoder.block.0."),
        (r"^encoder\.snake1\.", "encoder.block.5."),
        (r"^encoder\.conv2\.", "encoder.block.6."),
    )
    for pattern, new in rules:
        if re.search(pattern, name):
            return re.sub(pattern, new, name)
    found = re.fullmatch(r"encoder\.block\.(\d)\.(?:res_unit(\d)\.)?(\w+)\.(\w+)", name)
    if not found:
        return name
    block, unit, layer, last = found.groups()
    inside = {"snake1": 0, "conv1": 1, "snake2": 2, "conv2": 3}[layer]
    place = f"{int(unit) - 1}.block.{inside}" if unit else str(3 + inside)
    return f"encoder.block.{int(block) + 1}.block.{place}.{last}"


def sounds_of(rng, recordings, rate_hz, lengths):
    """Return {name: (samples,)}: a seeded sound of each length, and two recorded clips."""
    clips = {f"seeded_{n}": codec_sounds(rng, 1, n, rate_hz)[0] for n in lengths}
    real = recorded_clips(recordings, 2, rate_hz, max(lengths))
    return clips | {f"recorded_{index}": clip for index, clip in enumerate(real)}


def compare(adapter, theirs, clips):
    """Return the largest relative error of a clip's embedding and of a frame."""
    errors = []
    for name, clip in clips.items():
        expected, found = theirs[name][0], adapter.embed(adapter.fit_length(clip)[None])[0]
        assert found.shape == expected.shape
        assert expected.std() > 0.05
        pair = (adapter.pool(found), expected.mean(axis=0)), (found, expected)
        errors.append([np.abs(ours - other).max() / np.abs(other).max() for ours, other in pair])
    print(f"largest relative errors (embedding, frame): {np.max(errors, axis=0)}")
    return np.max(errors)


@pytest.mark.parametrize(("model", "lengths"), [("24khz", (1, 319, 24_000, 50_001)), ("48khz", (400, 48_000, 96_001))])
def test_encodec(model, lengths, run_official, tmp_path, rng, recordings):
    hub = write_encodec_checkpoint(tmp_path / "hub", 5, model)
    torch.save(official_encodec(load_file(hub / "model.safetensors")), tmp_path / "official.th")
    convert_file(f"encodec_{model}", hub, tmp_path / "converted.safetensors")
    adapter = encodec.load(tmp_path / "converted.safetensors", {"model": model}, "cpu", "float32")
    clips = sounds_of(rng, recordings, adapter.sample_rate_hz, lengths)
    theirs = run_official(ENVIRONMENT, WRAPPERS / "encodec.py", tmp_path / "official.th", clips, {"model": model})
    assert compare(adapter, theirs, clips) < TOLERANCE


@pytest.mark.parametrize(("model", "layer"), [("44khz", "latents"), ("44khz", "quantised"), ("44khz", "projected"),
                                              ("24khz", "latents"), ("16khz", "projected")])  # fmt: skip
def test_dac(model, layer, run_official, tmp_path, rng, recordings):
    hub = write_dac_checkpoint(tmp_path / "hub", 6, model)
    torch.save({"state_dict": official_dac(load_file(hub / "model.safetensors"))}, tmp_path / "official.pth")
    convert_file(f"dac_{model}", hub, tmp_path / "converted.safetensors")
    options = {"model": model, "layer": layer}
    adapter = dac.load(tmp_path / "converted.safetensors", options, "cpu", "float32")
    clips = sounds_of(rng, recordings, adapter.sample_rate_hz, (1, 512, 22_001))
    theirs = run_official(ENVIRONMENT, WRAPPERS / "dac.py", tmp_path / "official.pth", clips, options)
    assert compare(adapter, theirs, clips) < TOLERANCE


def test_stable_audio_vae(run_official, tmp_path, rng, recordings):
    seeded = write_stable_audio_vae_checkpoint(tmp_path / "seeded.safetensors", 8)
    clips = sounds_of(rng, recordings, 44_100, (1, 2048, 15_001))
    theirs = run_official(
        ENVIRONMENT, WRAPPERS / "stable_audio_vae.py", seeded, clips, {"save_to": str(tmp_path / "vae")}
    )
    saved = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    convert_file("stable_audio_vae", saved, tmp_path / "converted.safetensors")
    adapter = stable_audio_vae.load(tmp_path / "converted.safetensors", {}, "cpu", "float32")
    assert compare(adapter, theirs, clips) < TOLERANCE
