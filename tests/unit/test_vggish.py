"""Our VGGish against its definition computed in another way, in float64, and against itself in batches."""

import numpy as np
import pytest
import torch
from adapter_checks import change_by_company, relative_error
from recorded_clips import recorded_clips
from safetensors.torch import load_file, save_file
from scipy.signal import get_window
from seeded_checkpoints.panns import seeded_sounds
from seeded_checkpoints.vggish import files_of, seeded_pca, seeded_vggish, write_vggish_checkpoint
from torch.nn import functional

from embedshift.errors import UserError
from embedshift.models.catalog import check_model
from embedshift.models.load import load_adapter
from embedshift.models.vggish_log_mel import LogMel
from embedshift.weights import convert_file

SEED = 11
RATE_HZ = 16_000


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return the converted weights of the two seeded files."""
    folder = tmp_path_factory.mktemp("vggish")
    write_vggish_checkpoint(folder / "vggish.pth", SEED)
    convert_file("vggish", files_of(folder / "vggish.pth"), folder / "vggish.safetensors")
    return folder / "vggish.safetensors"


def adapter_of(path, precision="float32", **options):
    settings = check_model("m", {"adapter": "vggish", "precision": precision, "options": options})
    return load_adapter(settings, path, "cpu", precision)


def published_log_mel(samples):
    """Return the examples (n, 96, 64) of one clip in float64, with triangles by interpolation."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(float), 400)[::160]
    magnitude = np.abs(np.fft.rfft(frames * get_window("hann", 400), 512))
    mel = 1127 * np.log1p(np.linspace(0, 8000, 257) / 700)
    corners = np.linspace(*(1127 * np.log1p(np.array([125, 7500]) / 700)), 66)
    filters = np.stack([np.interp(mel, corners[band : band + 3], [0, 1, 0]) for band in range(64)], axis=1)
    log_mel = np.log(magnitude @ filters + 0.01)
    return log_mel[: len(log_mel) // 96 * 96].reshape(-1, 96, 64)


def published_embedding(samples):
    """Return the last layer's values (examples, 128) of one clip, before any ReLU, in float64."""
    state = {name: tensor.double() for name, tensor in seeded_vggish(SEED).items()}
    signal = torch.from_numpy(published_log_mel(samples))[:, None]
    for index in (0, 3, 6, 8, 11, 13):
        kernel, bias = state[f"features.{index}.weight"], state[f"features.{index}.bias"]
        signal = functional.relu(functional.conv2d(signal, kernel, bias, padding=1))
        if index in (0, 3, 8, 13):
            signal = functional.max_pool2d(signal, 2)
    values = torch.cat([signal[:, :, row, column] for row in range(6) for column in range(4)], dim=1)
    for index in (0, 2, 4):
        values = values @ state[f"embeddings.{index}.weight"].T + state[f"embeddings.{index}.bias"]
        values = functional.relu(values) if index < 4 else values
    return values.numpy()


@pytest.mark.parametrize("samples", [15_600, 30_959, 30_960, 48_000])
def test_the_log_mel_spectrogram_is_the_published_one(samples):
    sounds = seeded_sounds(SEED, 3, samples, RATE_HZ)
    found = LogMel("cpu")(torch.from_numpy(sounds)).numpy()
    expected = np.stack([published_log_mel(clip) for clip in sounds])
    assert found.shape == expected.shape == (3, {15_600: 1, 30_959: 1, 30_960: 2, 48_000: 3}[samples], 96, 64)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)  # in natural logarithms


@pytest.mark.parametrize("final_relu", [True, False])
def test_the_network_is_the_published_one(final_relu, weights):
    sounds = seeded_sounds(SEED + 1, 2, 32_000, RATE_HZ)
    found = adapter_of(weights, final_relu=final_relu).embed(sounds)
    expected = np.stack([published_embedding(clip) for clip in sounds])
    assert expected.std(axis=(0, 1)).max() > 0.1  # the examples differ
    assert relative_error(found, np.maximum(expected, 0) if final_relu else expected) <= 1e-5
    assert (expected < 0).any()


@pytest.mark.parametrize("final_relu", [True, False])
def test_postprocessing_whitens_and_rounds(final_relu, weights):
    sounds = seeded_sounds(SEED + 1, 6, 32_000, RATE_HZ)
    raw = adapter_of(weights, final_relu=final_relu).embed(sounds).reshape(-1, 128).astype(float)
    found = adapter_of(weights, final_relu=final_relu, postprocess=True).embed(sounds).reshape(-1, 128)
    pca = seeded_pca(SEED)
    whitened = (raw - pca["pca_means"]) @ pca["pca_eigen_vectors"].T
    exact = (np.clip(whitened, -2, 2) + 2) * 63.75
    assert np.abs(found - exact).max() <= 0.5 + 1e-3
    assert len(np.unique(found)) > 100
    assert found.min() >= 0
    assert found.max() <= 255


def test_a_clip_has_one_embedding_whatever_stands_beside_it(weights):
    adapter = adapter_of(weights, final_relu=False)
    assert change_by_company(adapter, seeded_sounds(SEED + 2, 9, 48_000, RATE_HZ)) <= 1e-5


def test_short_clips_are_repeated_and_a_rest_is_dropped(weights):
    adapter = adapter_of(weights)
    short = seeded_sounds(SEED, 1, 7000, RATE_HZ)[0]
    assert [adapter.length_of(n) for n in (1, 15_599, 15_600, 20_000)] == [15_600, 15_600, 15_600, 20_000]
    np.testing.assert_array_equal(adapter.fit_length(short), np.tile(short, 3)[:15_600])
    assert adapter.frame_hop_s == 0.96
    long = seeded_sounds(SEED, 1, 15_360 + 15_599, RATE_HZ)
    assert relative_error(adapter.embed(long), adapter.embed(np.ascontiguousarray(long[:, :15_600]))) <= 1e-5
    assert np.isfinite(adapter.embed(np.zeros((1, 15_600), dtype=np.float32))).all()


def test_bfloat16_stays_close_on_real_recordings(weights, real_recordings):
    clips = recorded_clips(real_recordings / "fsdkaggle2018_instruments", 8, RATE_HZ, 32_000)
    exact, rough = (
        np.array([adapter.pool(frames) for frames in adapter.embed(clips)], dtype=float)
        for adapter in (adapter_of(weights, "float32"), adapter_of(weights, "bfloat16"))
    )
    cosine = (exact * rough).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert cosine.max() < 1
    assert cosine.min() >= 0.9999


def test_incomplete_weights_are_refused_and_both_shapes_of_the_means_taken(weights, tmp_path):
    tensors = load_file(weights)
    column = tensors | {"pca_means": tensors["pca_means"][:, None].contiguous()}
    save_file(column, tmp_path / "column.safetensors")
    clip = seeded_sounds(SEED, 1, 15_600, RATE_HZ)
    found, expected = (adapter_of(p, postprocess=True).embed(clip) for p in (tmp_path / "column.safetensors", weights))
    np.testing.assert_array_equal(found, expected)
    del tensors["embeddings.4.bias"], tensors["pca_means"]
    save_file(tensors, tmp_path / "cut.safetensors")
    with pytest.raises(UserError, match=r"missing: embeddings.4.bias, pca_means\."):
        adapter_of(tmp_path / "cut.safetensors")
    with pytest.raises(UserError, match="is not there"):
        adapter_of(None)
