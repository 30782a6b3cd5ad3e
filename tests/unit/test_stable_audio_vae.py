"""The VAE's means against a plain computation in float64 from the published layout, and in other batches.

Diffusers' own network on the same weights is asked in tests/parity.
"""

import numpy as np
import pytest
import torch
from adapter_checks import change_by_company, refusal_of_a_renamed_tensor
from safetensors.torch import load_file
from seeded_checkpoints.codec_sounds import codec_sounds
from seeded_checkpoints.stable_audio_vae import STRIDES, encoder_shapes, write_stable_audio_vae_checkpoint
from torch.nn.functional import conv1d

from embedshift.models import stable_audio_vae
from embedshift.models.catalog import check_model, dim_of, rate_of, weights_name
from embedshift.models.load import load_adapter
from embedshift.weights import convert_file


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_stable_audio_vae_checkpoint(tmp_path_factory.mktemp("vae") / "published.safetensors", 7)


@pytest.fixture(scope="module")
def weights(checkpoint):
    convert_file("stable_audio_vae", checkpoint, checkpoint.with_name("converted.safetensors"))
    return checkpoint.with_name("converted.safetensors")


@pytest.fixture(scope="module")
def adapter(weights):
    return stable_audio_vae.load(weights, {}, "cpu", "float32")


class PlainEncoder:
    """The published layout, step by step in float64."""

    def __init__(self, path):
        self.tensors = {name: value.double() for name, value in load_file(path).items()}

    def encode(self, samples):
        """Return the means (frames, 64) of mono (n,)."""
        padded = np.pad(samples, (0, -len(samples) % 2048)).astype(np.float64)
        signal = self.convolve("encoder.conv1", torch.from_numpy(padded).expand(1, 2, -1), padding=3)
        for index, stride in enumerate(STRIDES):
            block = f"encoder.block.{index}"
            for unit, rate in ((1, 1), (2, 3), (3, 9)):
                name = f"{block}.res_unit{unit}"
                inner = self.snake(f"{name}.snake1", signal)
                inner = self.convolve(f"{name}.conv1", inner, padding=3 * rate, dilation=rate)
                signal = signal + self.convolve(f"{name}.conv2", self.snake(f"{name}.snake2", inner))
            signal = self.snake(f"{block}.snake1", signal)
            signal = self.convolve(f"{block}.conv1", signal, padding=(stride + 1) // 2, stride=stride)
        latents = self.convolve("encoder.conv2", self.snake("encoder.snake1", signal), padding=1)
        mean, _scale = latents.chunk(2, dim=1)
        return mean[0].T.numpy()

    def convolve(self, name, signal, **geometry):
        direction, gain = self.tensors[f"{name}.weight_v"], self.tensors[f"{name}.weight_g"]
        length = direction.square().sum(dim=(1, 2), keepdim=True).sqrt()
        return conv1d(signal, gain * direction / length, self.tensors[f"{name}.bias"], **geometry)

    def snake(self, name, signal):
        alpha, beta = self.tensors[f"{name}.alpha"].exp(), self.tensors[f"{name}.beta"].exp()
        return signal + torch.sin(alpha * signal) ** 2 / (beta + 1e-9)


@pytest.mark.parametrize("samples", [1, 2048, 9_001])
def test_means_are_those_of_a_plain_computation(samples, checkpoint, adapter, rng):
    clip = codec_sounds(rng, 1, samples, 44_100)[0]
    expected, found = PlainEncoder(checkpoint).encode(clip), adapter.embed(clip[None])[0]
    assert found.shape == expected.shape == (-(-samples // 2048), 64)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    assert expected.std() > 0.1


def test_long_clips_in_blocks_are_the_whole_clips(weights, rng):
    adapter = stable_audio_vae.load(weights, {}, "cpu", "float32")
    clip = codec_sounds(rng, 1, 20 * 2048, 44_100)
    whole = adapter.embed(clip)
    hop, reach, frames = adapter._blocks
    assert (hop, reach, frames) == (2048, (8, 8), 215)
    adapter._blocks = (hop, reach, 9)
    np.testing.assert_allclose(adapter.embed(clip), whole, rtol=0, atol=1e-5 * np.abs(whole).max())


def test_a_clip_has_one_embedding_whatever_stands_beside_it(adapter, rng):
    clips = codec_sounds(rng, 2, 2000, 44_100)
    assert change_by_company(adapter, clips) == 0
    assert np.isfinite(adapter.embed(np.zeros((1, 3000), np.float32))).all()


def test_weights_must_be_the_encoders_own(weights, tmp_path):
    assert set(load_file(weights)) == set(encoder_shapes())
    names = ("encoder.snake1.beta", "encoder.snake1.gamma")
    told = refusal_of_a_renamed_tensor(
        lambda path: stable_audio_vae.load(path, {}, "cpu", "float32"), weights, tmp_path, *names
    )
    assert "missing: encoder.snake1.beta" in told
    assert "left over: encoder.snake1.gamma" in told


def test_the_config_leads_to_the_adapter(weights):
    settings = check_model("m", {"adapter": "stable_audio_vae"})
    assert (rate_of(settings), dim_of(settings), weights_name(settings)) == (44_100, 64, "stable_audio_vae")
    adapter = load_adapter(settings, weights, "cpu", "float32")
    assert (adapter.sample_rate_hz, adapter.dim) == (44_100, 64)
