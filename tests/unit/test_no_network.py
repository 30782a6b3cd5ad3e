"""No adapter calls the network: all of them are imported, and loaded and run where weights are at hand, without one.

An audit hook of Python sees every socket that is made and every name that is looked up, whoever asks for it. The two
CLAPs are imported here but not loaded: their weights are larger than 600 MB even when they are seeded.
"""

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from published_weights import published_weights

from embedshift.models.catalog import ENTRIES, check_model, weights_name
from embedshift.weights import convert_file
from embedshift.weights_formats import read_weights, write_safetensors

GUARD = """
import sys
INTERNET = (2, 10)  # AF_INET, AF_INET6

def refuse(event, arguments):
    asked = event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "urllib.Request")
    if asked or (event == "socket.__new__" and arguments[1] in INTERNET):
        print("the network was asked for", file=sys.stderr, flush=True)  # a library may go on without it
        raise PermissionError(event)

sys.addaudithook(refuse)
"""
IMPORT_ALL = """
import importlib, pkgutil
import embedshift.models
found = [module.name for module in pkgutil.walk_packages(embedshift.models.__path__, "embedshift.models.")]
for name in found:
    importlib.import_module(name)
print(len(found))
"""
LOAD = """
import json
import numpy as np
from embedshift.models.load import load_adapter
asked = json.loads(sys.argv[1])
adapter = load_adapter(asked["settings"], asked["weights"], "cpu", "float32")
samples = np.random.default_rng(0).standard_normal((1, adapter.length_of(adapter.sample_rate_hz)))
print(adapter.pool(adapter.embed((0.1 * samples).astype(np.float32))[0]).shape[0])
"""
PUBLISHED = ("crepe", "musicnn")
TOO_LARGE = ("laion_clap", "msclap")
OPTIONS = {"panns": {"network": "MobileNetV1"}, "dac": {"model": "16khz"}}
HEAR = """
import torch

class Model(torch.nn.Module):
    sample_rate = 16_000

def load_model(path=""):
    return Model()

def get_scene_embeddings(audio, model):
    return audio[:, :3]
"""


def run_without_network(repository, code, *arguments):
    """Run code with the library importable and the network refused; return what it prints."""
    command = [sys.executable, "-c", GUARD + code, *arguments]
    done = subprocess.run(command, cwd=repository / "scripts", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "the network was asked for" not in done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/')",
        "import socket\nsocket.socket()",
        "import socket\nsocket.getaddrinfo('localhost', 80)",
    ],
)
def test_the_guard_sees_who_asks(repository, code):
    done = subprocess.run([sys.executable, "-c", GUARD + code], cwd=repository, capture_output=True, text=True)
    assert done.returncode != 0
    assert "the network was asked for" in done.stderr


def test_importing_every_module_of_the_models_asks_for_no_network(repository):
    files = list((repository / "scripts" / "embedshift" / "models").rglob("*.py"))
    modules = [file for file in files if file.parent.name != "models" or file.name != "__init__.py"]
    assert int(run_without_network(repository, IMPORT_ALL)) == len(modules)


@pytest.mark.parametrize("adapter", sorted(set(ENTRIES) - set(TOO_LARGE)))
def test_loading_and_running_a_model_asks_for_no_network(repository, adapter, tmp_path):
    settings, weights = model_at_hand(adapter, repository, tmp_path)
    asked = {"settings": settings, "weights": weights and str(weights)}
    assert int(run_without_network(repository, LOAD, json.dumps(asked))) > 0


def model_at_hand(adapter, repository, folder):
    """Return the settings of a model and its weights, published, seeded or none."""
    if adapter in PLUG_INS:
        return PLUG_INS[adapter](repository, folder)
    settings = check_model("m", {"adapter": adapter, "options": OPTIONS.get(adapter, {})})
    name = weights_name(settings)
    if not name:
        return settings, None
    if adapter in PUBLISHED:
        return settings, published_weights(name)
    return settings, seeded_weights(adapter, settings, name, folder)


def seeded_weights(adapter, settings, name, folder):
    if not (Path(__file__).parents[1] / "seeded_checkpoints" / f"{adapter}.py").exists():
        pytest.skip(f"no seeded checkpoint of {adapter}")
    module = importlib.import_module(f"seeded_checkpoints.{adapter}")
    write = getattr(module, f"write_{adapter}_checkpoint")
    taken = {key: value for key, value in settings["options"].items() if key in inspect.signature(write).parameters}
    write(folder / "checkpoint", 3, **taken)
    files = module.files_of(folder / "checkpoint") if hasattr(module, "files_of") else folder / "checkpoint"
    convert_file(name, files, folder / "weights.safetensors")
    return folder / "weights.safetensors"


def python_model(repository, folder):
    example = repository / "examples" / "rms_and_centroid.py"
    return {"adapter": f"python:{example}:RmsAndCentroid", "options": {}}, None


def hear_model(repository, folder):
    (folder / "hear_without_network.py").write_text(HEAR)
    return check_model("m", {"adapter": "hear:hear_without_network", "options": {"folder": str(folder)}}), None


def transformers_model(repository, folder):
    import transformers

    torch.manual_seed(1)
    config = transformers.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, conv_dim=(8,) * 7,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2)  # fmt: skip
    transformers.Wav2Vec2Model(config).save_pretrained(folder / "model")
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder / "model")
    tensors = read_weights([folder / "model"], {"format": "model_folder"})
    write_safetensors(folder / "weights.safetensors", tensors)
    return check_model("m", {"adapter": "transformers:facebook/wav2vec2-base"}), folder / "weights.safetensors"


PLUG_INS = {"python": python_model, "hear": hear_model, "transformers": transformers_model}
