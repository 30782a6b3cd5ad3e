"""Modules with the HEAR interface: installed or in a folder, scenes and time stamps."""

import sys

import numpy as np
import pytest
import torch

from embedshift.errors import UserError
from embedshift.models.catalog import check_model
from embedshift.models.load import load_adapter

# A network with seeded weights in the interface as its authors describe it.
MODULE = """
import torch

class Model(torch.nn.Module):
    sample_rate = 16_000
    scene_embedding_size = 6
    timestamp_embedding_size = 4

    def __init__(self, path):
        super().__init__()
        torch.manual_seed(3)
        self.convolution = torch.nn.Conv1d(1, 4, 400, stride=400)
        if path:
            self.load_state_dict(torch.load(path, weights_only=True))

def load_model(model_file_path=""):
    return Model(model_file_path)

def get_timestamp_embeddings(audio, model):
    embeddings = model.convolution(audio[:, None]).transpose(1, 2)
    times = torch.arange(embeddings.shape[1]) * 25.0 + 12.5
    return embeddings, times.expand(len(audio), -1)

def get_scene_embeddings(audio, model):
    frames = get_timestamp_embeddings(audio, model)[0]
    return torch.cat([frames.mean(1), frames.amax(1)[:, :2]], dim=1)
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path[:])

    def from_text(text=MODULE, name="hear_module_of_a_test", **options):
        monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / f"{name}.py").write_text(text)
        given = {"adapter": f"hear:{name}", "options": {"folder": str(tmp_path)} | options}
        return load_adapter(check_model("m", given), None, "cpu", "float32"), sys.modules[name]

    return from_text


def test_scenes_are_what_the_module_returns(load, rng):
    adapter, module = load()
    assert (adapter.sample_rate_hz, adapter.dim, adapter.frame_hop_s) == (16_000, 6, None)
    batch = rng.standard_normal((3, 24_000)).astype(np.float32)
    with torch.no_grad():
        expected = module.get_scene_embeddings(torch.from_numpy(batch), module.load_model("")).numpy()
    np.testing.assert_allclose(adapter.embed(batch)[:, 0], expected, atol=1e-6)


def test_time_stamps_are_frames(load, rng):
    adapter, module = load(embedding="timestamps")
    assert (adapter.dim, adapter.frame_hop_s) == (4, 0.025)
    batch = rng.standard_normal((2, 24_000)).astype(np.float32)
    with torch.no_grad():
        expected = module.get_timestamp_embeddings(torch.from_numpy(batch), module.load_model(""))[0].numpy()
    frames = adapter.embed(batch)
    assert frames.shape == (2, 60, 4)
    np.testing.assert_allclose(frames, expected, atol=1e-6)
    np.testing.assert_allclose(adapter.pool(frames[0]), expected[0].mean(axis=0), atol=1e-6)


def test_the_weights_are_those_of_the_option(load, tmp_path, rng):
    plain, module = load()
    model = module.load_model("")
    with torch.no_grad():
        model.convolution.bias += 1
    torch.save(model.state_dict(), tmp_path / "own.pt")
    own, _ = load(weights=str(tmp_path / "own.pt"))
    batch = rng.standard_normal((1, 16_000)).astype(np.float32)
    np.testing.assert_allclose(own.embed(batch), plain.embed(batch) + 1, atol=1e-5)


def test_short_clips_are_repeated_where_the_user_says_so(load):
    adapter, _ = load(minimum_s=0.5)
    assert len(adapter.fit_length(np.ones(100, np.float32))) == 8_000


@pytest.mark.parametrize(
    ("edit", "options", "words"),
    [
        (("def load_model", "def load"), {}, ["no load_model", "HEAR"]),
        (("def get_timestamp_embeddings", "def other"), {"embedding": "timestamps"}, ["no get_timestamp_embeddings"]),
        (("sample_rate =", "rate ="), {}, ["no sample_rate"]),
        (("torch.manual_seed(3)", "raise OSError('no network')"), {}, ["load_model", ".py, line 11", "no network"]),
        (("import torch\n", "import no_such_xyz\n"), {}, ["needs no_such_xyz", "Install"]),
        (("import torch\n", "import torch\n1 / 0\n"), {}, [".py, line 3", "ZeroDivisionError"]),
        (("frames.mean(1)", "frames.mean((0, 1)).expand(len(audio), -1)"), {}, ["alone and first in a batch"]),
        (("", ""), {"weights": "nowhere.pt"}, ["load_model", "FileNotFoundError", "nowhere.pt"]),
    ],
)
def test_mistakes_are_told_in_words(load, edit, options, words):
    with pytest.raises(UserError) as caught:
        load(MODULE.replace(*edit) if edit[0] else MODULE, **options)
    for word in words:
        assert word in str(caught.value)


def test_a_module_that_is_not_installed():
    with pytest.raises(UserError, match="hear_nowhere is not installed"):
        load_adapter(check_model("m", {"adapter": "hear:hear_nowhere"}), None, "cpu", "float32")
