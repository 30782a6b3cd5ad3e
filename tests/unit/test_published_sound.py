"""What the network hears with a published study's quirks: channels in a row, kaiser_best."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from embedshift import batching
from embedshift.models.kaiser_best import kaiser_best_length, resample_kaiser_best
from embedshift.models.openl3_resampling import resample_kaiser_best as resample_by_position
from embedshift.models.published_sound import PublishedSound


def rule_of(sample_rate_hz, length=None):
    """Return a length rule: any length, or repeated and cut to `length`."""

    def fit(samples):
        return samples if length is None else np.resize(samples, length)

    return SimpleNamespace(
        sample_rate_hz=sample_rate_hz, length_of=lambda n: n if length is None else length, fit_length=fit
    )


def test_left_then_right_as_msclap_flattens_a_stereo_file(rng):
    """msclap reads (2, n), flattens it, repeats it to 7 s and cuts: left, right, and the first second of left."""
    stereo = rng.normal(0, 0.1, (3 * 44100, 2)).astype(np.float32)
    sound, rule = PublishedSound(["channels_in_a_row"], 2), rule_of(44100, 7 * 44100)
    heard = sound.prepare_clip(stereo, 44100, rule)
    flat = stereo.T.reshape(-1)
    repeated = np.tile(flat, math.ceil(rule.length_of(0) / len(flat)))[: 7 * 44100]
    np.testing.assert_array_equal(heard, repeated)
    np.testing.assert_array_equal(heard[6 * 44100 :], stereo[:44100, 0])
    assert sound.network_length(3 * 44100, 44100, rule) == len(heard)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("quirks", [[], ["channels_in_a_row"], ["kaiser_best"], ["channels_in_a_row", "kaiser_best"]])
@pytest.mark.parametrize(("from_hz", "to_hz"), [(44100, 48000), (44100, 44100), (44100, 32000), (22050, 16000)])
def test_the_length_told_is_the_length_made(rng, quirks, channels, from_hz, to_hz):
    sound, rule = PublishedSound(quirks, channels), rule_of(to_hz)
    for n_samples in (9001, 13230, 20000):
        clip = rng.normal(0, 0.1, (n_samples, channels)).astype(np.float32)
        heard = sound.prepare_clip(clip, from_hz, rule)
        assert len(heard) == sound.network_length(n_samples, from_hz, rule)
        assert heard.dtype == np.float32


def test_mono_without_kaiser_best_is_what_everyone_gets(rng):
    clip = rng.normal(0, 0.1, (20000, 1)).astype(np.float32)
    sound, rule = PublishedSound(["channels_in_a_row"], 1), rule_of(32000)
    np.testing.assert_array_equal(sound.prepare_clip(clip, 44100, rule), batching.prepare_clip(clip, 44100, rule))


def test_kaiser_best_is_of_the_mean_of_the_channels(rng):
    stereo = rng.normal(0, 0.1, (20000, 2)).astype(np.float32)
    heard = PublishedSound(["kaiser_best"], 2).prepare_clip(stereo, 44100, rule_of(48000))
    expected = resample_by_position(stereo.astype(np.float64).mean(axis=1), 44100, 48000)
    np.testing.assert_allclose(heard, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("from_hz", "to_hz", "samples", "tolerance"),
    [(44100, 48000, 132299, 2.5e-6), (22050, 48000, 30000, 2.5e-6), (16000, 48000, 16000, 2.5e-6),
     (44100, 48000, 5, 1e-12), (44100, 32000, 30000, 0.0), (48000, 16000, 30000, 0.0), (44100, 47999, 9000, 0.0)],
)  # fmt: skip
def test_the_matrix_gives_what_following_every_position_gives(rng, from_hz, to_hz, samples, tolerance):
    """White noise of unit variance; the difference is the drift of added-up positions."""
    sound = rng.standard_normal(samples)
    found = resample_kaiser_best(sound, from_hz, to_hz)
    assert len(found) == kaiser_best_length(samples, from_hz, to_hz)
    np.testing.assert_allclose(found, resample_by_position(sound, from_hz, to_hz), atol=tolerance, rtol=0)


def test_a_tone_comes_out_as_itself():
    times_s = np.arange(44100) / 44100
    found = resample_kaiser_best(np.sin(2 * np.pi * 1000 * times_s), 44100, 48000)
    expected = np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
    assert np.abs(found - expected)[500:-500].max() < 2e-4
