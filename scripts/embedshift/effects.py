"""An effect applied to one clip: a chain of processors that all start from rest, float32 throughout.

Every clip gets plugins of its own, so that nothing runs over from one clip into the next, whatever the order of clips,
their distribution over jobs, or the number of threads: each processor of the catalog gives the same bits each time.

What pedalboard 0.9.26 does with time, seen with impulses, chirps and noise: every plugin returns as many samples as it
got, and those with a latency of their own (PitchShift, MP3Compressor, GSMFullRateCompressor, Resample,
BrickwallLimiter) are already compensated: no sample is late, also in MP3 and GSM. A pitch shift smears an impulse by up
to 15 ms around its place, which is Rubber Band's window. Resample brings the sound back to the rate it came with.
Delay, Chorus, Phaser and Reverb keep the dry path in place; what rings on after the end is cut unless a tail is asked
for. Chorus and Phaser start their oscillators at the same phase for every clip. Convolution scales the response to an
energy of 1/64 (JUCE's normalisation), whatever its level. Should a plugin return another length all the same, it is cut
or filled up with silence.

scipy.signal, which takes most of a second to import, is imported only where a chain has a filter: a job starts once for
each strength.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pedalboard

SWEEP = "sweep"
NOT_ARGUMENTS = ("processor", "impulse_response_sha256")
BUFFER_SIZE = 8192  # pedalboard's default, stated because Convolution depends on it (in the last bit)
FEWEST_SAMPLES = 16  # of a call: pedalboard guesses from the shape which axis is time
ENUMERATIONS = {"mode": pedalboard.LadderFilter.Mode, "quality": pedalboard.Resample.Quality}

# Reads (channels, n) float32 and writes the same shape; both arguments may be one and the same array.
Processor = Callable[[np.ndarray, np.ndarray], None]


def apply_chain(
    samples: np.ndarray, sample_rate_hz: int, chain: Sequence[Mapping[str, Any]], strength: float, tail_s: float = 0.0
) -> np.ndarray:
    """Return the clip after the effect, (n + tail, channels) float32.

    `samples` is (n, channels) float32, full scale 1.0; `chain` comes from `effect_catalog.check_effect`; `strength`
    takes the place of the swept parameter. The tail is silence put behind the clip before the chain.
    """
    out = np.empty((len(samples) + tail_samples(tail_s, sample_rate_hz), samples.shape[1]), dtype=np.float32)
    run_chain(samples, prepare_chain(chain, sample_rate_hz, strength), out)
    return out


def prepare_chain(chain: Sequence[Mapping[str, Any]], sample_rate_hz: int, strength: float) -> list[Processor]:
    """Return the chain as functions that any number of threads may call; filters are designed once, here."""
    return [_prepare(item, sample_rate_hz, strength) for item in chain]


def run_chain(samples: np.ndarray, processors: Sequence[Processor], out: np.ndarray) -> None:
    """Write one clip, (n, channels) float32, after prepared processors into `out`, (n + tail, channels) float32."""
    source, target = samples.T, out.T
    if len(out) > len(samples) or not processors:
        target[:, : len(samples)] = source
        target[:, len(samples) :] = 0.0
        source = target
    with np.errstate(over="ignore", invalid="ignore"):  # the renderer tells which clip has values that are not finite
        for process in processors:
            process(source, target)
            source = target


def tail_samples(tail_s: float, sample_rate_hz: int) -> int:
    """Return the length of a tail in samples."""
    return round(tail_s * sample_rate_hz)


def plugin_maker(item: Mapping[str, Any], strength: float) -> Callable[[], pedalboard.Plugin] | None:
    """Return what makes a new plugin of an item of the chain; None where the item is done without pedalboard."""
    name = item["processor"]
    if name in CLOSED_FORMS or name in SECTIONS:
        return None
    arguments = {key: _as_pedalboard_wants(key, value) for key, value in _arguments(item, strength).items()}
    return partial(getattr(pedalboard, name), **arguments)


def _prepare(item: Mapping[str, Any], sample_rate_hz: int, strength: float) -> Processor:
    name = item["processor"]
    if name in CLOSED_FORMS:
        return CLOSED_FORMS[name](**_arguments(item, strength))
    if name in SECTIONS:
        return partial(_filter, SECTIONS[name](sample_rate_hz=sample_rate_hz, **_arguments(item, strength)))
    return partial(_run_plugin, plugin_maker(item, strength), sample_rate_hz)


def _arguments(item: Mapping[str, Any], strength: float) -> dict[str, Any]:
    arguments = {key: value for key, value in item.items() if key not in NOT_ARGUMENTS}
    return {key: strength if value == SWEEP else value for key, value in arguments.items()}


def _as_pedalboard_wants(key: str, value: Any) -> Any:
    return getattr(ENUMERATIONS[key], value) if key in ENUMERATIONS else value


def _run_plugin(make: Callable[[], pedalboard.Plugin], sample_rate_hz: int, sound: np.ndarray, out: np.ndarray) -> None:
    """Run a new plugin; should it return another number of samples, cut or fill up with silence."""
    missing = FEWEST_SAMPLES - sound.shape[1]
    sound = np.pad(sound, ((0, 0), (0, missing))) if missing > 0 else np.ascontiguousarray(sound)
    found = make().process(sound, sample_rate_hz, buffer_size=BUFFER_SIZE, reset=True)[:, : out.shape[1]]
    out[:, : found.shape[1]] = found
    out[:, found.shape[1] :] = 0.0


def _reverse(sound: np.ndarray, out: np.ndarray) -> None:
    np.copyto(out, sound[:, ::-1])  # numpy sees that both may be one array


def _filter(sections: np.ndarray, sound: np.ndarray, out: np.ndarray) -> None:
    """Filter forwards once, in double precision inside."""
    from scipy.signal import sosfilt

    np.copyto(out, sosfilt(sections, sound), casting="same_kind")


# Four plugins without memory are written out, since the call takes several times as long as copying the samples does.
# They give the plugins' bits (tested), for every finite sample.


def _gain(gain_db: float) -> Processor:
    factor = _probed(pedalboard.Gain(gain_db), 1.0)
    return lambda sound, out: np.multiply(sound, factor, out=out)


def _invert() -> Processor:
    return lambda sound, out: np.negative(sound, out=out)


def _clipping(threshold_db: float) -> Processor:
    limit = _probed(pedalboard.Clipping(threshold_db), 1e9)
    return lambda sound, out: np.clip(sound, -limit, limit, out=out)


def _bitcrush(bit_depth: float) -> Processor:
    """Round to multiples of 2^-bit_depth, halves to even."""
    scale = np.float32(2.0 ** float(np.float32(bit_depth)))
    step = np.float32(1.0) / scale

    def crush(sound: np.ndarray, out: np.ndarray) -> None:
        np.multiply(sound, scale, out=out)
        np.rint(out, out=out)
        np.multiply(out, step, out=out)

    return crush


def _probed(plugin: pedalboard.Plugin, sample: float) -> np.float32:
    """Return what a plugin without memory makes of one sample: its own float32 constant, not our rounding of it."""
    return plugin.process(np.full((1, FEWEST_SAMPLES), sample, dtype=np.float32), 44100.0)[0, 0]


CLOSED_FORMS: dict[str, Callable[..., Processor]] = {
    "Gain": _gain,
    "Invert": _invert,
    "Clipping": _clipping,
    "Bitcrush": _bitcrush,
    "time_reverse": lambda: _reverse,
}


def chebyshev2_lowpass_sections(
    frequency_hz: float, pass_ripple_db: float, stop_attenuation_db: float, sample_rate_hz: int
) -> np.ndarray:
    """Return the second-order sections of study A's low-pass (arXiv 2501.15900, published code).

    Pass edge f/1.1, stop edge 1.1 f; order and corner from `cheb2ord`, so the order falls as the cutoff nears Nyquist.
    """
    from scipy import signal

    edges = frequency_hz / 1.1, 1.1 * frequency_hz
    order, corner_hz = signal.cheb2ord(*edges, pass_ripple_db, stop_attenuation_db, fs=sample_rate_hz)
    return signal.cheby2(order, stop_attenuation_db, corner_hz, fs=sample_rate_hz, output="sos")


def _sections_of_kind(
    design: str,
    *characteristics: str,
    kind: str,
    order: float,
    cutoff_hz: float | None,
    low_hz: float | None,
    high_hz: float | None,
    sample_rate_hz: int,
    **arguments: Any,
) -> np.ndarray:
    """Return the sections of scipy's `design` by kind, order and corners; `characteristics` are positional."""
    from scipy import signal

    corner_hz = cutoff_hz if cutoff_hz is not None else (low_hz, high_hz)
    values = [arguments.pop(name) for name in characteristics]
    corners = {"btype": kind, "fs": sample_rate_hz, "output": "sos"}
    return getattr(signal, design)(int(order), *values, corner_hz, **corners, **arguments)


SECTIONS: dict[str, Callable[..., np.ndarray]] = {
    "chebyshev2_lowpass": chebyshev2_lowpass_sections,
    "butterworth": partial(_sections_of_kind, "butter"),
    "chebyshev1": partial(_sections_of_kind, "cheby1", "ripple_db"),
    "chebyshev2": partial(_sections_of_kind, "cheby2", "attenuation_db"),
    "elliptic": partial(_sections_of_kind, "ellip", "ripple_db", "attenuation_db"),
    "bessel": partial(_sections_of_kind, "bessel"),
}
