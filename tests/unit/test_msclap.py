"""Our MS-CLAP audio towers against librosa, transformers' ClapAudioModel and a plain Cnn14, on seeded weights."""

import librosa
import numpy as np
import pytest
import torch
from clap_reference import clap_config, in_transformers_layout, sounds
from recorded_clips import recorded_clips
from safetensors.torch import load_file, save_file
from seeded_checkpoints.clap_parts import mel_filters, seeded_tensors
from seeded_checkpoints.msclap import write_msclap_checkpoint
from seeded_checkpoints.panns import PlainCnn14

from embedshift.errors import UserError
from embedshift.models import clap_bert, clap_gpt2, msclap, msclap_network
from embedshift.models.load import load_adapter
from embedshift.weights import convert_file

RATE_HZ = 44_100
SMALL_TEXT = clap_bert.BertSize(30_522, 512, 2, 0, 1e-12, width=24, layers=1, heads=2, inner_width=48)


@pytest.fixture
def weights_of(monkeypatch, tmp_path):
    """Return a function from a version to a converted checkpoint, with small networks where the layout allows it."""
    monkeypatch.setattr(clap_gpt2, "WIDTH", 24)
    monkeypatch.setattr(clap_gpt2, "LAYERS", 1)
    monkeypatch.setattr(msclap_network, "TEXT_WIDTH", 24)
    monkeypatch.setattr(msclap_network, "BERT_BASE", SMALL_TEXT)
    monkeypatch.setattr(msclap_network, "HTSAT_WIDTH", 16)

    def make(version):
        path = tmp_path / f"{version}.safetensors"
        write_msclap_checkpoint(tmp_path / "seeded.pth", 4, version)
        convert_file(f"msclap_{version}", tmp_path / "seeded.pth", path)
        return path

    return make


def adapter_of(path, version, precision="float32"):
    return load_adapter({"adapter": "msclap", "options": {"version": version}}, path, "cpu", precision)


def log_mel(samples, filters_hz):
    """Return (frames, 64) in dB by librosa, its filters made for `filters_hz`."""
    power = np.abs(librosa.stft(samples.astype(np.float64), n_fft=1024, hop_length=320, pad_mode="reflect")) ** 2
    filters = librosa.filters.mel(sr=filters_hz, n_fft=1024, n_mels=64, fmin=50, fmax=14_000)
    return librosa.power_to_db(filters @ power, ref=1.0, amin=1e-10, top_db=None).T


def project(tensors, hidden):
    """Return the published projection of (1, width), in float64."""
    weight = {name: tensors[f"audio_encoder.projection.{name}"].double() for name in
              ("linear1.weight", "linear2.weight", "layer_norm.weight", "layer_norm.bias")}  # fmt: skip
    first = hidden.double() @ weight["linear1.weight"].T
    second = torch.nn.functional.gelu(first) @ weight["linear2.weight"].T
    norms = weight["layer_norm.weight"], weight["layer_norm.bias"]
    return torch.nn.functional.layer_norm(first + second, (1024,), *norms)[0].numpy()


def assert_close(found, expected):
    assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-4


def test_version_2023_is_transformers_network_on_librosas_spectrogram(weights_of, rng):
    from transformers import ClapAudioModel

    path = weights_of("2023")
    tensors = load_file(path)
    place = "audio_encoder.base.htsat."
    state = {f"audio_branch.{name.removeprefix(place)}": t for name, t in tensors.items() if name.startswith(place)}
    reference = ClapAudioModel(clap_config(16, (2, 2, 6, 2)).audio_config).eval()
    renamed = {name.removeprefix("audio_model."): tensor for name, tensor in in_transformers_layout(state).items()}
    missing = reference.load_state_dict(renamed, strict=False).missing_keys
    assert [name for name in missing if "relative_position_index" not in name and "batches" not in name] == []
    adapter = adapter_of(path, "2023")
    samples = adapter.fit_length(sounds(rng, 3, RATE_HZ))
    assert len(samples) == 7 * RATE_HZ
    features = torch.tensor(log_mel(samples, 32_000), dtype=torch.float32)[None, None]
    assert features.shape[2] == 965
    with torch.no_grad():
        expected = project(tensors, reference(features).pooler_output)
    assert_close(adapter.embed(samples[None])[0, 0], expected)


