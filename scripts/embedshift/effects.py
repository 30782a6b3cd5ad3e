"""An effect applied to one clip: a chain of processors that all start from rest, float32 throughout.

Every clip gets plugins of its own, so that nothing runs over from one clip into the next, whatever the order of clips,
their distribution over jobs, or the number of threads: each processor of the catalog gives the same bits each time.

What pedalboard 0.9.26 does with time, seen with impulses, chirps and noise: every plugin returns as many samples as it
got, and those with a latency of their own (PitchShift, MP3Compressor, GSMFullRateCompressor, Resample,
BrickwallLimiter) are already compensated: no sample is late, also in MP3 and GSM. A pitch shift smears an impulse by up
to 15 ms around its place, which is Rubber Band's window. Resample brings the sound back to the rate it came with.
Delay, Chorus, Phaser and Reverb keep the dry path in place; what rings on after the end is cut unless a tail is asked
for. Chorus and Phaser start their oscillators at the same phase for every clip. Convolution scales the response to an
energy of 1/64 (JUCE's normalisation), whatever its level. Lengths are checked here all the same.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pedalboard
from scipy import signal

SWEEP = "sweep"
NOT_ARGUMENTS = ("processor", "impulse_response_sha256")
BUFFER_SIZE = 8192  # pedalboard's default, stated because Convolution depends on it (in the last bit)
FEWEST_SAMPLES = 16  # of a call: pedalboard guesses from the shape which axis is time
ENUMERATIONS = {"mode": pedalboard.LadderFilter.Mode, "quality": pedalboard.Resample.Quality}

Processor = Callable[[np.ndarray], np.ndarray]  # (channels, n) float32 -> (channels, n) float32


def apply_chain(
    samples: np.ndarray, sample_rate_hz: int, chain: Sequence[Mapping[str, Any]], strength: float, tail_s: float = 0.0
) -> np.ndarray:
    """Return the clip after the effect, (n + tail, channels) float32.

    `samples` is (n, channels) float32, full scale 1.0; `chain` comes from `effect_catalog.check_effect`; `strength`
    takes the place of the swept parameter. The tail is silence put behind the clip before the chain.
    """
    processors = prepare_chain(chain, sample_rate_hz, strength)
    return run_chain(samples, processors, tail_samples(tail_s, sample_rate_hz))


def prepare_chain(chain: Sequence[Mapping[str, Any]], sample_rate_hz: int, strength: float) -> list[Processor]:
    """Return the chain as functions that any number of threads may call; filters are designed once, here."""
    return [_prepare(item, sample_rate_hz, strength) for item in chain]


def run_chain(samples: np.ndarray, processors: Sequence[Processor], tail: int = 0) -> np.ndarray:
    """Apply prepared processors to one clip and a tail of `tail` samples; shapes as in `apply_chain`."""
    sound = np.ascontiguousarray(samples.T, dtype=np.float32)
    length = sound.shape[1] + tail
    sound = _fitted(sound, max(length, FEWEST_SAMPLES))
    for process in processors:
        sound = _fitted(process(sound), sound.shape[1])
    return sound[:, :length].T


def tail_samples(tail_s: float, sample_rate_hz: int) -> int:
    """Return the length of a tail in samples."""
    return round(tail_s * sample_rate_hz)


def _fitted(sound: np.ndarray, length: int) -> np.ndarray:
    """Cut, or fill up with silence, to `length` samples."""
    missing = length - sound.shape[1]
    return np.pad(sound, ((0, 0), (0, missing))) if missing > 0 else sound[:, :length]


def _prepare(item: Mapping[str, Any], sample_rate_hz: int, strength: float) -> Processor:
    name = item["processor"]
    arguments = {key: value for key, value in item.items() if key not in NOT_ARGUMENTS}
    arguments = {key: strength if value == SWEEP else value for key, value in arguments.items()}
    if name == "time_reverse":
        return _reverse
    if name in SECTIONS:
        return partial(_filter, SECTIONS[name](sample_rate_hz=sample_rate_hz, **arguments))
    arguments = {key: _as_pedalboard_wants(key, value) for key, value in arguments.items()}
    return partial(_run_plugin, partial(getattr(pedalboard, name), **arguments), sample_rate_hz)


def _as_pedalboard_wants(key: str, value: Any) -> Any:
    return getattr(ENUMERATIONS[key], value) if key in ENUMERATIONS else value


def _run_plugin(make: Callable[[], pedalboard.Plugin], sample_rate_hz: int, sound: np.ndarray) -> np.ndarray:
    return make().process(sound, sample_rate_hz, buffer_size=BUFFER_SIZE, reset=True)


def _reverse(sound: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(sound[:, ::-1])


def _filter(sections: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """Filter forwards once, in double precision inside; an unstable filter may end in infinities."""
    with np.errstate(over="ignore", invalid="ignore"):
        return signal.sosfilt(sections, sound).astype(np.float32)


def chebyshev2_lowpass_sections(
    frequency_hz: float, pass_ripple_db: float, stop_attenuation_db: float, sample_rate_hz: int
) -> np.ndarray:
    """Return the second-order sections of study A's low-pass (arXiv 2501.15900, published code).

    Pass edge f/1.1, stop edge 1.1 f; order and corner from `cheb2ord`, so the order falls as the cutoff nears Nyquist.
    """
    edges = frequency_hz / 1.1, 1.1 * frequency_hz
    order, corner_hz = signal.cheb2ord(*edges, pass_ripple_db, stop_attenuation_db, fs=sample_rate_hz)
    return signal.cheby2(order, stop_attenuation_db, corner_hz, fs=sample_rate_hz, output="sos")


def _sections_of_kind(
    design: Callable[..., np.ndarray],
    *characteristics: str,
    kind: str,
    order: float,
    cutoff_hz: float | None,
    low_hz: float | None,
    high_hz: float | None,
    sample_rate_hz: int,
    **arguments: Any,
) -> np.ndarray:
    """Return the sections of a scipy filter given by kind, order and corners; `characteristics` are positional."""
    corner_hz = cutoff_hz if cutoff_hz is not None else (low_hz, high_hz)
    values = [arguments.pop(name) for name in characteristics]
    return design(int(order), *values, corner_hz, btype=kind, fs=sample_rate_hz, output="sos", **arguments)


SECTIONS: dict[str, Callable[..., np.ndarray]] = {
    "chebyshev2_lowpass": chebyshev2_lowpass_sections,
    "butterworth": partial(_sections_of_kind, signal.butter),
    "chebyshev1": partial(_sections_of_kind, signal.cheby1, "ripple_db"),
    "chebyshev2": partial(_sections_of_kind, signal.cheby2, "attenuation_db"),
    "elliptic": partial(_sections_of_kind, signal.ellip, "ripple_db", "attenuation_db"),
    "bessel": partial(_sections_of_kind, signal.bessel),
}
