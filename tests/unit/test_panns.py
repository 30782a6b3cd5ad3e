"""Our PANNs against librosa and against the published networks written out plainly; against themselves in batches."""

import json
import re

import numpy as np
import pytest
import torch
from adapter_checks import change_by_company, relative_error
from recorded_clips import recorded_clips
from safetensors.torch import load_file, save_file
from seeded_checkpoints.panns import FrontEnd, seeded_panns, seeded_sounds, write_panns_checkpoint

from embedshift.errors import UserError
from embedshift.models import official_panns, panns
from embedshift.models.catalog import check_model, dim_of
from embedshift.models.load import load_adapter
from embedshift.models.panns_log_mel import LogMel
from embedshift.weights import convert_file

SEED = 7


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    """Return the plain network and the converted weights of a seeded MobileNetV1."""
    folder = tmp_path_factory.mktemp("mobilenet")
    plain = write_panns_checkpoint(folder / "seeded.pth", SEED, "MobileNetV1")
    convert_file("panns_MobileNetV1", folder / "seeded.pth", folder / "panns_MobileNetV1.safetensors")
    return plain, folder / "panns_MobileNetV1.safetensors"


@pytest.fixture(scope="module")
def cnn14(tmp_path_factory):
    """Return the same of a seeded Cnn14; its 330 MB are not converted from a checkpoint, to save time."""
    path = tmp_path_factory.mktemp("cnn14") / "panns_Cnn14.safetensors"
    plain = seeded_panns(SEED, "Cnn14")
    save_file({name: tensor for name, tensor in plain.state_dict().items() if "num_batches" not in name}, path)
    return plain, path


def adapter_of(path, network="MobileNetV1", precision="float32", **options):
    settings = check_model("m", {"adapter": "panns", "precision": precision, "options": {"network": network} | options})
    return load_adapter(settings, path, "cpu", precision)


