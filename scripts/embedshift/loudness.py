"""Integrated loudness after ITU-R BS.1770-4, and the gain that brings a clip to a target.

The meter agrees with pyloudnorm's `Meter(rate)`, block 0.4 s, overlap 75 %, whose K-weighting takes both biquads from
the RBJ cookbook for any sample rate. It is faster since both biquads and the sums run in one compiled pass, without
copies and without Python's lock. Every function is pure: the same samples give the same bits in any thread.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numba import njit

BLOCK_S = 0.4
OVERLAP_STEP = 0.25
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
OFFSET_LU = -0.691
CHANNEL_WEIGHTS = np.array([1.0, 1.0, 1.0, 1.41, 1.41])
TARGET_ROUNDS = 8
TARGET_TOLERANCE_LU = 1e-6


def integrated_loudness(samples: np.ndarray, sample_rate_hz: int) -> float:
    """Return the gated loudness in LUFS, -inf where no block reaches the meter's absolute gate of -70 LUFS.

    `samples` is `(n, channels)` or `(n,)`, full scale 1.0, at most five channels (left, right, centre, surrounds).

    Raises
    ------
    ValueError
        If the signal is shorter than one block of 0.4 s, has more than five channels, or holds NaN or infinity.
    """
    return gated_loudness(block_powers(samples, sample_rate_hz))


def normalise(samples: np.ndarray, sample_rate_hz: int, target_lufs: float) -> tuple[np.ndarray, float, float, float]:
    """Return `(samples at the target, gain_db, loudness before, loudness after)`, loudness in LUFS.

    The samples come back as float32 in the shape given, unclipped: peaks above 1.0 are kept. Silence (-inf) gets no
    gain: the samples are unchanged, `gain_db` is 0.0 and both loudness values are -inf. Raising a very quiet clip lifts
    further blocks over the absolute gate, so the gain is corrected until the loudness of the *output* is the target
    (in a few rounds on block powers, without filtering again); `loudness after` is what was reached.

    Raises
    ------
    ValueError
        As `integrated_loudness`, and if the target lies at or below the absolute gate of -70 LUFS.
    """
    if not target_lufs > ABSOLUTE_GATE_LUFS:
        raise ValueError(f"a target of {target_lufs} LUFS is not above the meter's gate of {ABSOLUTE_GATE_LUFS} LUFS")
    powers = block_powers(samples, sample_rate_hz)
    before = gated_loudness(powers)
    if before == -np.inf:
        return np.array(samples, dtype=np.float32), 0.0, before, before
    gain_db, after = _gain_to_target(powers, before, target_lufs)
    return np.multiply(samples, np.float32(10.0 ** (gain_db / 20.0)), dtype=np.float32), gain_db, before, after


def is_measurable(n_samples: int, sample_rate_hz: int) -> bool:
    """Return whether the meter's block of 0.4 s fits into `n_samples`."""
    return n_samples >= BLOCK_S * sample_rate_hz


