"""EnCodec's latents against transformers' own model on the same weights, and against themselves in other batches."""

import numpy as np
import pytest
import torch
from adapter_checks import change_by_company, refusal_of_a_renamed_tensor
from safetensors.torch import load_file
from seeded_checkpoints.codec_sounds import codec_sounds
from seeded_checkpoints.encodec import write_encodec_checkpoint

from embedshift.errors import UserError
from embedshift.models import encodec
from embedshift.models.catalog import check_model, dim_of, rate_of, weights_name
from embedshift.models.load import load_adapter
from embedshift.weights import convert_file

MODELS = ("24khz", "48khz")
LENGTHS = {"24khz": (1, 5, 319, 320, 321, 23_999, 24_000, 40_007), "48khz": (1, 321, 47_521, 48_000, 100_003, 142_560)}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encodec")
    return {model: write_encodec_checkpoint(folder / model, 24, model) for model in MODELS}


@pytest.fixture(scope="module")
def weights(checkpoints):
    """Return {model: converted file}."""
    converted = {model: folder.with_suffix(".safetensors") for model, folder in checkpoints.items()}
    for model, path in converted.items():
        convert_file(f"encodec_{model}", checkpoints[model], path)
    return converted


@pytest.fixture(scope="module")
def adapters(weights):
    return {model: encodec.load(path, {"model": model}, "cpu", "float32") for model, path in weights.items()}


@pytest.fixture(scope="module")
def theirs(checkpoints):
    """Return {model: function from (samples,) to latents (frames, 128)} of transformers' EncodecModel."""
    from transformers import EncodecModel

    models = {model: EncodecModel.from_pretrained(folder).eval() for model, folder in checkpoints.items()}

    def latents_by(model):
        def latents(samples):
            found = []
            hook = model.encoder.register_forward_hook(lambda module, given, output: found.append(output))
            channels = model.config.audio_channels
            with torch.inference_mode():
                model.encode(torch.from_numpy(samples).expand(1, channels, -1))
            hook.remove()
            return torch.cat(found, dim=2)[0].T.numpy()

        return latents

    return {name: latents_by(model) for name, model in models.items()}


@pytest.fixture
def sounds(rng):
    return {model: codec_sounds(rng, 4, 40_007, rate) for model, rate in encodec.SAMPLE_RATES_HZ.items()}


@pytest.mark.parametrize(("model", "samples"), [(model, n) for model in MODELS for n in LENGTHS[model]])
def test_latents_are_those_of_transformers(model, samples, adapters, theirs, rng):
    clip = codec_sounds(rng, 1, samples, encodec.SAMPLE_RATES_HZ[model])[0]
    expected, found = theirs[model](clip), adapters[model].embed(clip[None])[0]
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    assert expected.std() > 0.1


def test_frames_are_those_of_segments_at_48_khz_and_of_the_clip_at_24_khz(adapters):
    frames = {model: adapters[model].embed(np.zeros((1, 96_000), np.float32)).shape for model in MODELS}
    # three segments, of 48,000, 48,000 and 960 samples
    assert frames == {"24khz": (1, 300, 128), "48khz": (1, 150 + 150 + 3, 128)}
    assert [adapters[model].frame_hop_s for model in MODELS] == [pytest.approx(1 / 75), pytest.approx(1 / 150)]


def test_the_level_is_taken_out_at_48_khz_only(adapters, sounds):
    change = {}
    for model in MODELS:
        loud, soft = (adapters[model].embed(gain * sounds[model]) for gain in (np.float32(1), np.float32(0.1)))
        change[model] = np.abs(loud - soft).max() / np.abs(loud).max()
    assert change["48khz"] < 1e-4 < 0.1 < change["24khz"]


def test_long_clips_in_blocks_are_the_whole_clips(adapters, rng):
    adapter = adapters["24khz"]
    clip = codec_sounds(rng, 1, 12 * 24_000 + 7, 24_000)
    with torch.inference_mode():
        whole = adapter._network.recur(adapter._network.convolve(torch.from_numpy(clip)[:, None]))
    found = adapter.embed(clip)
    assert found.shape == (1, 901, 128)
    np.testing.assert_allclose(found[0], whole[0].T, rtol=0, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize("model", MODELS)
def test_a_clip_has_one_embedding_whatever_stands_beside_it(model, adapters, sounds):
    adapter, clips = adapters[model], sounds[model]
    assert change_by_company(adapter, clips) == 0
    alone = adapter.embed(clips[:1])[0]
    np.testing.assert_allclose(adapter.pool(alone), alone.mean(axis=0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_silence_and_loud_noise_stay_finite(model, adapters):
    noise = 100 * np.random.default_rng(1).standard_normal((1, 5000)).astype(np.float32)
    for clip in (np.zeros((1, 5000), np.float32), noise):
        assert np.isfinite(adapters[model].embed(clip)).all()


def test_weights_must_be_the_encoders_own(weights, tmp_path):
    names = ("encoder.layers.0.conv.weight_g", "encoder.layers.0.conv.weight")
    told = refusal_of_a_renamed_tensor(
        lambda path: encodec.load(path, {"model": "24khz"}, "cpu", "float32"), weights["24khz"], tmp_path, *names
    )
    assert "missing: encoder.layers.0.conv.weight_g" in told
    assert "left over: encoder.layers.0.conv.weight" in told
    with pytest.raises(UserError, match=r"norm\.weight"):
        encodec.load(weights["24khz"], {"model": "48khz"}, "cpu", "float32")


def test_converting_keeps_the_encoder_and_nothing_else(checkpoints, weights):
    published = load_file(checkpoints["24khz"] / "model.safetensors")
    kept = load_file(weights["24khz"])
    assert set(kept) == {name for name in published if name.startswith("encoder.")}
    assert {name.split(".")[0] for name in set(published) - set(kept)} == {"decoder", "quantizer"}


def test_the_config_leads_to_the_adapter(weights):
    settings = check_model("m", {"adapter": "encodec", "options": {"model": "48khz"}})
    assert (rate_of(settings), dim_of(settings), weights_name(settings)) == (48_000, 128, "encodec_48khz")
    adapter = load_adapter(settings, weights["48khz"], "cpu", "float32")
    assert (adapter.sample_rate_hz, adapter.dim) == (48_000, 128)
