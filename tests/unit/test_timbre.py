"""The handcrafted features against librosa's own functions, called one by one."""

import librosa
import numpy as np
import pytest
import soundfile
import soxr

from embedshift.loudness import normalise
from embedshift.models import timbre
from embedshift.models.mel import slaney_mel_matrix


@pytest.fixture
def adapter():
    return timbre.load(None, {}, "cpu", "float32")


def sounds(rng):
    time_s = np.arange(66_150) / 22_050
    decaying_noise = rng.standard_normal(66_150) * np.exp(-4 * time_s)
    tone = 0.3 * np.sin(2 * np.pi * 440 * time_s) + 3e-3 * rng.standard_normal(66_150)
    clicks = (np.arange(66_150) % 5000 == 0) * 0.8
    return [sound.astype(np.float32) for sound in (decaying_noise, tone, clicks, np.zeros(66_150))]


def librosa_features(samples):
    mfcc = librosa.feature.mfcc(y=samples, sr=22_050)
    flatness, rms = librosa.feature.spectral_flatness(y=samples), librosa.feature.rms(y=samples)
    hertz = [
        function(y=samples, sr=22_050)
        for function in (
            librosa.feature.spectral_centroid,
            librosa.feature.spectral_bandwidth,
            librosa.feature.spectral_rolloff,
        )
    ]
    return np.concatenate(
        [
            mfcc,
            librosa.feature.delta(mfcc),
            *(feature / 1000 for feature in hertz),
            10 * np.log10(np.maximum(flatness, 1e-10)),
            librosa.feature.spectral_contrast(y=samples, sr=22_050),
            librosa.feature.zero_crossing_rate(samples),
            20 * np.log10(np.maximum(rms, 1e-5)),
        ]
    ).T


def test_mel_matrix_is_librosas():
    for rate, n_fft, n_mels in ((22_050, 2048, 128), (16_000, 512, 96), (48_000, 2048, 256)):
        expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels)
        np.testing.assert_array_equal(slaney_mel_matrix(rate, n_fft, n_mels), expected)


def test_every_feature_is_librosas(adapter, rng):
    for index, samples in enumerate(sounds(rng)):
        frames = adapter.embed(samples[None])[0] * timbre.SCALE
        expected = librosa_features(samples)
        assert frames.shape == expected.shape
        for column, name in enumerate(timbre.FEATURES):
            np.testing.assert_allclose(
                frames[:, column], expected[:, column], rtol=1e-4, atol=5e-3, err_msg=f"sound {index}, {name}"
            )


def test_clip_embedding_is_mean_and_deviation_of_the_frames(adapter, rng):
    frames = adapter.embed(sounds(rng)[0][None])[0]
    embedding = adapter.pool(frames)
    assert embedding.shape == (adapter.dim,) == (106,)
    np.testing.assert_allclose(embedding[:53], np.mean(frames.astype(float), axis=0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(embedding[53:], np.std(frames.astype(float), axis=0), rtol=1e-6, atol=1e-6)


def test_alone_or_in_a_batch_is_the_same(adapter, rng):
    batch = np.stack(sounds(rng))
    together = adapter.embed(batch)
    for index in range(len(batch)):
        np.testing.assert_array_equal(together[index], adapter.embed(batch[index : index + 1])[0])


def test_a_short_clip_is_repeated_and_loudness_moves_only_its_level(adapter, rng):
    short = rng.standard_normal(1000).astype(np.float32)
    fitted = adapter.fit_length(short)
    assert len(fitted) == adapter.length_of(1000) == 4096
    np.testing.assert_array_equal(fitted[1000:2000], short)
    quiet, loud = adapter.embed(np.stack([fitted * np.float32(0.25), fitted]))
    moved = np.abs(quiet - loud).max(axis=0) * timbre.SCALE
    rms, zero_crossing, centroid = (timbre.FEATURES.index(n) for n in ("rms_db", "zero_crossing_rate", "centroid_khz"))
    assert moved[rms] == pytest.approx(20 * np.log10(4), abs=1e-3)
    assert moved[zero_crossing] == 0
    assert moved[centroid] < 1e-4


def test_malformed_batches_are_refused_and_clips_are_counted(adapter):
    with pytest.raises(ValueError, match="float32"):
        adapter.embed(np.zeros((1, 8000)))
    with pytest.raises(ValueError, match="fit_length"):
        adapter.embed(np.zeros((1, 100), dtype=np.float32))
    assert (adapter.calls, adapter.clips_embedded) == (0, 0)
    adapter.embed(np.zeros((3, 8000), dtype=np.float32))
    assert (adapter.calls, adapter.clips_embedded) == (1, 3)


def test_constants_are_the_deviations_over_instrument_recordings(adapter, real_recordings):
    files = sorted((real_recordings / "fsdkaggle2018_instruments").rglob("*.flac"))
    assert len(files) == 68
    frames = []
    for file in files:
        audio, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
        level = normalise(audio.mean(axis=1, keepdims=True), rate_hz, -23.0)[0]
        samples = adapter.fit_length(soxr.resample(level[:, 0], rate_hz, 22_050))
        frames.append(adapter.embed(samples[None])[0] * timbre.SCALE)
    np.testing.assert_allclose(timbre.SCALE / np.concatenate(frames).std(axis=0), 1, atol=0.25)
