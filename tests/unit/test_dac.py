"""DAC's latents against transformers' own model on the same weights, and against themselves in other batches."""

import math

import numpy as np
import pytest
import torch
from adapter_checks import change_by_company, refusal_of_a_renamed_tensor
from safetensors.torch import load_file
from seeded_checkpoints.codec_sounds import codec_sounds
from seeded_checkpoints.dac import write_dac_checkpoint

from embedshift.errors import UserError
from embedshift.models import dac
from embedshift.models.catalog import check_model, dim_of, rate_of, weights_name
from embedshift.models.load import load_adapter
from embedshift.weights import convert_file

MODELS = ("16khz", "24khz", "44khz")
LAYERS = ("latents", "quantised", "projected")
HOPS = {"16khz": 320, "24khz": 320, "44khz": 512}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dac")
    return {model: write_dac_checkpoint(folder / model, 44, model) for model in MODELS}


@pytest.fixture(scope="module")
def weights(checkpoints):
    """Return {model: converted file}."""
    converted = {model: folder.with_suffix(".safetensors") for model, folder in checkpoints.items()}
    for model, path in converted.items():
        convert_file(f"dac_{model}", checkpoints[model], path)
    return converted


@pytest.fixture(scope="module")
def theirs(checkpoints):
    """Return {model: function from (samples,) to {layer: (frames, dim)}} of transformers' DacModel."""
    from transformers import DacModel

    def layers_by(model):
        def layers(samples):
            padded = np.pad(samples, (0, -len(samples) % model.config.hop_length))
            signal = torch.from_numpy(padded)[None, None]
            with torch.inference_mode():
                latents, encoded = model.encoder(signal), model.encode(signal)
            found = (latents, encoded.quantized_representation, encoded.projected_latents)
            return {layer: output[0].T.numpy() for layer, output in zip(LAYERS, found, strict=True)}

        return layers

    return {model: layers_by(DacModel.from_pretrained(folder).eval()) for model, folder in checkpoints.items()}


def adapter_of(weights, model="44khz", layer="latents"):
    return dac.load(weights[model], {"model": model, "layer": layer}, "cpu", "float32")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("samples", [1, 512, 9_000])
def test_all_layers_are_those_of_transformers(model, samples, weights, theirs, rng):
    clip = codec_sounds(rng, 1, samples, dac.SAMPLE_RATES_HZ[model])[0]
    expected = theirs[model](clip)
    for layer in LAYERS:
        found = adapter_of(weights, model, layer).embed(clip[None])[0]
        assert found.shape == expected[layer].shape == (math.ceil(samples / HOPS[model]), expected[layer].shape[1])
        assert np.abs(found - expected[layer]).max() <= 1e-5 * np.abs(expected[layer]).max()
        assert expected[layer].std() > 0.1


def test_long_clips_in_blocks_are_the_whole_clips(weights, rng):
    adapter = adapter_of(weights, "16khz")
    clip = codec_sounds(rng, 1, 36_000, 16_000)
    whole = adapter.embed(clip)
    hop, reach, _ = adapter._blocks
    adapter._blocks = (hop, reach, 40)
    np.testing.assert_allclose(adapter.embed(clip), whole, rtol=0, atol=1e-5 * np.abs(whole).max())
    adapter._blocks = (hop, (reach[0] - 2, reach[1]), 40)
    assert np.abs(adapter.embed(clip) - whole).max() > 1e-5 * np.abs(whole).max()


@pytest.mark.parametrize("layer", LAYERS)
def test_a_clip_has_one_embedding_whatever_stands_beside_it(layer, weights, rng):
    clips = codec_sounds(rng, 3, 5000, 16_000)
    assert change_by_company(adapter_of(weights, "16khz", layer), clips) == 0


def test_silence_and_loud_noise_stay_finite(weights, rng):
    adapter = adapter_of(weights, layer="quantised")
    for clip in (np.zeros((1, 3000)), 100 * rng.standard_normal((1, 3000))):
        assert np.isfinite(adapter.embed(clip.astype(np.float32))).all()


def test_weights_must_be_the_encoders_own(checkpoints, weights, tmp_path):
    published = load_file(checkpoints["44khz"] / "model.safetensors")
    assert set(load_file(weights["44khz"])) == {name for name in published if not name.startswith("decoder.")}
    names = ("encoder.snake1.alpha", "encoder.snake.alpha")
    told = refusal_of_a_renamed_tensor(lambda path: adapter_of({"44khz": path}), weights["44khz"], tmp_path, *names)
    assert "missing: encoder.snake1.alpha" in told
    assert "left over: encoder.snake.alpha" in told
    with pytest.raises(UserError, match="of another shape"):
        dac.load(weights["44khz"], {"model": "16khz", "layer": "latents"}, "cpu", "float32")


def test_the_config_leads_to_the_adapter(weights):
    settings = check_model("m", {"adapter": "dac", "options": {"model": "24khz", "layer": "projected"}})
    assert (rate_of(settings), dim_of(settings), weights_name(settings)) == (24_000, 256, "dac_24khz")
    adapter = load_adapter(settings, weights["24khz"], "cpu", "float32")
    assert (adapter.sample_rate_hz, adapter.dim, adapter.frame_hop_s) == (24_000, 256, pytest.approx(1 / 75))
    assert dim_of(check_model("m", {"adapter": "dac"})) == 1024
