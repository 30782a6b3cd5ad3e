"""Our musicnn against the published TensorFlow package's numbers, and against itself in other batches."""

from concurrent.futures import ThreadPoolExecutor

import librosa
import numpy as np
import pytest
import torch
from published_weights import published_weights
from recorded_clips import recorded_clips
from safetensors.torch import load_file, save_file

from embedshift.errors import UserError
from embedshift.models import musicnn
from embedshift.models.catalog import ENTRIES
from embedshift.models.load import load_adapter
from embedshift.models.musicnn_log_mel import log_mel_on_gpu, published_log_mel
from embedshift.models.musicnn_networks import Block

LAYERS = ENTRIES["musicnn"].options["layer"].choices_by
PAIRS = [(checkpoint, layer) for checkpoint, layers in LAYERS.items() for layer in layers]


def adapter_of(checkpoint, layer, precision="float32"):
    settings = {"adapter": "musicnn", "options": {"checkpoint": checkpoint, "layer": layer}}
    return load_adapter(settings, published_weights(f"musicnn_{checkpoint}"), "cpu", precision)


@pytest.fixture
def music(rng):
    """Four clips of 3.1 s at 16 kHz: decaying harmonic tones with noise."""
    time_s = np.arange(49_600) / 16_000
    clips = [
        sum(np.sin(2 * np.pi * pitch * k * time_s) / k for k in range(1, 8)) * np.exp(-time_s)
        + 0.02 * rng.standard_normal(len(time_s))
        for pitch in (110, 220, 331, 587)
    ]
    return 0.1 * np.stack(clips).astype(np.float32)


@pytest.mark.parametrize(("checkpoint", "layer"), PAIRS)
def test_every_layer_is_the_published_one(checkpoint, layer, golden_values):
    golden = np.load(golden_values / "musicnn_reference.npz")
    expected = np.stack([golden[f"{checkpoint}/s{index}/{layer}"].reshape(2, -1) for index in range(3)])
    found = adapter_of(checkpoint, layer).embed(golden["signals"])
    assert found.shape == expected.shape == (3, 2, musicnn.DIMS[layer])
    # sums of max_pool reach 100: on processors without AVX-512 their order, and with it the fourth digit, is another
    exact = layer != "max_pool" or torch.backends.cpu.get_cpu_capability() == "AVX512"
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 if exact else 5e-4)


@pytest.mark.parametrize("index", range(3))
def test_the_spectrogram_is_the_published_one(index, golden_values):
    golden = np.load(golden_values / "musicnn_reference.npz")
    expected, found = golden[f"s{index}/log_mel"], published_log_mel(golden["signals"][index])
    bands = ((10 ** expected.astype(float) - 1) / 10_000).astype(np.float16).astype(np.float32)
    # bit for bit, but for log10: its last bit is numpy's, and another on processors without AVX-512
    np.testing.assert_array_equal(found, np.log10(10_000 * bands + 1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_samples", [47_616, 48_000, 49_600, 300_000])
def test_the_spectrogram_is_librosas_to_the_bit(n_samples, music):
    samples = np.resize(music, n_samples)
    found = published_log_mel(samples)
    mel = librosa.feature.melspectrogram(y=samples, sr=16_000, n_fft=512, hop_length=256, n_mels=96)
    np.testing.assert_array_equal(found, np.log10(10_000 * mel.T.astype(np.float16).astype(np.float32) + 1))


def test_the_spectrogram_in_float64_rounds_nearly_every_band_alike(music):
    found = log_mel_on_gpu(torch.from_numpy(music)).numpy()
    expected = np.stack([published_log_mel(samples) for samples in music])
    assert found.shape == expected.shape
    # one unit of float16 in the mel bands
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-4)
    assert np.mean(np.abs(found - expected) > 1e-6) < 0.001


@pytest.mark.parametrize("checkpoint", ["MTT_musicnn", "MTT_vgg"])
def test_a_clip_has_one_embedding_whatever_stands_beside_it(checkpoint, music):
    adapter = adapter_of(checkpoint, LAYERS[checkpoint][0])
    together = adapter.embed(music)
    backwards = adapter.embed(music[::-1].copy())[::-1]
    alone = np.concatenate([adapter.embed(music[index : index + 1]) for index in range(len(music))])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(backwards, alone)
    assert adapter.clips_embedded == 12
    assert adapter.calls == 6


@pytest.mark.parametrize("checkpoint", list(LAYERS))
def test_bfloat16_stays_close(checkpoint, music):
    cosine = cosine_of_bfloat16(checkpoint, LAYERS[checkpoint][0], music)
    assert cosine.max() < 1
    assert cosine.min() >= 0.9999


@pytest.mark.parametrize(("checkpoint", "layer"), PAIRS)
def test_bfloat16_stays_close_on_real_recordings(checkpoint, layer, real_recordings):
    clips = recorded_clips(real_recordings / "fsdkaggle2018_instruments", 6, 16_000, 48_000)
    assert cosine_of_bfloat16(checkpoint, layer, clips).min() >= 0.9999


def cosine_of_bfloat16(checkpoint, layer, clips):
    exact = adapter_of(checkpoint, layer).embed(clips)[:, 0].astype(float)
    rough = adapter_of(checkpoint, layer, "bfloat16").embed(clips)[:, 0].astype(float)
    return (exact * rough).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)


