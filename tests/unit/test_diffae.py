"""The diffusion autoencoder's latents against a plain computation in float64 from the published layout.

No package with this encoder is on the package index, and its weights are not at hand: what is checked is that the
network does what the published source says, on seeded weights under its names.
"""

import numpy as np
import pytest
import torch
from adapter_checks import change_by_company, refusal_of_a_renamed_tensor
from safetensors.torch import load_file
from seeded_checkpoints.codec_sounds import codec_sounds
from seeded_checkpoints.diffae import STRIDES, encoder_shapes, write_diffae_checkpoint
from torch.nn.functional import conv1d, elu, pad

from embedshift.models import diffae
from embedshift.models.catalog import check_model, dim_of, rate_of, weights_name
from embedshift.models.load import load_adapter
from embedshift.weights import convert_file


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_diffae_checkpoint(tmp_path_factory.mktemp("diffae") / "published.ckpt", 9)


@pytest.fixture(scope="module")
def weights(checkpoint):
    convert_file("diffae", checkpoint, checkpoint.with_suffix(".safetensors"))
    return checkpoint.with_suffix(".safetensors")


@pytest.fixture(scope="module")
def adapter(weights):
    return diffae.load(weights, {}, "cpu", "float32")


class PlainEncoder:
    """The published layout, step by step in float64; of the two copies in the file, the averaged one."""

    def __init__(self, path):
        state = torch.load(path, weights_only=True)["state_dict"]
        self.tensors = {name: value.double() for name, value in state.items()}

    def encode(self, samples):
        """Return the latents (frames, 64) of mono (n,)."""
        stereo = torch.from_numpy(samples.astype(np.float64)).expand(1, 2, -1)
        signal = elu(self.convolve("layers.0", stereo))
        for index, stride in enumerate(STRIDES):
            block = f"layers.{2 * index + 2}.layers"
            for unit, rate in enumerate((1, 3, 9, 1, 3, 9)):
                inner = elu(self.convolve(f"{block}.{2 * unit}.layers.0", signal, dilation=rate))
                signal = elu(signal + self.convolve(f"{block}.{2 * unit}.layers.2", inner))
            signal = elu(self.convolve(f"{block}.12", signal, stride=stride))
        return torch.tanh(self.convolve("layers.12", signal))[0].T.numpy()

    def convolve(self, name, signal, stride=1, dilation=1):
        weight, bias = self.tensors[f"encoder_ema.{name}.weight"], self.tensors[f"encoder_ema.{name}.bias"]
        zeros = (weight.shape[2] - 1) * dilation
        return conv1d(pad(signal, (zeros, 0)), weight, bias, stride=stride, dilation=dilation)


@pytest.mark.parametrize("samples", [1, 128, 129, 9_001])
def test_latents_are_those_of_a_plain_computation(samples, checkpoint, adapter, rng):
    clip = codec_sounds(rng, 1, samples, 48_000)[0]
    expected, found = PlainEncoder(checkpoint).encode(clip), adapter.embed(clip[None])[0]
    assert found.shape == expected.shape == (-(-samples // 128), 64)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    assert 0.05 < expected.std() < np.abs(expected).max() < 1


def test_the_shape_is_that_of_the_paper(adapter):
    """Hawley and Steinmetz, table 3: 64 latents at 1/128 of the rate, 131,072 values for 2^18 samples."""
    assert adapter.dim * (2**18 // round(adapter.frame_hop_s * adapter.sample_rate_hz)) == 131_072


def test_long_clips_in_blocks_are_the_whole_clips(weights, rng):
    adapter = diffae.load(weights, {}, "cpu", "float32")
    clip = codec_sounds(rng, 1, 300 * 128 + 5, 48_000)
    whole = adapter.embed(clip)
    hop, reach, frames = adapter._blocks
    assert reach[1] == 0
    adapter._blocks = (hop, reach, 100)
    np.testing.assert_allclose(adapter.embed(clip), whole, rtol=0, atol=1e-5 * np.abs(whole).max())


def test_nothing_later_is_heard(adapter, rng):
    clip = codec_sounds(rng, 1, 20_000, 48_000)
    changed = np.concatenate([clip[:, :12_801], np.zeros((1, 7_199), np.float32)], axis=1)
    np.testing.assert_array_equal(adapter.embed(changed)[:, :101], adapter.embed(clip)[:, :101])
    assert (adapter.embed(changed)[:, 101:] != adapter.embed(clip)[:, 101:]).any()


def test_a_clip_has_one_embedding_whatever_stands_beside_it(adapter, rng):
    clips = codec_sounds(rng, 3, 4000, 48_000)
    assert change_by_company(adapter, clips) == 0
    assert np.isfinite(adapter.embed(1000 * clips)).all()


def test_weights_must_be_the_averaged_encoders_own(weights, tmp_path):
    assert set(load_file(weights)) == {f"encoder_ema.{name}" for name in encoder_shapes()}
    names = ("encoder_ema.layers.12.weight", "encoder_ema.layers.14.weight")
    told = refusal_of_a_renamed_tensor(lambda path: diffae.load(path, {}, "cpu", "float32"), weights, tmp_path, *names)
    assert "missing: encoder_ema.layers.12.weight" in told
    assert "left over: encoder_ema.layers.14.weight" in told


def test_the_config_leads_to_the_adapter(weights):
    settings = check_model("m", {"adapter": "diffae"})
    assert (rate_of(settings), dim_of(settings), weights_name(settings)) == (48_000, 64, "diffae")
    adapter = load_adapter(settings, weights, "cpu", "float32")
    assert (adapter.sample_rate_hz, adapter.dim) == (48_000, 64)
