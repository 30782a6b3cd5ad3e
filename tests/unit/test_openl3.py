"""Our OpenL3 without the published package: front end against librosa, network against its unfolded form in float64."""

import librosa
import numpy as np
import pytest
import scipy.signal
import soundfile
import torch
from adapter_checks import change_by_company
from recorded_clips import recorded_clips
from safetensors.torch import load_file, save_file
from seeded_checkpoints.openl3 import write_openl3_checkpoint
from torch.nn import functional

from embedshift.errors import UserError
from embedshift.models import openl3, openl3_golden
from embedshift.models.catalog import check_model, dim_of, weights_name
from embedshift.models.load import load_adapter
from embedshift.models.openl3_hann import hann_as_tensorflow
from embedshift.models.openl3_network import FIELDS, network_of
from embedshift.models.openl3_resampling import resample_kaiser_best
from embedshift.models.openl3_spectrogram import SHAPES, Spectrogram, cut_windows, hop_samples
from embedshift.weights import convert_file

RATE_HZ = 48_000


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Seeded weights in the official layout, converted as the workflow converts them."""
    folder = tmp_path_factory.mktemp("openl3")
    write_openl3_checkpoint(folder / "openl3.h5", 7)
    convert_file("openl3_mel128_music", folder / "openl3.h5", folder / "openl3.safetensors")
    return folder / "openl3.safetensors"


def settings_of(**options):
    return check_model("m", {"adapter": "openl3", "options": options})


@pytest.fixture
def adapter_of(weights):
    def load(precision="float32", **options):
        return load_adapter(settings_of(**options), weights, "cpu", precision)

    return load


@pytest.fixture
def clips(rng):
    """Three clips of 1.3 s at 48 kHz: noise, a chirp with a little noise, clicks in near silence."""
    time_s = np.arange(62_400) / RATE_HZ
    noise = rng.standard_normal((3, len(time_s)))
    chirp = np.sin(2 * np.pi * (200 * time_s + 4000 * time_s**2))
    clicks = np.arange(len(time_s)) % 12_345 == 0
    return np.stack([0.1 * noise[0], 0.5 * chirp + 1e-3 * noise[1], clicks + 1e-4 * noise[2]]).astype(np.float32)


def test_the_defaults_are_those_of_the_published_study():
    settings = settings_of()
    expected = {"input_repr": "mel128", "content": "music", "embedding_size": 512, "hop_s": 0.1, "center": True}
    assert settings["options"] == expected
    assert weights_name(settings) == "openl3_mel128_music"
    assert dim_of(settings_of(embedding_size=6144)) == 6144


@pytest.mark.parametrize(
    ("n_samples", "hop_s", "center", "windows"),
    [
        (144_000, 0.1, True, 26),
        (144_000, 1.0, False, 3),
        (19_200, 0.1, True, 1),
        (19_200, 0.1, False, 1),
        (48_000, 0.1, False, 1),
        (48_000, 0.1, True, 6),
        (48_001, 0.1, False, 2),
        (161_760, 0.25, True, 13),
    ],
)
def test_windows_are_cut_as_published(n_samples, hop_s, center, windows, rng):
    """Numbers of windows by hand: one, and one more for every started hop beyond the first second."""
    samples = rng.standard_normal((2, n_samples)).astype(np.float32)
    hop = hop_samples(hop_s)
    cut = cut_windows(torch.from_numpy(samples), hop, center).numpy()
    assert cut.shape == (2, windows, RATE_HZ)
    padded = np.pad(samples, ((0, 0), (24_000 * center, windows * hop + RATE_HZ)))
    for index in range(windows):
        np.testing.assert_array_equal(cut[:, index], padded[:, index * hop : index * hop + RATE_HZ])
    assert 24_000 * center + n_samples <= (windows - 1) * hop + RATE_HZ, "every sample is in a window"


@pytest.mark.parametrize("length", [512, 2048])
def test_the_window_is_hanns(length):
    np.testing.assert_allclose(hann_as_tensorflow(length), scipy.signal.get_window("hann", length), rtol=0, atol=3e-7)


def librosas_decibels(window, input_repr):
    """Return openl3's spectrogram of one window as librosa's functions make it, in float64."""
    n_fft, bands, _ = SHAPES[input_repr]
    padded = np.pad(window.astype(float), (0, 1_964 if input_repr != "linear" else 0))
    magnitude = np.abs(librosa.stft(padded, n_fft=n_fft, hop_length=242, window="hann", center=False))
    if input_repr != "linear":
        magnitude = librosa.filters.mel(sr=RATE_HZ, n_fft=n_fft, n_mels=bands, htk=False) @ magnitude
    return librosa.power_to_db(magnitude, ref=np.max, amin=1e-10, top_db=80)


@pytest.mark.parametrize("input_repr", list(SHAPES))
def test_the_spectrogram_is_librosas(input_repr, clips):
    windows = torch.from_numpy(np.ascontiguousarray(clips[:, :RATE_HZ]))
    found = Spectrogram(input_repr, "cpu")(windows).numpy()
    assert found.shape == (3, SHAPES[input_repr].bands, SHAPES[input_repr].frames)
    expected = np.stack([librosas_decibels(window, input_repr) for window in windows.numpy()])
    # a single frequency (a narrow mel band is little more) may be nearly empty, and then rounding is what is there
    assert np.abs(found - expected).max() < (0.5 if input_repr == "linear" else 0.05)
    assert np.sqrt(np.mean((found - expected) ** 2)) < 1e-3


def test_silence_is_at_the_maximum_and_loudness_does_not_matter(clips):
    spectrogram = Spectrogram("mel128", "cpu")
    assert (spectrogram(torch.zeros(2, RATE_HZ)) == 0).all()
    windows = torch.from_numpy(np.ascontiguousarray(clips[:, :RATE_HZ]))
    found = spectrogram(windows)
    np.testing.assert_allclose(spectrogram(windows / 4), found, rtol=0, atol=1e-4)
    assert found.amax(dim=(1, 2)).tolist() == [0, 0, 0]
    assert found.min() >= -80


def unfolded(published, decibels, field):
    """Return the embedding layer by layer as published: normalisations apart, ReLU before the maximum, in float64."""
    layer = {name: tensor.double() for name, tensor in published.items()}

    def normalise(signal, index):
        mean, variance, gamma, beta = (
            layer[f"{index:02d}/{kind}"] for kind in ("moving_mean", "moving_variance", "gamma", "beta")
        )
        return functional.batch_norm(signal, mean, variance, gamma, beta, eps=1e-3)

    signal = normalise(decibels.double()[:, None], 0)
    for index in range(8):
        kernel, bias = layer[f"{2 * index + 1:02d}/kernel"], layer[f"{2 * index + 1:02d}/bias"]
        signal = functional.conv2d(signal, kernel.permute(3, 2, 0, 1), bias, padding="same")
        if index < 7:
            signal = torch.relu(normalise(signal, 2 * index + 2))
        if index in (1, 3, 5):
            signal = functional.max_pool2d(signal, 2)
    return functional.max_pool2d(signal, field).permute(0, 2, 3, 1).flatten(1)


@pytest.mark.parametrize("embedding_size", [512, 6144])
@pytest.mark.parametrize("input_repr", list(SHAPES))
def test_folding_the_normalisations_changes_nothing(input_repr, embedding_size, weights, rng):
    published = load_file(weights)
    _, bands, frames = SHAPES[input_repr]
    decibels = torch.from_numpy(rng.uniform(-80, 0, (1, bands, frames)).astype(np.float32))
    network = network_of(published, input_repr, embedding_size, "float32")
    with torch.inference_mode():
        expected = unfolded(published, decibels, FIELDS[input_repr][embedding_size])
        found = network(decibels)
    assert found.shape == (1, embedding_size)
    assert (found - expected).abs().max() / expected.abs().max() < 5e-6


def test_a_clip_has_one_embedding_whatever_stands_beside_it(adapter_of, clips):
    adapter = adapter_of(hop_s=0.6)
    assert adapter.embed(clips).shape == (3, 3, 512)
    assert change_by_company(adapter, clips) == 0


def test_blocks_of_windows_from_several_clips_give_each_clip_its_own(adapter_of, clips, monkeypatch):
    """As on a GPU, where a block holds several short clips or a part of a long one."""
    expected = adapter_of(hop_s=0.6).embed(clips)
    for at_once in (2, 7):
        monkeypatch.setitem(openl3.WINDOWS_AT_ONCE, "cpu", at_once)
        found = adapter_of(hop_s=0.6).embed(clips)
        assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-5


def test_short_clips_are_one_window_and_none_is_lengthened(adapter_of, clips):
    adapter = adapter_of()
    short = adapter.fit_length(clips[0, :19_200])
    assert len(short) == 19_200
    assert adapter.embed(short[None]).shape == (1, 1, 512)
    assert adapter.embed(clips[:1, :1]).shape == (1, 1, 512)
    assert np.isfinite(adapter.embed(np.zeros((1, 100), np.float32))).all()
    assert adapter_of(center=False, hop_s=0.2, embedding_size=6144).embed(clips[:1]).shape == (1, 3, 6144)
    assert adapter_of(hop_s=0.2).frame_hop_s == 0.2


def test_a_wrong_front_end_would_show(adapter_of, clips):
    """The seeded weights do not hide differences: with mel bands on another scale the embedding is another."""
    adapter = adapter_of(hop_s=1.0)
    right = adapter.embed(clips)[:, 0]
    other = librosa.filters.mel(sr=RATE_HZ, n_fft=2048, n_mels=128, htk=True)
    adapter._spectrogram._mel = torch.from_numpy(other)
    difference = np.abs(adapter.embed(clips)[:, 0] - right).max(axis=1) / np.abs(right).max(axis=1)
    assert difference.min() > 0.01


def cosines(first, second):
    first, second = first.astype(float), second.astype(float)
    return (first * second).sum(axis=-1) / np.linalg.norm(first, axis=-1) / np.linalg.norm(second, axis=-1)


@pytest.mark.parametrize(("input_repr", "embedding_size"), [("mel128", 512), ("mel256", 6144), ("linear", 512)])
def test_bfloat16_stays_close(input_repr, embedding_size, adapter_of, clips):
    options = {"input_repr": input_repr, "embedding_size": embedding_size, "hop_s": 0.8}
    exact = adapter_of(**options).embed(clips).mean(axis=1)
    rough = adapter_of("bfloat16", **options).embed(clips).mean(axis=1)
    cosine = cosines(exact, rough)
    assert cosine.max() < 1
    assert cosine.min() >= 0.9999


@pytest.mark.parametrize(("input_repr", "embedding_size"), [("mel128", 512), ("mel256", 512), ("linear", 6144)])
def test_bfloat16_stays_close_on_real_recordings(input_repr, embedding_size, adapter_of, real_recordings):
    recordings = recorded_clips(real_recordings / "fsdkaggle2018_instruments", 4, RATE_HZ, 57_600)
    options = {"input_repr": input_repr, "embedding_size": embedding_size, "hop_s": 0.5}
    exact, rough = (adapter_of(precision, **options).embed(recordings) for precision in ("float32", "bfloat16"))
    assert cosines(exact.mean(axis=1), rough.mean(axis=1)).min() >= 0.9999


def test_weights_must_fit_exactly(weights, tmp_path):
    tensors = load_file(weights)
    tensors["16/kernel"] = tensors.pop("15/kernel")
    tensors["13/bias"] = tensors["13/bias"][:500].clone()
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(UserError) as caught:
        openl3.load(tmp_path / "other.safetensors", settings_of()["options"], "cpu", "float32")
    for words in ("missing: 15/kernel", "left over: 16/kernel", "13/bias (500,) instead of (512,)"):
        assert words in str(caught.value)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44_100, 48_000), (48_000, 44_100), (48_000, 48_000)])
def test_the_old_resampling_keeps_a_sine(from_hz, to_hz):
    sine = np.sin(2 * np.pi * 1000 * np.arange(4410) / from_hz)
    found = resample_kaiser_best(sine, from_hz, to_hz)
    assert len(found) == int(4410 * to_hz / from_hz)
    inside = slice(200, len(found) - 200)
    expected = np.sin(2 * np.pi * 1000 * np.arange(len(found)) / to_hz)
    # downwards its filter's steps are rounded to whole table entries, which costs 3e-4
    np.testing.assert_allclose(found[inside], expected[inside], rtol=0, atol=5e-4 if to_hz < from_hz else 2e-5)


def test_golden_files_are_compared_at_their_own_rate(tmp_path, clips):
    """With files made here: the frames of an embedding that returns its input, once right, once with one value off."""
    soundfile.write(tmp_path / "chirp.wav", clips[1, :9600], 44_100, subtype="FLOAT")
    resampled = resample_kaiser_best(clips[1, :9600].astype(float), 44_100, RATE_HZ)

    def embed(batch):
        return batch[:, : len(resampled) // 8 * 8].reshape(1, -1, 8)

    frames = embed(resampled[None])[0]
    np.savez(tmp_path / "right.npz", embedding=frames)
    right = openl3_golden.compare_with_golden(embed, tmp_path / "chirp.wav", tmp_path / "right.npz")
    assert right.difference < 1e-6
    assert right.cosine > 1 - 1e-6
    frames[3, 2] += 0.2 * np.abs(frames).max()
    np.savez(tmp_path / "wrong.npz", embedding=frames)
    wrong = openl3_golden.compare_with_golden(embed, tmp_path / "chirp.wav", tmp_path / "wrong.npz")
    assert wrong.difference == pytest.approx(0.2, rel=0.3)
    np.savez(tmp_path / "longer.npz", embedding=np.vstack([frames, frames]))
    with pytest.raises(UserError, match="longer.npz: holds frames"):
        openl3_golden.compare_with_golden(embed, tmp_path / "chirp.wav", tmp_path / "longer.npz")


def test_golden_files_that_are_something_else_are_told_in_words(tmp_path):
    soundfile.write(tmp_path / "chirp.wav", np.zeros(4800), 48_000, subtype="FLOAT")
    np.savez(tmp_path / "other.npz", frames=np.zeros((3, 8)))
    np.save(tmp_path / "plain.npy", np.zeros((3, 8)))
    (tmp_path / "page.npz").write_text("<html>not found</html>")
    (tmp_path / "empty.npz").touch()

    def embed(batch):
        return np.zeros((1, 3, 8), np.float32)

    with pytest.raises(UserError, match=r"page\.npz is no recording"):
        openl3_golden.compare_with_golden(embed, tmp_path / "page.npz", tmp_path / "other.npz")
    for name in ("other.npz", "page.npz", "empty.npz", "plain.npy"):
        with pytest.raises(UserError, match=f"{name} is no .npz with the array embedding"):
            openl3_golden.compare_with_golden(embed, tmp_path / "chirp.wav", tmp_path / name)


def test_golden_files_name_options_that_the_adapter_takes():
    for golden in openl3_golden.GOLDEN_FILES:
        settings = settings_of(**golden.options)
        assert settings["options"] == golden.options
        assert golden.shape[1] == dim_of(settings)