def test_pooling_first_changes_nothing(rng):
    """The short cut of the network against the published order, with channels that the normalisation turns round."""
    block = Block(torch.nn.Conv2d(1, 6, (3, 5)), 6).eval()
    patches = torch.from_numpy(rng.standard_normal((2, 1, 20, 12)).astype(np.float32))
    with torch.no_grad():
        for values in (block.normalisation.weight, block.normalisation.bias, block.normalisation.running_mean):
            values.copy_(torch.from_numpy(rng.standard_normal(6)))
        assert (block.normalisation.weight < 0).any()
        expected = block.normalisation(torch.relu(block.convolution(patches))).amax(dim=3)
        block.orient()
        found = block.forward_max(patches, (1, 8))[:, :, :, 0]
        np.testing.assert_allclose(block(patches).amax(dim=3), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_threads_side_by_side_give_the_same_bits(music):
    adapter = adapter_of("MTT_musicnn", "penultimate")
    expected = adapter.embed(music)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(adapter.embed, [music] * 8):
            np.testing.assert_array_equal(found, expected)
    assert adapter.clips_embedded == 9 * len(music)


def test_length_rule_repeats_short_clips_and_drops_the_rest_of_long_ones(music):
    adapter = adapter_of("MTT_vgg", "taggram")
    short = adapter.fit_length(music[0, :20_000])
    assert len(short) == 47_616 == adapter.length_of(20_000)
    np.testing.assert_array_equal(short[20_000:40_000], music[0, :20_000])
    assert adapter.embed(short[None]).shape == (1, 1, 50)
    long = np.concatenate([music[0], music[1]])
    assert adapter.length_of(len(long)) == len(long)
    assert adapter.embed(long[None]).shape == (1, 2, 50)
    assert np.isfinite(adapter.embed(1000 * short[None])).all()
    assert np.isfinite(adapter.embed(0 * short[None])).all()


def test_weights_must_fit_exactly(tmp_path):
    tensors = load_file(published_weights("musicnn_MTT_musicnn"))
    tensors["conv2d_9/bias"] = tensors.pop("conv2d_1/bias")
    tensors["dense/bias"] = tensors["dense/bias"][:199].clone()
    save_file(tensors, tmp_path / "other.safetensors")
    options = {"checkpoint": "MTT_musicnn", "layer": "penultimate"}
    with pytest.raises(UserError) as caught:
        musicnn.load(tmp_path / "other.safetensors", options, "cpu", "float32")
    for words in ("missing: conv2d_1/bias", "left over: conv2d_9/bias", "dense/bias (199,) instead of (200,)"):
        assert words in str(caught.value)
    with pytest.raises(UserError, match="nowhere"):
        musicnn.load(tmp_path / "nowhere.safetensors", options, "cpu", "float32")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "other.safetensors").read_bytes()[:5000])
    with pytest.raises(UserError, match="cut.safetensors"):
        musicnn.load(tmp_path / "cut.safetensors", options, "cpu", "float32")
