"""kaiser_best of resampy 0.2 as a few matrix products: fast enough for a whole data set.

The same filter as `openl3_resampling`, band-limited interpolation (J. O. Smith, "Digital audio resampling", CCRMA) with
a sinc of 64 zero crossings under a Kaiser window, tabulated and linear in between. Between two whole-number rates the
weights repeat after a few hundred output samples, so that all of them are one matrix. resampy adds up positions in
floating point; after 3 s they are 3e-7 of a sample off, which is left out here (2e-6 of full scale on white noise).
Where the table's step is no whole number (most lower rates) that rounding decides which points are read: there every
position is followed as in `openl3_resampling`.
"""

from functools import cache
from math import gcd

import numpy as np

from embedshift.models import openl3_resampling
from embedshift.models.openl3_resampling import KAISER_BETA, ROLLOFF, STEPS, ZERO_CROSSINGS

MOST_PHASES = 2048


def kaiser_best_length(n_samples: int, from_hz: int, to_hz: int) -> int:
    """Return how many samples come out: `n_samples * to_hz / from_hz`, rounded down, 1 at least."""
    return max(1, int(n_samples * (to_hz / from_hz)))


def resample_kaiser_best(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Return `samples (n,)` float64 at `to_hz`, as many as `kaiser_best_length` says."""
    if min(1.0, to_hz / from_hz) * STEPS % 1 or to_hz // gcd(from_hz, to_hz) > MOST_PHASES:
        return openl3_resampling.resample_kaiser_best(samples, from_hz, to_hz)
    weights, before = _weights(from_hz, to_hz)
    taps, phases = weights.shape
    step = from_hz // gcd(from_hz, to_hz)
    length = kaiser_best_length(len(samples), from_hz, to_hz)
    periods = -(-length // phases)
    padded = np.zeros(max((periods - 1) * step + taps, before + len(samples)))
    padded[before : before + len(samples)] = samples
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)[::step][:periods]
    return (windows @ weights).reshape(-1)[:length]


@cache
def _weights(from_hz: int, to_hz: int) -> tuple[np.ndarray, int]:
    """Return the weights (taps, phases) of one period of the output, and how many taps lie before its first sample."""
    divisor = gcd(from_hz, to_hz)
    step, phases = from_hz // divisor, to_hz // divisor
    scale = min(1.0, to_hz / from_hz)
    table = scale * _half_filter()
    reach = len(table) // int(scale * STEPS) + 1
    weights = np.zeros((step + 2 * reach + 1, phases))
    for phase in range(phases):
        whole, part = divmod(phase * step, phases)
        left = _wing(table, scale * part / phases, scale)
        right = _wing(table, scale - scale * part / phases, scale)
        at = reach + whole
        weights[at - len(left) + 1 : at + 1, phase] += left[::-1]
        weights[at + 1 : at + 1 + len(right), phase] += right
    return weights, reach


def _wing(table: np.ndarray, share: float, scale: float) -> np.ndarray:
    """Return the weights of the samples on one side, the nearest first, `share` of a zero crossing away."""
    step = int(scale * STEPS)
    offset = int(share * STEPS)
    between = share * STEPS - offset
    slopes = np.append(np.diff(table), 0.0)
    places = offset + step * np.arange((len(table) - offset) // step)
    return table[places] + between * slopes[places]


def _half_filter() -> np.ndarray:
    points = ZERO_CROSSINGS * STEPS
    sinc = ROLLOFF * np.sinc(ROLLOFF * np.linspace(0, ZERO_CROSSINGS, points + 1))
    return sinc * np.kaiser(2 * points + 1, KAISER_BETA)[points:]