@pytest.mark.parametrize("samples", [9920, 32_000, 50_001])
def test_the_log_mel_spectrogram_is_librosas(samples):
    sounds = seeded_sounds(SEED, 4, samples)
    found = LogMel("cpu")(torch.from_numpy(sounds))
    expected = FrontEnd.log_mel(sounds)
    assert found.shape == expected.shape == (4, 1 + samples // 320, 64)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)  # dB


@pytest.mark.parametrize("layer", ["embedding", "clip_tags"])
@pytest.mark.parametrize("network", ["Cnn14", "MobileNetV1"])
def test_the_networks_are_the_published_ones(network, layer, request):
    plain, path = request.getfixturevalue(network.replace("V1", "").lower())
    sounds = seeded_sounds(SEED + 1, 3, 48_000)
    found = adapter_of(path, network, layer=layer).embed(sounds)
    expected = plain(plain.log_mel(sounds))[layer].numpy()
    assert found.shape == (3, 1, expected.shape[1])
    assert expected.std(axis=0).max() > 0.1  # the clips differ
    assert relative_error(found[:, 0], expected) <= 1e-5


@pytest.mark.parametrize(("network", "dim"), [("Cnn14", 2048), ("MobileNetV1", 1024)])
def test_the_dimension_is_known_without_weights(network, dim):
    for layer, expected in (("embedding", dim), ("clip_tags", 527)):
        assert (
            dim_of(check_model("m", {"adapter": "panns", "options": {"network": network, "layer": layer}})) == expected
        )


def test_a_clip_has_one_embedding_whatever_stands_beside_it(mobilenet):
    adapter = adapter_of(mobilenet[1])
    assert change_by_company(adapter, seeded_sounds(SEED + 2, 9, 40_000)) <= 1e-5


@pytest.mark.parametrize("hop_s", ["window", 0.5])
def test_a_window_is_embedded_like_a_clip_of_its_own(hop_s, mobilenet):
    windowed = adapter_of(mobilenet[1], window_s=1.0, hop_s=hop_s)
    whole = adapter_of(mobilenet[1])
    sounds = seeded_sounds(SEED + 3, 2, 2 * 32_000 + 31_000)
    frames = windowed.embed(sounds)
    starts = range(0, 31_001 + 32_000, 32_000 if hop_s == "window" else 16_000)
    assert windowed.frame_hop_s == (1.0 if hop_s == "window" else 0.5)
    assert frames.shape == (2, len(starts), 1024)
    for index, start in enumerate(starts):
        expected = whole.embed(np.ascontiguousarray(sounds[:, start : start + 32_000]))[:, 0]
        assert relative_error(frames[:, index], expected) <= 1e-5


def test_short_clips_are_repeated_from_their_start(mobilenet):
    whole, windowed = adapter_of(mobilenet[1]), adapter_of(mobilenet[1], window_s=1.0)
    short = seeded_sounds(SEED, 1, 4000)[0]
    assert [whole.length_of(n) for n in (1, 9919, 9920, 9921)] == [9920, 9920, 9920, 9921]
    assert [windowed.length_of(n) for n in (9920, 31_999, 32_001)] == [32_000, 32_000, 32_001]
    np.testing.assert_array_equal(whole.fit_length(short), np.tile(short, 3)[:9920])
    assert windowed.embed(windowed.fit_length(short)[None]).shape == (1, 1, 1024)
    assert np.isfinite(whole.embed(np.zeros((2, 9920), dtype=np.float32))).all()
    with pytest.raises(ValueError, match=r"found 9919 samples, any length from 9920"):
        whole.embed(np.zeros((1, 9919), dtype=np.float32))


def test_a_hop_without_windows_is_refused(mobilenet):
    with pytest.raises(UserError, match="hop_s: found 0.5 with window_s: clip"):
        adapter_of(mobilenet[1], hop_s=0.5)


@pytest.mark.parametrize("network", ["Cnn14", "MobileNetV1"])
def test_bfloat16_stays_close_on_real_recordings(network, request, real_recordings):
    path = request.getfixturevalue(network.replace("V1", "").lower())[1]
    clips = recorded_clips(real_recordings / "fsdkaggle2018_instruments", 8, 32_000, 48_000)
    exact, rough = (
        adapter_of(path, network, precision).embed(clips)[:, 0].astype(float) for precision in ("float32", "bfloat16")
    )
    cosine = (exact * rough).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert cosine.max() < 1
    assert cosine.min() >= 0.9999


def test_weights_of_the_other_network_are_refused(mobilenet, tmp_path):
    with pytest.raises(UserError, match=r"missing: conv_block1.conv1.weight.*left over: features"):
        adapter_of(mobilenet[1], "Cnn14")
    tensors = load_file(mobilenet[1])
    save_file({name: tensor for name, tensor in tensors.items() if name != "bn0.bias"}, tmp_path / "cut.safetensors")
    with pytest.raises(UserError, match=r"missing: bn0.bias\."):
        adapter_of(tmp_path / "cut.safetensors")


@pytest.mark.parametrize("name", ["logmel_extractor.melW", "spectrogram_extractor.stft.conv_imag.weight"])
def test_a_checkpoint_with_another_front_end_is_refused(name, mobilenet, tmp_path):
    tensors = load_file(mobilenet[1])
    tensors[name] = tensors[name].roll(1, 0)
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=f"{re.escape(name)} is not that of PANNs at 32 kHz"):
        adapter_of(tmp_path / "other.safetensors")


def test_the_published_package_is_kept_from_downloading(tmp_path):
    small = tmp_path / "Cnn14.pth"
    small.write_bytes(b"half a download")
    with pytest.raises(UserError, match="15 bytes; panns-inference would overwrite"):
        official_panns.load(small, {"layer": "embedding"}, "cpu", "float32")
    assert small.read_bytes() == b"half a download"
    with pytest.raises(UserError, match="network is MobileNetV1, but panns-inference knows only Cnn14"):
        official_panns.load(small, {"network": "MobileNetV1", "layer": "embedding"}, "cpu", "float32")
    receipt = {"original": [str(small)]}
    (tmp_path / "panns_Cnn14.receipt.json").write_text(json.dumps(receipt))
    with pytest.raises(UserError, match="Cnn14.pth has 15 bytes"):
        official_panns.load(tmp_path / "panns_Cnn14.safetensors", {"layer": "embedding"}, "cpu", "float32")
    assert panns.MINIMUM_SAMPLES == official_panns.MINIMUM_SAMPLES
