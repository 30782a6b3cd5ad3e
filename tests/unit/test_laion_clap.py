"""Our LAION-CLAP audio tower against transformers' ClapModel, on seeded weights in the official layout."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from clap_reference import clap_config, in_transformers_layout, sounds
from recorded_clips import recorded_clips
from safetensors.torch import load_file, save_file
from seeded_checkpoints.clap_parts import mel_filters, seeded_tensors
from seeded_checkpoints.laion_clap import seeded_laion_clap, write_laion_clap_checkpoint

from embedshift.errors import UserError
from embedshift.models import clap_bert, laion_clap, laion_clap_network
from embedshift.models.laion_clap_network import AudioTower
from embedshift.models.load import load_adapter
from embedshift.weights import convert_file

TINY, BASE = "630k-audioset-best", "music_audioset_epoch_15_esc_90.14"
SMALL_TEXT = clap_bert.BertSize(50_265, 514, 1, 2, 1e-5, width=24, layers=1, heads=2, inner_width=48)
RATE_HZ = 48_000


@pytest.fixture
def small(monkeypatch):
    """Make both networks small; their layout stays."""
    monkeypatch.setattr(laion_clap_network, "ROBERTA_BASE", SMALL_TEXT)
    networks = {TINY: (16, (2, 2, 4, 2)), BASE: (32, (2, 2, 2, 2))}
    monkeypatch.setattr(laion_clap_network, "AUDIO_NETWORKS", networks)


@pytest.fixture
def weights(small, tmp_path):
    write_laion_clap_checkpoint(tmp_path / "seeded.pt", 3)
    convert_file(f"laion_clap_{TINY}", tmp_path / "seeded.pt", tmp_path / "seeded.safetensors")
    return tmp_path / "seeded.safetensors"


def adapter_of(path, checkpoint=TINY, precision="float32"):
    return load_adapter({"adapter": "laion_clap", "options": {"checkpoint": checkpoint}}, path, "cpu", precision)


def test_embeddings_are_those_of_transformers_from_samples_on(weights, rng):
    from transformers import ClapAudioModelWithProjection, ClapFeatureExtractor

    width, depths = laion_clap_network.AUDIO_NETWORKS[TINY]
    reference = ClapAudioModelWithProjection(clap_config(width, depths).audio_config).eval()
    state = in_transformers_layout(load_file(weights))
    missing = reference.load_state_dict(state, strict=False).missing_keys
    assert [name for name in missing if "relative_position_index" not in name and "batches" not in name] == []
    extract = ClapFeatureExtractor(frequency_min=50, frequency_max=14_000, truncation="rand_trunc")
    adapter = adapter_of(weights)
    for seconds in (0.7, 3.0, 9.99, 10.0):
        samples = sounds(rng, seconds, RATE_HZ)
        features = extract(samples, sampling_rate=RATE_HZ, return_tensors="pt")["input_features"]
        with torch.no_grad():
            expected = torch.nn.functional.normalize(reference(features).audio_embeds, dim=-1)[0].numpy()
        found = adapter.embed(adapter.fit_length(samples)[None])[0, 0]
        assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-4


@pytest.mark.parametrize("checkpoint", [TINY, BASE])
def test_the_layout_is_that_of_transformers_full_size_model(checkpoint):
    from transformers import ClapModel

    width, depths = laion_clap_network.AUDIO_NETWORKS[checkpoint]
    with torch.device("meta"):
        reference = {
            name: tuple(tensor.shape) for name, tensor in ClapModel(clap_config(width, depths)).state_dict().items()
        }
    ours = {
        name: tuple(tensor.shape)
        for name, tensor in in_transformers_layout(
            {
                name: torch.empty(shape, device="meta")
                for name, shape in laion_clap_network.published_shapes(checkpoint).items()
            }
        ).items()
    }
    shared = {name: shape for name, shape in reference.items() if name in ours}
    assert {name: ours[name] for name in shared} == shared
    left = [name for name in reference if name not in ours]
    assert [
        name
        for name in left
        if not name.endswith(("position_index", "batches_tracked", "position_ids", "token_type_ids"))
    ] == []
    only_ours = {name.split(".")[-2] if "." in name else name for name in ours if name not in reference}
    assert only_ours == {"logmel_extractor", "tscam_conv", "head", "0", "3"}


def test_a_long_clip_is_cut_into_windows_the_last_of_which_ends_with_it(weights, rng):
    adapter = adapter_of(weights)
    clip = rng.standard_normal(25 * RATE_HZ).astype(np.float32)
    found = adapter.embed(adapter.fit_length(clip)[None])[0]
    windows = np.stack([clip[start * RATE_HZ : (start + 10) * RATE_HZ] for start in (0, 10, 15)])
    np.testing.assert_allclose(found, adapter.embed(windows)[:, 0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(adapter.pool(found), found.mean(axis=0), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("samples", "repeats"), [(1, 480_000), (144_000, 3), (240_001, 1), (479_999, 1)])
def test_a_short_clip_is_repeated_whole_and_followed_by_zeros(weights, rng, samples, repeats):
    clip = rng.uniform(0.1, 1, samples).astype(np.float32)
    fitted = adapter_of(weights).fit_length(clip)
    assert len(fitted) == 480_000
    np.testing.assert_array_equal(fitted[: repeats * samples].reshape(repeats, samples), np.tile(clip, (repeats, 1)))
    assert not fitted[repeats * samples :].any()


def test_a_clip_has_one_embedding_in_any_company(weights, rng):
    adapter = adapter_of(weights)
    clips = np.stack([adapter.fit_length(sounds(rng, seconds, RATE_HZ)) for seconds in (1, 2, 3, 4, 6, 10)])
    together = adapter.embed(clips)
    alone = np.concatenate([adapter.embed(clip[None]) for clip in clips])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(adapter.embed(clips[::-1].copy())[::-1], alone, rtol=0, atol=1e-5)
    with ThreadPoolExecutor(8) as pool:
        threaded = np.concatenate(list(pool.map(lambda clip: adapter.embed(clip[None]), clips)))
    np.testing.assert_allclose(threaded, alone, rtol=0, atol=1e-5)


def test_silence_has_a_finite_embedding(weights):
    assert np.isfinite(adapter_of(weights).embed(np.zeros((1, 480_000), dtype=np.float32))).all()


def test_bfloat16_stays_close_on_real_recordings(real_recordings):
    clips = recorded_clips(real_recordings / "fsdkaggle2018_instruments", 4, RATE_HZ, 3 * RATE_HZ)
    with torch.device("meta"):
        tower = AudioTower(TINY)
    state = seeded_tensors({name: tuple(tensor.shape) for name, tensor in tower.state_dict().items()}, 5)
    state["audio_branch.logmel_extractor.melW"] = mel_filters(RATE_HZ)
    tower.load_state_dict(state, assign=True)
    tower.eval().audio_branch.prepare()
    adapter = laion_clap.LaionClapAdapter(tower, "cpu")
    fitted = np.stack([adapter.fit_length(clip) for clip in clips])
    exact = adapter.embed(fitted)[:, 0]
    tower.audio_branch.round_to_bfloat16()
    rough = adapter.embed(fitted)[:, 0]
    cosine = (exact * rough).sum(axis=1)
    assert cosine.max() < 1
    assert cosine.min() >= 0.9999


def test_a_checkpoint_must_fit_and_its_constants_need_not_be_there(weights, rng, tmp_path):
    tensors = load_file(weights)
    clip = adapter_of(weights).fit_length(sounds(rng, 1, RATE_HZ))[None]
    lean = {name: tensor for name, tensor in tensors.items() if "attn_mask" not in name and "stft" not in name}
    save_file({name: t for name, t in lean.items() if "position_index" not in name}, tmp_path / "lean.safetensors")
    np.testing.assert_array_equal(
        adapter_of(tmp_path / "lean.safetensors").embed(clip), adapter_of(weights).embed(clip)
    )
    changes = {
        "missing: text_branch.pooler.dense.bias": {"text_branch.pooler.dense.bias": None},
        "left over: text_branch.x": {"text_branch.x": torch.zeros(1)},
        r"audio_projection.0.bias \(3,\) instead of \(512,\)": {"audio_projection.0.bias": torch.zeros(3)},
        "missing: audio_branch.logmel_extractor.melW": {"audio_branch.logmel_extractor.melW": None},
    }
    for words, change in changes.items():
        changed = {name: tensor for name, tensor in (tensors | change).items() if tensor is not None}
        save_file(changed, tmp_path / "changed.safetensors")
        with pytest.raises(UserError, match=words):
            adapter_of(tmp_path / "changed.safetensors")
    with pytest.raises(UserError, match="is not there"):
        adapter_of(tmp_path / "nowhere.safetensors")


def test_weights_of_the_other_checkpoint_are_refused(weights):
    with pytest.raises(UserError, match="do not fit the network"):
        adapter_of(weights, BASE)


def test_official_weights_come_through_conversion_unchanged(weights):
    converted, seeded = load_file(weights), seeded_laion_clap(3)
    assert {name for name in seeded if name not in converted} <= {
        "audio_branch.bn0.num_batches_tracked", "text_branch.embeddings.position_ids",
    }  # fmt: skip
    assert all(torch.equal(tensor, seeded[name]) for name, tensor in converted.items())
