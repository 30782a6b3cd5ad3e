"""The resampling that openl3 did by itself: `kaiser_best` of resampy 0.2, which its published numbers went through.

embedshift resamples with soxr. This one is for comparing with published OpenL3 embeddings of recordings at other rates.
Band-limited interpolation (J. O. Smith, "Digital audio resampling", CCRMA) with a sinc of 64 zero crossings under a
Kaiser window; resampy 0.3 and later have another filter.
"""

import numpy as np

ZERO_CROSSINGS = 64
STEPS = 512
"""Tabulated points of the filter between two zero crossings; linear between them."""
ROLLOFF = 0.9475937167399596
KAISER_BETA = 14.769656459379492


def resample_kaiser_best(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Return `samples (n,)` float64 at `to_hz`: `floor(n * to_hz / from_hz)` of them."""
    ratio = to_hz / from_hz
    if ratio == 1:
        return samples
    scale = min(1.0, ratio)
    # a sum, not a product: the published positions carry the rounding of one addition after the other
    positions = np.cumsum(np.r_[0.0, np.full(int(len(samples) * ratio) - 1, 1 / ratio)])
    before = positions.astype(int)
    share = scale * (positions - before)
    filtered = _wing(samples, before, -1, share, scale)
    return filtered + _wing(samples, before + 1, 1, scale - share, scale)


def _wing(samples: np.ndarray, first: np.ndarray, direction: int, share: np.ndarray, scale: float) -> np.ndarray:
    """Return the part of each output that samples on one side give, from `first` on in `direction`."""
    table, step = scale * _half_filter(), int(scale * STEPS)
    slopes = np.append(np.diff(table), 0.0)
    offsets = (share * STEPS).astype(int)
    between = share * STEPS - offsets
    padded = np.append(samples, 0.0)
    total = np.zeros(len(first))
    for tap in range(len(table) // step + 1):
        place, source = offsets + tap * step, first + direction * tap
        used = (tap < (len(table) - offsets) // step) & (source >= 0) & (source < len(samples))
        place, source = np.where(used, place, 0), np.where(used, source, len(samples))
        total += (table[place] + between * slopes[place]) * padded[source]
    return total


def _half_filter() -> np.ndarray:
    points = ZERO_CROSSINGS * STEPS
    sinc = ROLLOFF * np.sinc(ROLLOFF * np.linspace(0, ZERO_CROSSINGS, points + 1))
    return sinc * np.kaiser(2 * points + 1, KAISER_BETA)[points:]
