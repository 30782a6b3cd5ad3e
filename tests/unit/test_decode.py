"""Decoding: every format, exact stretches, channel rules, resampling without ringing, and what cannot be decoded."""

import numpy as np
import pytest
import soundfile
import soxr

from embedshift.decode import DecodedClip, apply_channel_rule, count_clipped_runs, decode_clip
from embedshift.errors import UserError
from embedshift.excerpt import Excerpt, UnusableClip

RATE = 44100


@pytest.fixture
def write(tmp_path):
    """Return a function that writes samples to a sound file and gives its path."""

    def run(name, samples, rate=RATE, **options):
        soundfile.write(tmp_path / name, samples, rate, **options)
        return tmp_path / name

    return run


def noise(rng, seconds=2.0, channels=1, rate=RATE):
    return (rng.uniform(-0.5, 0.5, size=(round(seconds * rate), channels))).astype(np.float32)


def decode(path, start_s=0.0, duration_s=None, rule="whole", length_s=None, channels="mean", rate=RATE) -> DecodedClip:
    return decode_clip(path, Excerpt(start_s, duration_s, rule, length_s), channels=channels, sample_rate_hz=rate)


def in_band(rng, n, rate, lowest_rate):
    """Noise without anything above 0.4 of the lowest rate, so that resampling loses nothing."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum[np.fft.rfftfreq(n, 1 / rate) > 0.4 * lowest_rate] = 0
    spectrum[0] = 0
    signal = np.fft.irfft(spectrum, n)
    return (0.5 * signal / np.abs(signal).max())[:, np.newaxis]


@pytest.mark.parametrize(
    ("name", "options", "step"),
    [
        ("u8.wav", {"subtype": "PCM_U8"}, 2.0**-7),
        ("s16.wav", {"subtype": "PCM_16"}, 2.0**-15),
        ("s24.wav", {"subtype": "PCM_24"}, 2.0**-23),
        ("s32.wav", {"subtype": "PCM_32"}, 2.0**-24),
        ("f32.wav", {"subtype": "FLOAT"}, 0.0),
        ("f64.wav", {"subtype": "DOUBLE"}, 2.0**-24),
        ("x.WAV", {"format": "WAVEX", "subtype": "PCM_24"}, 2.0**-23),
        ("s8.flac", {"subtype": "PCM_S8"}, 2.0**-7),
        ("s24.flac", {"subtype": "PCM_24"}, 2.0**-23),
        ("s16.aiff", {"subtype": "PCM_16"}, 2.0**-15),
        ("f32.aif", {"format": "AIFF", "subtype": "FLOAT"}, 0.0),
    ],
)
def test_lossless_formats_give_the_samples_back(rng, write, name, options, step):
    samples = noise(rng)
    decoded = decode(write(name, samples, **options))
    assert decoded.samples.dtype == np.float32
    assert decoded.samples.shape == samples.shape
    np.testing.assert_allclose(decoded.samples, samples, rtol=0, atol=step)
    part = decode(write(name, samples, **options), start_s=0.73, duration_s=0.5)
    np.testing.assert_array_equal(part.samples, decoded.samples[round(0.73 * RATE) :][: round(0.5 * RATE)])


@pytest.mark.parametrize(
    ("name", "rate", "options"),
    [
        ("a.mp3", 44100, {}),
        ("v.mp3", 48000, {"compression_level": 0.3, "bitrate_mode": "VARIABLE"}),
        ("low.mp3", 16000, {}),
        ("poor.mp3", 44100, {"compression_level": 0.9, "bitrate_mode": "CONSTANT"}),
        ("a.ogg", 44100, {}),
        ("o.ogg", 48000, {"format": "OGG", "subtype": "OPUS"}),
    ],
)
def test_a_stretch_of_a_lossy_file_is_the_same_samples_as_in_the_whole_file(rng, write, name, rate, options):
    tone = np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate)[:, np.newaxis] * 0.5
    path = write(name, tone + 0.05 * noise(rng, 3.0, rate=rate), rate, **options)
    whole = decode(path, rate=rate).samples
    assert np.corrcoef(whole[rate : 2 * rate, 0], tone[rate : 2 * rate, 0])[0, 1] > 0.95 or name == "poor.mp3"
    for start_s in rng.uniform(0.0, 2.4, size=8):
        part = decode(path, start_s=start_s, rule="cut", length_s=0.5, rate=rate).samples
        first = round(start_s * rate)
        np.testing.assert_array_equal(part, whole[first : first + round(0.5 * rate)])


def test_real_ogg_recordings_are_cut_where_seeking_in_them_is_not_exact(rng, real_recordings):
    for path in sorted(real_recordings.glob("librosa_tracks/*.ogg"))[:4]:
        whole, rate = soundfile.read(path, dtype="float32", always_2d=True)
        for start_s in rng.uniform(0.0, len(whole) / rate - 1.0, size=4):
            part = decode(path, start_s=start_s, rule="cut", length_s=0.5, rate=rate, channels="first").samples
            first = round(start_s * rate)
            np.testing.assert_array_equal(part, whole[first : first + round(0.5 * rate), :1])


@pytest.mark.parametrize("source_rate", [8000, 11025, 22050, 44100, 48000, 96000, 192000, 44099])
@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_every_rate_gives_exact_counts_and_the_right_signal(rng, write, source_rate, rate):
    lowest = min(source_rate, rate)
    full = in_band(rng, 2 * source_rate, source_rate, lowest)
    path = write("x.wav", full, source_rate, subtype="FLOAT")
    assert len(decode(path, rate=rate).samples) == 2 * rate
    clip = decode(path, start_s=0.5, rule="cut", length_s=1.0, rate=rate)
    assert clip.samples.shape == (rate, 1)
    # band-limited interpolation of a periodic signal, exact: evaluate its Fourier series on the output grid
    start = round(0.5 * source_rate) / source_rate
    spectrum = np.fft.rfft(full[:, 0])[:lowest]
    check = rng.integers(0, rate, size=50)
    # the first and last samples are where a cut would ring
    check = np.concatenate([[0, 1, 2, rate - 3, rate - 2, rate - 1], check])
    phase = np.exp(2j * np.pi * np.outer(start + check / rate, np.arange(len(spectrum)) / 2.0))
    expected = 2 * (phase @ spectrum).real / len(full)
    # HQ is specified at 20 bit; 1e-3 of the pass band's edge is its ripple there
    np.testing.assert_allclose(clip.samples[check, 0], expected, atol=5e-5)


def test_a_cut_equals_the_cut_of_the_resampled_whole(rng, write):
    samples = noise(rng, 4.0, rate=48000)
    path = write("x.wav", samples, 48000, subtype="FLOAT")
    whole = soxr.resample(samples, 48000, 44100, quality="HQ")
    clip = decode(path, start_s=1.0, rule="cut", length_s=2.0)
    np.testing.assert_allclose(clip.samples, whole[44100 : 3 * 44100], atol=1e-6)


def test_end_of_file_is_followed_by_silence(rng, write):
    samples = noise(rng, 1.0, rate=48000)
    path = write("x.wav", samples, 48000, subtype="FLOAT")
    clip = decode(path, start_s=0.5, rule="pad", length_s=1.0)
    assert clip.samples.shape == (44100, 1)
    assert clip.padded_s == pytest.approx(0.5)
    assert np.abs(clip.samples[: 22050 - 100]).max() > 0.3
    assert not clip.samples[22050:].any()


def test_one_sample_too_short_is_refused_by_cut_and_padded_by_pad(rng, write):
    path = write("x.wav", noise(rng)[: 2 * RATE - 1])
    with pytest.raises(UnusableClip, match=r"too short: .*\(88199 samples\)"):
        decode(path, rule="cut", length_s=2.0)
    assert len(decode(path, rule="pad", length_s=2.0).samples) == 2 * RATE


def test_a_given_duration_bounds_the_clip(rng, write):
    path = write("x.wav", noise(rng))
    with pytest.raises(UnusableClip, match="too short"):
        decode(path, duration_s=0.5, rule="cut", length_s=1.0)
    padded = decode(path, duration_s=0.5, rule="pad", length_s=1.0)
    assert not padded.samples[RATE // 2 :].any()
    assert padded.missing_s == 0.0
    late = decode(path, start_s=1.5, duration_s=1.0)
    assert len(late.samples) == RATE // 2
    assert late.missing_s == pytest.approx(0.5)


def test_a_start_behind_the_end_is_refused(rng, write):
    for name in ("x.wav", "x.mp3"):
        with pytest.raises(UnusableClip, match="too short: start_s 9 is not before the end of the file, 2 s"):
            decode(write(name, noise(rng)), start_s=9.0)


def test_channel_rules(rng):
    stereo = noise(rng, channels=2)
    eight = noise(rng, channels=8)
    np.testing.assert_allclose(apply_channel_rule(stereo, "mean")[:, 0], (stereo[:, 0] + stereo[:, 1]) / 2, atol=1e-7)
    np.testing.assert_allclose(apply_channel_rule(eight, "mean")[:, 0], eight.sum(axis=1) / 8, atol=1e-7)
    np.testing.assert_array_equal(apply_channel_rule(eight, "first"), eight[:, :1])
    np.testing.assert_array_equal(apply_channel_rule(stereo, "stereo"), stereo)
    doubled = apply_channel_rule(stereo[:, :1], "stereo")
    np.testing.assert_array_equal(doubled, stereo[:, [0, 0]])
    with pytest.raises(UnusableClip, match="channels: 8 channels, but channels 'stereo' takes 1 or 2"):
        apply_channel_rule(eight, "stereo")


def test_eight_channels_at_192_khz(rng, write):
    path = write("x.wav", noise(rng, 1.0, channels=8, rate=192000), 192000)
    decoded = decode(path)
    assert decoded.samples.shape == (44100, 1)
    assert (decoded.source_channels, decoded.source_rate_hz) == (8, 192000)


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_clipped_runs_are_counted(rng, write, bits):
    samples = noise(rng, channels=2).astype(np.float64)
    samples[100:102, 0] = 1.0  # two samples: no run
    samples[200:203, 0] = 1.0
    samples[300:340, 1] = -1.0
    samples[-3:, 1] = 1.0
    subtype = {8: "PCM_U8", 16: "PCM_16", 24: "PCM_24"}[bits]
    assert decode(write("x.wav", samples, subtype=subtype)).clipped_runs == 3
    assert decode(write("x.wav", samples, subtype=subtype), duration_s=0.005).clipped_runs == 1
    assert count_clipped_runs(samples[:2], subtype) == 0


def test_float_samples_above_full_scale_are_not_clipped_but_runs_at_it_are(rng, write):
    samples = 4.0 * noise(rng).astype(np.float64)
    assert decode(write("x.wav", samples, subtype="FLOAT")).clipped_runs == 0
    assert decode(write("x.wav", np.clip(samples, -1.0, 1.0), subtype="FLOAT")).clipped_runs > 100


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_is_named_with_its_place(rng, write, bad):
    samples = noise(rng)
    samples[RATE] = bad
    path = write("x.wav", samples, subtype="FLOAT")
    with pytest.raises(UnusableClip, match="not finite: 1 samples are NaN or infinite, the first 0.75 s into the clip"):
        decode(path, start_s=0.25)
    assert len(decode(path, duration_s=0.9).samples)  # the clip itself is clean


def test_broken_files_are_told_apart(rng, write, tmp_path):
    good = {name: write(name, noise(rng)).read_bytes() for name in ("x.wav", "x.flac", "x.ogg", "x.mp3", "x.aiff")}
    (tmp_path / "empty.wav").write_bytes(b"")
    with pytest.raises(UnusableClip, match="empty: the file has no bytes"):
        decode(tmp_path / "empty.wav")
    with pytest.raises(UnusableClip, match="empty: the file holds no samples"):
        decode(write("none.wav", np.zeros((0, 1))))
    for name in good:
        (tmp_path / name).write_bytes(rng.bytes(5000))
        with pytest.raises(UnusableClip, match="corrupt|empty"):
            decode(tmp_path / name)
        (tmp_path / name).write_bytes(good[name][:10])
        with pytest.raises(UnusableClip, match="corrupt|empty"):
            decode(tmp_path / name)
    with pytest.raises(UserError, match=r"gone\.wav was listed"):
        decode(tmp_path / "gone.wav")


@pytest.mark.parametrize("rate", [1, 999, 1_000_001, 2**31 - 1])
def test_an_absurd_sample_rate_is_corrupt_not_gigabytes(rng, write, rate):
    data = bytearray(write("x.wav", noise(rng, 0.5)).read_bytes())
    data[24:28] = rate.to_bytes(4, "little")
    path = write("x.wav", np.zeros(1))
    path.write_bytes(bytes(data))
    with pytest.raises(UnusableClip, match=f"corrupt: its header gives a rate of {rate} Hz"):
        decode(path, rule="pad", length_s=0.5)


def test_a_flac_of_unknown_length_is_refused(rng, write):
    path = write("x.flac", noise(rng, 0.5))
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # STREAMINFO: 36 bits of the number of samples
    data[22:26] = bytes(4)
    path.write_bytes(bytes(data))
    with pytest.raises(UnusableClip, match="corrupt|empty"):
        decode(path, rule="pad", length_s=0.5)


def test_a_truncated_flac_is_corrupt_where_it_is_missing_and_good_before(rng, write, tmp_path):
    path = write("x.flac", noise(rng, 4.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnusableClip, match="corrupt"):
        decode(path)
    assert len(decode(path, rule="cut", length_s=1.0).samples) == RATE


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.ogg", "x.mp3", "x.aiff"])
def test_damage_anywhere_never_raises_anything_else(rng, write, name):
    good = write(name, noise(rng, 0.5)).read_bytes()
    for _ in range(40):
        damaged = bytearray(good)
        for place in rng.integers(0, min(len(good), rng.choice([60, 400, len(good)])), size=6):
            damaged[place] = rng.integers(256)
        path = write(name, np.zeros(1))
        path.write_bytes(bytes(damaged[: rng.integers(1, len(good) + 1)]))
        try:
            decoded = decode(path, rule="pad", length_s=0.5)
        except UnusableClip:
            continue
        assert decoded.samples.shape == (RATE // 2, 1)


def test_real_recordings_keep_their_samples(real_recordings):
    for path in sorted(real_recordings.glob("fsdkaggle2018_instruments/*/*.flac"))[::9]:
        reference, rate = soundfile.read(path, dtype="float32", always_2d=True)
        np.testing.assert_array_equal(decode(path, rate=rate).samples, reference)
