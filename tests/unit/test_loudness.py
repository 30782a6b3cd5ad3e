"""The loudness meter against pyloudnorm, against the standard's own calibration, and its edge cases."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyloudnorm
import pytest

from embedshift.loudness import integrated_loudness, is_measurable, normalise

RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000)


def reference(samples, rate):
    return pyloudnorm.Meter(rate).integrated_loudness(np.asarray(samples, dtype=np.float64))


def bursts(rng, n, rate, channels):
    """Noise whose level jumps over 90 dB, so that both gates matter."""
    levels_db = np.repeat(rng.uniform(-90.0, 0.0, size=n // (rate // 7) + 1), rate // 7)[:n]
    return rng.standard_normal((n, channels)) * 10.0 ** (levels_db[:, np.newaxis] / 20.0) * 0.3


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_agrees_with_pyloudnorm_on_signals_that_cross_both_gates(rng, rate, channels):
    for duration_s in (0.4, 0.437, 0.45, 0.55, 1.0, 2.9999, 3.0):
        samples = bursts(rng, int(np.ceil(duration_s * rate)), rate, channels)
        assert integrated_loudness(samples, rate) == pytest.approx(reference(samples, rate), abs=1e-9)


@pytest.mark.parametrize("level_db", [0.0, -30.0, -60.0, -66.0, -69.0, -70.0, -72.0, -80.0])
def test_agrees_with_pyloudnorm_near_the_absolute_gate(rng, level_db):
    samples = rng.standard_normal((44100, 2)) * 10.0 ** (level_db / 20.0)
    assert integrated_loudness(samples, 44100) == pytest.approx(reference(samples, 44100), abs=1e-9)


def test_agrees_with_pyloudnorm_on_float32(rng):
    samples = bursts(rng, 132300, 44100, 2).astype(np.float32)
    assert integrated_loudness(samples, 44100) == pytest.approx(reference(samples, 44100), abs=1e-9)


def test_full_scale_sine_at_997_hz_reads_minus_3_01(rng):
    # ITU-R BS.1770-4, annex 1: a 0 dB FS sine of 997 Hz in one channel reads -3.01 LKFS
    sine = np.sin(2 * np.pi * 997.0 * np.arange(5 * 48000) / 48000)
    assert integrated_loudness(sine, 48000) == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("samples", [np.zeros((44100, 1)), np.full((44100, 2), 1e-9)])
def test_silence_reads_minus_infinity_and_gets_no_gain(samples):
    assert integrated_loudness(samples, 44100) == -np.inf
    result, gain_db, before, after = normalise(samples.astype(np.float32), 44100, -23.0)
    assert (gain_db, before, after) == (0.0, -np.inf, -np.inf)
    np.testing.assert_array_equal(result, samples.astype(np.float32))


def test_shorter_than_one_block_is_refused():
    assert is_measurable(17640, 44100)
    assert not is_measurable(17639, 44100)
    with pytest.raises(ValueError, match="shorter than the meter's block"):
        integrated_loudness(np.ones(17639), 44100)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_not_taken_for_silence(bad):
    samples = np.zeros((44100, 1), dtype=np.float32)
    samples[30000] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        integrated_loudness(samples, 44100)


def test_six_channels_are_refused():
    with pytest.raises(ValueError, match="five|at most 5"):
        integrated_loudness(np.ones((44100, 6)), 44100)


@pytest.mark.parametrize("channels", [1, 2])
def test_normalise_reaches_the_target_as_pyloudnorm_measures_it(rng, channels):
    for target_lufs in (-40.0, -23.0, -14.0, 3.0):
        samples = bursts(rng, 66150, 44100, channels).astype(np.float32)
        result, gain_db, before, after = normalise(samples, 44100, target_lufs)
        assert result.dtype == np.float32
        assert result.shape == samples.shape
        assert before == pytest.approx(reference(samples, 44100), abs=1e-9)
        assert after == pytest.approx(target_lufs, abs=1e-6)
        assert reference(result, 44100) == pytest.approx(target_lufs, abs=1e-5)
        np.testing.assert_allclose(result, samples * 10 ** (gain_db / 20), rtol=2e-7)


def test_normalise_reaches_the_target_although_the_gain_lifts_blocks_over_the_gate(rng):
    # 1 s at about -66 LUFS, 2 s at about -72 LUFS: the second part counts only once it is louder
    samples = rng.standard_normal(132300)
    samples *= np.where(np.arange(132300) < 44100, 1.0, 0.5) * 10 ** (-69.0 / 20)
    single_step = samples * 10 ** ((-23.0 - reference(samples, 44100)) / 20)
    assert abs(reference(single_step, 44100) + 23.0) > 1.0
    result, _, _, after = normalise(samples, 44100, -23.0)
    assert after == pytest.approx(-23.0, abs=1e-6)
    assert reference(result, 44100) == pytest.approx(-23.0, abs=1e-5)


def test_target_at_or_below_the_gate_is_refused():
    with pytest.raises(ValueError, match="not above the meter's gate"):
        normalise(np.ones((44100, 1)), 44100, -70.0)


def test_input_is_left_alone_and_threads_do_not_disturb_each_other(rng):
    clips = [bursts(rng, 44100, 44100, 2).astype(np.float32) for _ in range(24)]
    copies = [clip.copy() for clip in clips]
    alone = [normalise(clip, 44100, -23.0) for clip in clips]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda clip: normalise(clip, 44100, -23.0), clips))
    for first, second in zip(alone, together, strict=True):
        assert first[0].tobytes() == second[0].tobytes()
        assert first[1:] == second[1:]
    for clip, copy in zip(clips, copies, strict=True):
        np.testing.assert_array_equal(clip, copy)