def block_powers(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Return the K-weighted power of each gating block, channels summed with their weights, `(blocks,)` (eq. 1 to 4).

    A gain of g dB multiplies these by 10^(g/10): a gain sweep needs one measurement.

    Raises
    ------
    ValueError
        As `integrated_loudness`.
    """
    signal = samples if samples.dtype in (np.float32, np.float64) else samples.astype(np.float64)
    signal = signal[np.newaxis] if signal.ndim == 1 else signal.T
    channels, n_samples = signal.shape
    if channels > len(CHANNEL_WEIGHTS):
        raise ValueError(f"the meter knows at most {len(CHANNEL_WEIGHTS)} channels, found {channels}")
    if not is_measurable(n_samples, sample_rate_hz):
        raise ValueError(f"{n_samples / sample_rate_hz:.3f} s is shorter than the meter's block of {BLOCK_S} s")
    start, stop = _block_edges(n_samples, sample_rate_hz)
    edges = np.unique(np.concatenate([start, stop]))
    sections = _k_weighting(sample_rate_hz)
    energies = [_weighted_energies(np.ascontiguousarray(channel), sections, edges) for channel in signal]
    running = np.concatenate([[0.0], np.cumsum(CHANNEL_WEIGHTS[:channels] @ np.array(energies))])
    powers = (running[np.searchsorted(edges, stop)] - running[np.searchsorted(edges, start)]) / (
        BLOCK_S * sample_rate_hz
    )
    if not np.isfinite(powers).all():
        raise ValueError("the samples hold NaN or infinity")
    return powers


def gated_loudness(powers: np.ndarray) -> float:
    """Return the integrated loudness in LUFS of block powers `(blocks,)`: absolute, then relative gate (eq. 5 to 7)."""
    loudness = _lufs(powers)
    audible = loudness >= ABSOLUTE_GATE_LUFS
    if not audible.any():
        return -np.inf
    relative_gate = _lufs(powers[audible].mean()) + RELATIVE_GATE_LU
    kept = (loudness > relative_gate) & (loudness > ABSOLUTE_GATE_LUFS)
    return float(_lufs(powers[kept].mean())) if kept.any() else -np.inf


def _lufs(power: np.ndarray | float) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return OFFSET_LU + 10.0 * np.log10(power)


def _gain_to_target(powers: np.ndarray, before: float, target_lufs: float) -> tuple[float, float]:
    gain_db, after = 0.0, before
    for _ in range(TARGET_ROUNDS):
        gain_db += target_lufs - after
        after = gated_loudness(powers * 10.0 ** (gain_db / 10.0))
        if abs(after - target_lufs) < TARGET_TOLERANCE_LU or after == -np.inf:
            break
    return gain_db, after


def _compiled(function: Callable) -> Callable:
    """Compile without Python's lock; keep the machine code on disk where there is a place to write it."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba finds no writable folder, as in some containers
        return njit(nogil=True)(function)


@_compiled
def _weighted_energies(channel: np.ndarray, sections: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Filter `(n,)` with two second-order sections and sum squares between neighbouring edges -> `(edges - 1,)`."""
    b0, b1, b2, _, a1, a2 = sections[0]
    d0, d1, d2, _, c1, c2 = sections[1]
    s1 = s2 = s3 = s4 = 0.0  # transposed direct form II
    energies = np.zeros(len(edges) - 1)
    for piece in range(len(energies)):
        energy = 0.0
        for position in range(edges[piece], edges[piece + 1]):
            sample = np.float64(channel[position])
            shelved = b0 * sample + s1
            s1 = b1 * sample - a1 * shelved + s2
            s2 = b2 * sample - a2 * shelved
            weighted = d0 * shelved + s3
            s3 = d1 * shelved - c1 * weighted + s4
            s4 = d2 * shelved - c2 * weighted
            energy += weighted * weighted
        energies[piece] = energy
    return energies


def _block_edges(n_samples: int, sample_rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Return first and past-the-end samples of the blocks, rounded as pyloudnorm rounds them."""
    duration_s = n_samples / sample_rate_hz
    blocks = int(np.round((duration_s - BLOCK_S) / (BLOCK_S * OVERLAP_STEP)) + 1)
    index = np.arange(blocks)
    start = (BLOCK_S * (index * OVERLAP_STEP) * sample_rate_hz).astype(np.int64)
    stop = (BLOCK_S * (index * OVERLAP_STEP + 1) * sample_rate_hz).astype(np.int64)
    return np.minimum(start, n_samples), np.minimum(stop, n_samples)


@lru_cache(maxsize=16)
def _k_weighting(sample_rate_hz: int) -> np.ndarray:
    """Return both stages as second-order sections `(2, 6)`: high shelf +4 dB at 1.5 kHz, high pass at 38 Hz."""
    return np.array([_high_shelf(4.0, 1 / np.sqrt(2), 1500.0, sample_rate_hz), _high_pass(0.5, 38.0, sample_rate_hz)])


def _high_shelf(gain_db: float, q: float, corner_hz: float, sample_rate_hz: int) -> np.ndarray:
    """Audio EQ Cookbook (R. Bristow-Johnson), high shelf: b0 b1 b2 a0 a1 a2, divided by a0."""
    amplitude = 10.0 ** (gain_db / 40.0)
    omega = 2.0 * np.pi * corner_hz / sample_rate_hz
    cosine, root = np.cos(omega), 2.0 * np.sqrt(amplitude) * np.sin(omega) / (2.0 * q)
    plus, minus = amplitude + 1.0, amplitude - 1.0
    b = [plus + minus * cosine + root, -2.0 * (minus + plus * cosine), plus + minus * cosine - root]
    a = [plus - minus * cosine + root, 2.0 * (minus - plus * cosine), plus - minus * cosine - root]
    return np.array([amplitude * value for value in b] + a) / a[0]


def _high_pass(q: float, corner_hz: float, sample_rate_hz: int) -> np.ndarray:
    """Audio EQ Cookbook (R. Bristow-Johnson), high pass: b0 b1 b2 a0 a1 a2, divided by a0."""
    omega = 2.0 * np.pi * corner_hz / sample_rate_hz
    cosine, alpha = np.cos(omega), np.sin(omega) / (2.0 * q)
    numerator = [(1.0 + cosine) / 2.0, -(1.0 + cosine), (1.0 + cosine) / 2.0]
    denominator = [1.0 + alpha, -2.0 * cosine, 1.0 - alpha]
    return np.array(numerator + denominator) / denominator[0]
