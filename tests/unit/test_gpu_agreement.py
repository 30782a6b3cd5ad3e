"""Every network on a GPU against the same network on the CPU, with TF32 off; skipped where there is no GPU."""

import importlib

import numpy as np
import pytest
import torch

from embedshift.device import exact_float32
from embedshift.models.catalog import ENTRIES, check_model, weights_name
from embedshift.models.load import load_adapter
from embedshift.weights import convert_file

SEEDED = ("openl3", "panns", "vggish", "laion_clap", "msclap", "encodec", "dac", "stable_audio_vae", "diffae")
FOLDERS = ("encodec", "dac")
SUFFIXES = {"openl3": ".h5"}
# the spectrum of OpenL3 reaches 80 dB down, where empty bands hold only the rounding of the transform
TOLERANCE = {"openl3": 2e-3}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("adapter", SEEDED)
def test_a_gpu_gives_the_numbers_of_the_cpu(adapter, tmp_path):
    module = importlib.import_module(f"seeded_checkpoints.{adapter}")
    checkpoint = tmp_path / ("folder" if adapter in FOLDERS else f"checkpoint{SUFFIXES.get(adapter, '.pth')}")
    getattr(module, f"write_{adapter}_checkpoint")(checkpoint, seed=5)
    settings = check_model("m", {"adapter": adapter})
    files = module.files_of(checkpoint) if hasattr(module, "files_of") else checkpoint
    convert_file(weights_name(settings), files, tmp_path / "weights.safetensors")
    exact_float32("cuda")
    found = {}
    for device in ("cpu", "cuda"):
        model = load_adapter(settings, tmp_path / "weights.safetensors", device, "float32")
        clips = 0.1 * np.random.default_rng(3).standard_normal((3, 3 * model.sample_rate_hz)).astype(np.float32)
        found[device] = model.embed(np.stack([model.fit_length(clip) for clip in clips]))
    difference = np.abs(found["cuda"] - found["cpu"]).max() / np.abs(found["cpu"]).max()
    assert difference <= TOLERANCE.get(adapter, 1e-4)


def test_every_adapter_with_a_network_of_its_own_is_asked():
    networks = {name for name, entry in ENTRIES.items() if entry.weights and entry.runs_on_gpu}
    assert networks - {"musicnn", "crepe"} == set(SEEDED)