def test_version_2022_is_a_cnn14_on_librosas_spectrogram(weights_of, rng):
    path = weights_of("2022")
    tensors = load_file(path)
    place = "audio_encoder.base."
    plain = PlainCnn14().eval()
    state = {name.removeprefix(place): tensor for name, tensor in tensors.items() if name.startswith(place)}
    assert plain.load_state_dict(state, strict=False).unexpected_keys == []
    adapter = adapter_of(path, "2022")
    samples = adapter.fit_length(sounds(rng, 3, RATE_HZ))
    assert len(samples) == 5 * RATE_HZ
    with torch.no_grad():
        hidden = plain(torch.tensor(log_mel(samples, RATE_HZ), dtype=torch.float32)[None])["embedding"]
    assert_close(adapter.embed(samples[None])[0, 0], project(tensors, hidden))


def test_short_clips_are_repeated_and_cut_and_long_ones_cut_into_windows(weights_of, rng):
    adapter = adapter_of(weights_of("2023"), "2023")
    clip = rng.standard_normal(16 * RATE_HZ).astype(np.float32)
    np.testing.assert_array_equal(adapter.fit_length(clip[: 3 * RATE_HZ]), np.resize(clip[: 3 * RATE_HZ], 7 * RATE_HZ))
    found = adapter.embed(adapter.fit_length(clip)[None])[0]
    windows = np.stack([clip[start * RATE_HZ : (start + 7) * RATE_HZ] for start in (0, 7, 9)])
    alone = np.concatenate([adapter.embed(window[None]) for window in windows])[:, 0]
    assert found.shape == (3, 1024)
    np.testing.assert_allclose(found, alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(adapter.embed(windows[::-1].copy())[::-1, 0], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("version", ["2023", "2022"])
def test_the_packages_filters_are_librosas(version):
    _, rate_hz = msclap_network.FILTERS[version]
    np.testing.assert_allclose(msclap_network.default_filters(version), mel_filters(rate_hz), rtol=1e-5, atol=1e-9)


def test_filters_are_the_checkpoints_own_or_else_those_of_the_package(weights_of, rng, tmp_path):
    path = weights_of("2023")
    tensors, (name, _) = load_file(path), msclap_network.FILTERS["2023"]
    adapter = adapter_of(path, "2023")
    clip = adapter.fit_length(sounds(rng, 1, RATE_HZ))[None]
    published = adapter.embed(clip)
    save_file({key: tensor for key, tensor in tensors.items() if key != name}, tmp_path / "without.safetensors")
    np.testing.assert_allclose(adapter_of(tmp_path / "without.safetensors", "2023").embed(clip), published, atol=1e-4)
    save_file(tensors | {name: mel_filters(16_000, 8000)}, tmp_path / "other.safetensors")
    assert np.abs(adapter_of(tmp_path / "other.safetensors", "2023").embed(clip) - published).max() > 0.1
    save_file(tensors | {name: torch.zeros(513, 80)}, tmp_path / "wrong.safetensors")
    with pytest.raises(UserError, match=r"melW \(513, 80\) instead of \(513, 64\)"):
        adapter_of(tmp_path / "wrong.safetensors", "2023")


def test_an_empty_checkpoint_and_one_of_the_other_version_are_refused(weights_of, tmp_path):
    path = weights_of("2023")
    save_file({}, tmp_path / "empty.safetensors")
    with pytest.raises(UserError, match="missing: audio_encoder"):
        adapter_of(tmp_path / "empty.safetensors", "2023")
    with pytest.raises(UserError, match="left over"):
        adapter_of(path, "2022")


def test_bfloat16_stays_close_on_real_recordings(real_recordings):
    """The published audio tower of version 2023 at full size; that of 2022 is tested with PANNs and in tests/parity."""
    clips = recorded_clips(real_recordings / "fsdkaggle2018_instruments", 4, RATE_HZ, 3 * RATE_HZ)
    with torch.device("meta"):
        tower = msclap_network.AudioTower("2023")
    state = seeded_tensors({name: tuple(tensor.shape) for name, tensor in tower.state_dict().items()}, 5)
    state["base.htsat.logmel_extractor.melW"] = mel_filters(32_000)
    tower.load_state_dict(state, assign=True)
    tower.eval().network.prepare()
    adapter = msclap.MsClapAdapter(tower, "2023", "cpu")
    fitted = np.stack([adapter.fit_length(clip) for clip in clips])
    exact = adapter.embed(fitted)[:, 0]
    tower.network.round_to_bfloat16()
    rough = adapter.embed(fitted)[:, 0]
    cosine = (exact * rough).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert cosine.max() < 1
    assert cosine.min() >= 0.9999
