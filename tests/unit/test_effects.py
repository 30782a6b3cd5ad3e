"""The chain on one clip: closed forms, scipy called directly, fresh state, threads."""

import itertools
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pedalboard
import pytest
import soundfile
from scipy import signal

from embedshift.effect_catalog import check_effect, processors
from embedshift.effects import apply_chain, chebyshev2_lowpass_sections, prepare_chain, run_chain

RATE_HZ = 44100
OWN = {name for name, described in processors().items() if described["family"] != "pedalboard"}


def applied(samples, *items, strength=1.0, tail_s=0.0):
    """Apply a chain written as in a config."""
    strengths = {"strengths": [strength]} if any("sweep" in item.values() for item in items) else {}
    chain = check_effect("tested", {"chain": list(items), **strengths}, RATE_HZ)["chain"]
    return apply_chain(samples, RATE_HZ, chain, strength, tail_s)


@pytest.fixture
def clip(rng):
    """Return a second of noise that decays, (n, 1) float32."""
    return (rng.normal(0, 0.2, (RATE_HZ, 1)) * np.linspace(1, 0.1, RATE_HZ)[:, None]).astype(np.float32)


@pytest.fixture
def response(rng, tmp_path):
    """Return the path of an impulse response of half a second."""
    path = tmp_path / "response.wav"
    soundfile.write(path, rng.normal(0, 0.1, RATE_HZ // 2) * np.exp(-np.arange(RATE_HZ // 2) / 3000), RATE_HZ)
    return str(path)


def relative(found, expected):
    return np.sqrt(np.mean((found - expected) ** 2) / np.mean(np.asarray(expected) ** 2))


# --- closed forms ---


@pytest.mark.parametrize("gain_db", [-40.0, -1.5, 0.0, 5.0])
def test_gain_multiplies(clip, gain_db):
    expected = clip * np.float32(10 ** (gain_db / 20))
    np.testing.assert_allclose(applied(clip, {"processor": "Gain", "gain_db": gain_db}), expected, rtol=2e-7)


@pytest.mark.parametrize("bits", [4, 8, 15])
def test_bitcrush_rounds_to_steps(clip, bits):
    expected = np.round(clip * 2.0**bits) / 2.0**bits
    np.testing.assert_array_equal(applied(clip, {"processor": "Bitcrush", "bit_depth": bits}), expected)


@pytest.mark.parametrize("drive_db", [0.0, 25.0])
def test_distortion_is_tanh(clip, drive_db):
    expected = np.tanh(clip.astype(np.float64) * 10 ** (drive_db / 20))
    np.testing.assert_allclose(applied(clip, {"processor": "Distortion", "drive_db": drive_db}), expected, atol=2e-7)


def test_delay_is_one_echo(clip):
    late = np.concatenate([np.zeros((RATE_HZ // 4, 1)), clip])[:RATE_HZ]
    found = applied(clip, {"processor": "Delay", "delay_seconds": 0.25, "mix": 0.5})
    np.testing.assert_allclose(found, 0.5 * clip + 0.5 * late, atol=1e-7)


def test_invert_and_clipping(clip):
    np.testing.assert_array_equal(applied(clip, {"processor": "Invert"}), -clip)
    limit = 10 ** (-6 / 20)
    found = applied(4 * clip, {"processor": "Clipping", "threshold_db": -6})
    np.testing.assert_allclose(found, np.clip(4 * clip, -limit, limit), atol=1e-6)


@pytest.mark.parametrize("cutoff_hz", [70.0, 2000.0, 10000.0])
@pytest.mark.parametrize("kind", ["low", "high"])
def test_first_order_filters(clip, kind, cutoff_hz):
    """JUCE's first-order design is the bilinear transform of 1/(s + 1) and s/(s + 1)."""
    b, a = signal.butter(1, cutoff_hz, kind, fs=RATE_HZ)
    name = {"low": "LowpassFilter", "high": "HighpassFilter"}[kind]
    found = applied(clip, {"processor": name, "cutoff_frequency_hz": cutoff_hz})
    np.testing.assert_allclose(found, signal.lfilter(b, a, clip.astype(np.float64), axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "key", "values"),
    [
        ("Gain", "gain_db", [-99, -40, -38.5, -7.3, 0, 0.5, 5, 60]),
        ("Clipping", "threshold_db", [-99, -40.2, -6, 0, 20]),
        ("Bitcrush", "bit_depth", [1, 2.5, 4, 7.3, 8, 15, 24, 31.5, 32]),
        ("Invert", None, [None]),
    ],
)
def test_written_out_processors_give_the_plugins_bits(name, key, values, rng):
    """The oracle is pedalboard itself; halves of steps, zeros and subnormal numbers are among the samples."""
    halves = np.concatenate([(np.arange(-64, 64) + 0.5) / 2**bits for bits in (1, 4, 8)])
    samples = np.concatenate([rng.normal(0, 0.3, 20000), halves, [0, -0.0, 1e-40, 3e38]]).astype(np.float32)[:, None]
    for value in values:
        parameters = {} if key is None else {key: value}
        expected = getattr(pedalboard, name)(**parameters).process(samples.T, RATE_HZ).T
        found = applied(samples, {"processor": name} | parameters)
        np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


def test_reverb_is_linear_and_time_invariant(clip):
    item = {"processor": "Reverb", "room_size": 0.8}
    impulse = np.zeros((RATE_HZ, 1), np.float32)
    impulse[0] = 1.0
    expected = signal.fftconvolve(clip[:, 0], applied(impulse, item)[:, 0].astype(np.float64))[:RATE_HZ]
    assert relative(applied(clip, item)[:, 0], expected) < 5e-5


def test_convolution_is_the_scaled_response(clip, response):
    samples, _ = soundfile.read(response)
    expected = signal.fftconvolve(clip[:, 0], samples)[:RATE_HZ] * 0.125 / np.sqrt(np.sum(samples**2))
    found = applied(clip, {"processor": "Convolution", "impulse_response_filename": response})
    assert relative(found[:, 0], expected) < 3e-5


def test_time_reversal(clip):
    np.testing.assert_array_equal(applied(clip, {"processor": "time_reverse"}), clip[::-1])
    np.testing.assert_array_equal(applied(clip, *[{"processor": "time_reverse"}] * 2), clip)


# --- scipy filters ---


def order_of(sections):
    """Count the poles; a section of first order has one at zero."""
    return sum(np.count_nonzero(np.abs(np.roots(section[3:])) > 1e-12) for section in sections)


def test_order_of_study_a_lowpass_falls_along_the_sweep():
    grid_hz = np.geomspace(1600, 22000 / 1.2, 31)
    orders = [order_of(chebyshev2_lowpass_sections(hz, 3, 80, sample_rate_hz=RATE_HZ)) for hz in grid_hz]
    assert [order for order, _ in itertools.groupby(orders)] == [16, 15, 14, 13, 12, 11, 10, 9, 8, 6]
    assert grid_hz[orders.count(16) - 1] == pytest.approx(4243.933, abs=1e-3)


@pytest.mark.parametrize("frequency_hz", [1600.0, 1735.498, 4243.933, 18333.333])
def test_study_a_lowpass_is_scipy_called_directly(clip, frequency_hz):
    order, corner_hz = signal.cheb2ord(frequency_hz / 1.1, frequency_hz * 1.1, 3, 80, fs=RATE_HZ)
    sections = signal.cheby2(order, 80, corner_hz, "low", output="sos", fs=RATE_HZ)
    expected = signal.sosfilt(sections, clip[:, 0].astype(np.float64)).astype(np.float32)
    found = applied(clip, {"processor": "chebyshev2_lowpass", "frequency_hz": "sweep"}, strength=frequency_hz)
    np.testing.assert_array_equal(found[:, 0], expected)


def test_study_a_lowpass_meets_its_edges():
    for frequency_hz in (1600.0, 5000.0, 18333.333):
        sections = chebyshev2_lowpass_sections(frequency_hz, 3, 80, sample_rate_hz=RATE_HZ)
        edges = [frequency_hz / 1.1, frequency_hz * 1.1]
        loss_db = -20 * np.log10(np.abs(signal.sosfreqz(sections, edges, fs=RATE_HZ)[1]))
        assert loss_db[0] <= 3.0 + 1e-6
        assert loss_db[1] >= 80 - 1e-6


@pytest.mark.parametrize(
    ("item", "direct"),
    [
        ({"processor": "butterworth", "order": 3, "cutoff_hz": 900}, lambda: signal.butter(3, 900, "low", **SOS)),
        (
            {"processor": "chebyshev1", "kind": "highpass", "cutoff_hz": 900, "ripple_db": 2},
            lambda: signal.cheby1(4, 2, 900, "high", **SOS),
        ),
        (
            {"processor": "chebyshev2", "kind": "bandpass", "low_hz": 300, "high_hz": 900, "attenuation_db": 50},
            lambda: signal.cheby2(4, 50, [300, 900], "bandpass", **SOS),
        ),
        (
            {"processor": "elliptic", "kind": "bandstop", "low_hz": 300, "high_hz": 900, "order": 2},
            lambda: signal.ellip(2, 1, 60, [300, 900], "bandstop", **SOS),
        ),
        (
            {"processor": "bessel", "cutoff_hz": 900, "norm": "delay"},
            lambda: signal.bessel(4, 900, "low", norm="delay", **SOS),
        ),
    ],
)
def test_filters_by_name_are_scipy_called_directly(clip, item, direct):
    expected = signal.sosfilt(direct(), clip[:, 0].astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(applied(clip, item)[:, 0], expected)


SOS = {"output": "sos", "fs": RATE_HZ}


# --- chains ---


def test_a_chain_is_applied_in_order(clip):
    drive, low = {"processor": "Distortion", "drive_db": 20}, {"processor": "LowpassFilter", "cutoff_frequency_hz": 500}
    np.testing.assert_array_equal(applied(clip, drive, low), applied(applied(clip, drive), low))
    assert not np.allclose(applied(clip, drive, low), applied(clip, low, drive), atol=1e-3)


def test_strength_takes_the_place_of_the_swept_parameter(clip):
    chain = [{"processor": "Invert"}, {"processor": "Gain", "gain_db": "sweep"}]
    fixed = [{"processor": "Invert"}, {"processor": "Gain", "gain_db": -7.5}]
    np.testing.assert_array_equal(applied(clip, *chain, strength=-7.5), applied(clip, *fixed))


def test_input_is_left_as_it_was(clip):
    before = clip.copy()
    applied(clip, {"processor": "Gain", "gain_db": 6}, {"processor": "time_reverse"})
    np.testing.assert_array_equal(clip, before)


# --- every processor: length, type, latency, tail ---

PARAMETERS = {
    "PitchShift": {"semitones": 4},
    "Compressor": {"threshold_db": -30, "ratio": 4},
    "NoiseGate": {"threshold_db": -20},
    "Chorus": {"feedback": 0.3},
    "Phaser": {"feedback": 0.3},
    "Delay": {"delay_seconds": 0.1, "feedback": 0.5},
    "HighShelfFilter": {"gain_db": 9},
    "LowShelfFilter": {"gain_db": 9},
    "PeakFilter": {"gain_db": 9},
    "BrickwallLimiter": {"ceiling_db": -20},
    "chebyshev2_lowpass": {"frequency_hz": 3000},
} | {name: {"cutoff_hz": 1000} for name in OWN if name not in ("time_reverse", "chebyshev2_lowpass")}
EVERY = sorted(processors())


def item_for(name, response):
    item = {"processor": name, **PARAMETERS.get(name, {})}
    return item | ({"impulse_response_filename": response} if name == "Convolution" else {})


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("channels", [1, 2])
def test_length_shape_and_type(name, channels, rng, response):
    for length in (1, 2, 3, 999, 20001):
        samples = rng.normal(0, 0.2, (length, channels)).astype(np.float32)
        found = applied(samples, item_for(name, response))
        assert (found.shape, found.dtype) == ((length, channels), np.float32)
        assert np.isfinite(found).all()


TIMED = sorted(set(EVERY) - OWN - {"Convolution"})
CHANGES_NOTHING = {
    "Chorus": {"mix": 0},
    "Delay": {"mix": 0},
    "Phaser": {"mix": 0},
    "Reverb": {"wet_level": 0},
    "PitchShift": {"semitones": 0.01},
    "LadderFilter": {"cutoff_hz": 20000},
    "HighpassFilter": {"cutoff_frequency_hz": 20},
    "LowpassFilter": {"cutoff_frequency_hz": 20000},
}


@pytest.mark.parametrize("name", TIMED)
def test_no_processor_is_late(name, response):
    """A chirp comes back where it was: the peak of the cross-correlation lies within 0.1 ms of zero."""
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    chirp = (0.3 * signal.chirp(time_s, 80, 2, 3000)).astype(np.float32)[:, None]
    item = item_for(name, response) | CHANGES_NOTHING.get(name, {})
    found = applied(chirp, item)[:, 0]
    lag = np.argmax(np.abs(signal.correlate(found, chirp[:, 0]))) - (len(chirp) - 1)
    assert abs(lag) <= 4


def test_tail_rings_on_and_is_cut_by_default(clip):
    item = {"processor": "Reverb", "room_size": 0.9}
    plain, ringing = applied(clip, item), applied(clip, item, tail_s=0.5)
    assert len(ringing) == len(clip) + RATE_HZ // 2
    np.testing.assert_array_equal(ringing[: len(clip)], plain)
    assert np.sqrt(np.mean(ringing[len(clip) :] ** 2)) > 1e-3


# --- fresh state, any order, any number of threads ---


@pytest.fixture
def clips(rng):
    """Return clips of several lengths, loud and quiet, so that what runs over would be heard."""
    lengths = [30000, 12000, 30000, 8192, 20001, 100]
    return [(rng.normal(0, level, (n, 1))).astype(np.float32) for n, level in zip(lengths, [1, 1e-3] * 3, strict=True)]


@pytest.mark.parametrize("name", EVERY)
def test_same_bits_in_any_order_and_in_threads(name, clips, response):
    chain = check_effect("tested", {"chain": [item_for(name, response)]}, RATE_HZ)["chain"]
    alone = [apply_chain(clip, RATE_HZ, chain, 1.0) for clip in clips]
    prepared = prepare_chain(chain, RATE_HZ, 1.0)

    def rendered(clip):
        out = np.full_like(clip, np.nan)
        run_chain(clip, prepared, out)
        return out

    backwards = [rendered(clip) for clip in clips[::-1]][::-1]
    with ThreadPoolExecutor(4) as pool:
        crowded = list(pool.map(rendered, clips * 4))
    for found, expected in zip(itertools.chain(backwards, crowded), itertools.chain(alone, *[alone] * 4), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["Reverb", "Delay", "Chorus", "Phaser", "Compressor", "LowpassFilter"])
def test_a_shared_plugin_without_reset_would_have_leaked(name, clips, response):
    """What the fresh plugins are for: the library itself carries state over when asked to keep it."""
    plugin = getattr(pedalboard, name)(**PARAMETERS.get(name, {}))
    leaked = [plugin(clip.T, RATE_HZ, reset=False).T for clip in clips[:2]][1]
    found = applied(clips[1], item_for(name, response))
    assert np.abs(leaked - found).max() > 1e-5


def test_two_channels_of_a_linear_filter_are_independent(rng):
    samples = rng.normal(0, 0.2, (5000, 2)).astype(np.float32)
    item = {"processor": "chebyshev2_lowpass", "frequency_hz": 3000}
    both = applied(samples, item)
    for channel in (0, 1):
        np.testing.assert_array_equal(both[:, [channel]], applied(samples[:, [channel]], item))


def test_scipy_signal_is_imported_only_for_a_chain_with_a_filter():
    program = (
        "import sys; from embedshift.effects import prepare_chain; import embedshift.rendering;"
        "prepare_chain([{'processor': 'Gain', 'gain_db': 'sweep'}], 44100, -3.0); print('scipy.signal' in sys.modules);"
        "prepare_chain([{'processor': 'butterworth', 'kind': 'lowpass', 'order': 2, 'cutoff_hz': 'sweep',"
        " 'low_hz': None, 'high_hz': None}], 44100, 1000.0); print('scipy.signal' in sys.modules)"
    )
    search = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, env={**os.environ, "PYTHONPATH": search}, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True"]
