"""Handcrafted timbre: MFCC, their deltas and 13 descriptors per frame, as librosa defines them; no weights.

Frames of 2048 samples (93 ms) every 512 at 22.05 kHz, centred, padded with zeros (the zero-crossing rate: with the
edge sample). One frame holds, in this order:

    20 MFCC (128 Slaney mel bands, decibels, clipped 80 dB below the clip's maximum), 20 deltas of them (slope over
    nine frames), spectral centroid, bandwidth, roll-off at 85 % (all in kHz), flatness (dB), contrast in seven bands
    (dB), zero-crossing rate, root-mean-square level (dB)

each divided by a constant (SCALE): its typical standard deviation over recordings of instruments, so that no
feature rules the distances only because of its unit. The constants are never fitted to the user's data. A clip's
embedding is the mean of every feature over frames, then its standard deviation.

librosa: McFee et al., SciPy 2015; MFCC: Davis and Mermelstein, IEEE TASSP 28 (1980); contrast: Jiang et al., ICME 2002.
"""

from pathlib import Path

import numpy as np
from scipy import fft

from embedshift.models.base import Adapter
from embedshift.models.mel import slaney_mel_matrix

SAMPLE_RATE_HZ = 22_050
N_FFT = 2048
HOP = 512
N_MELS = 128
N_MFCC = 20
DELTA_WIDTH = 9
ROLLOFF_SHARE = 0.85
CONTRAST_EDGES_HZ = np.array([0, 200, 400, 800, 1600, 3200, 6400, 12_800])
CONTRAST_QUANTILE = 0.02
AMIN = 1e-10
TOP_DB = 80.0
SILENCE_RMS = 1e-5
ZERO_LEVEL = 1e-10

DESCRIPTORS = (
    "centroid_khz", "bandwidth_khz", "rolloff_khz", "flatness_db",
    *(f"contrast_{band}_db" for band in range(1, 8)), "zero_crossing_rate", "rms_db",
)  # fmt: skip
FEATURES = (
    *(f"mfcc_{index:02d}" for index in range(N_MFCC)),
    *(f"delta_mfcc_{index:02d}" for index in range(N_MFCC)),
    *DESCRIPTORS,
)
# standard deviation over frames of 68 instrument recordings (FSDKaggle2018) at -23 LUFS, rounded, and one number where
# neighbours are alike: each within a quarter of what was measured
MFCC_SCALE = (120, 50, 40, *[16] * 17)
DELTA_SCALE = (10, 4, 3, 1.5, 1.3, *[1] * 15)
DESCRIPTOR_SCALE = (0.8, 0.6, 1.8, 11, 7, 10, 10, 9, 8, 7, 7, 0.05, 15)
SCALE = np.array([*MFCC_SCALE, *DELTA_SCALE, *DESCRIPTOR_SCALE], dtype=np.float32)

WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)
BINS_HZ = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE_HZ)


class Timbre(Adapter):
    """Means and standard deviations of 53 frame features; `frames` are the features themselves."""

    sample_rate_hz = SAMPLE_RATE_HZ
    frame_dim = len(FEATURES)
    dim = 2 * len(FEATURES)
    frame_hop_s = HOP / SAMPLE_RATE_HZ
    runs_on_gpu = False
    minimum_samples = (DELTA_WIDTH - 1) * HOP
    length_rule = f"any length; clips shorter than {minimum_samples} samples (nine frames) are repeated up to that"

    def __init__(self) -> None:
        super().__init__()
        self._mel = slaney_mel_matrix(SAMPLE_RATE_HZ, N_FFT, N_MELS)

    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return the frame features `(batch, frames, 53)`."""
        return np.stack([frame_features(samples, self._mel) for samples in batch])

    def pool(self, frames: np.ndarray) -> np.ndarray:
        """Return `(106,)`: mean, then standard deviation, of every feature over frames."""
        frames = frames.astype(np.float64)
        return np.concatenate([frames.mean(axis=0), frames.std(axis=0)]).astype(np.float32)


def load(weights: Path | None, options: dict[str, object], device: str, precision: str) -> Timbre:
    """Return the adapter; it has no weights and no options, and runs on the CPU whatever `device` says."""
    return Timbre()


def frame_features(samples: np.ndarray, mel_matrix: np.ndarray) -> np.ndarray:
    """Return the scaled features `(frames, 53)` float32 of mono `samples (n,)` at 22.05 kHz."""
    framed = _frames_of(np.pad(samples, N_FFT // 2))
    magnitude = np.abs(fft.rfft(framed * WINDOW, axis=1))
    cepstrum = mfcc(magnitude**2, mel_matrix)
    features = np.concatenate(
        [cepstrum, delta(cepstrum), _spectral(magnitude), _contrast_db(magnitude), _temporal(samples, framed)], axis=1
    )
    return (features / SCALE).astype(np.float32)


def mfcc(power: np.ndarray, mel_matrix: np.ndarray) -> np.ndarray:
    """Return the mel-frequency cepstral coefficients `(frames, 20)` of a power spectrogram `(frames, bins)`."""
    return fft.dct(_decibels(power @ mel_matrix.T), axis=1, type=2, norm="ortho")[:, :N_MFCC]


def delta(features: np.ndarray) -> np.ndarray:
    """Return the slope per frame of a line fitted to nine frames around each; the ends take the nearest fit's slope."""
    half = DELTA_WIDTH // 2
    offsets = np.arange(-half, half + 1)
    weights = (offsets / (offsets**2).sum()).astype(features.dtype)
    windows = np.lib.stride_tricks.sliding_window_view(features, DELTA_WIDTH, axis=0)
    return np.pad(windows @ weights, ((half, half), (0, 0)), mode="edge")


def _frames_of(padded: np.ndarray) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]


def _decibels(power: np.ndarray) -> np.ndarray:
    level = 10 * np.log10(np.maximum(power, AMIN))
    return np.maximum(level, level.max() - TOP_DB)


def _spectral(magnitude: np.ndarray) -> np.ndarray:
    """Return centroid, bandwidth and roll-off (kHz) and flatness (dB), `(frames, 4)`."""
    total = magnitude.sum(axis=1, keepdims=True)
    share = magnitude / np.where(total < np.finfo(magnitude.dtype).tiny, 1, total)
    centroid = share @ BINS_HZ
    # the variance about the centroid by its definition; the shorter E[f^2] - E[f]^2 cancels for pure tones
    bandwidth = np.sqrt(np.einsum("tf,tf->t", share, (BINS_HZ - centroid[:, None]) ** 2))
    cumulated = np.cumsum(magnitude, axis=1)
    rolloff = BINS_HZ[np.argmax(cumulated >= ROLLOFF_SHARE * cumulated[:, -1:], axis=1)]
    power = np.maximum(AMIN, magnitude**2)
    flatness = np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)
    hertz = np.stack([centroid, bandwidth, rolloff], axis=1) / 1000
    return np.concatenate([hertz, 10 * np.log10(np.maximum(flatness, AMIN))[:, None]], axis=1)


def _contrast_db(magnitude: np.ndarray) -> np.ndarray:
    """Return the level of peaks over valleys in seven octave bands, `(frames, 7)`, decibels."""
    peak, valley = np.empty((2, len(magnitude), len(CONTRAST_BANDS)))
    for band, (bins, count) in enumerate(CONTRAST_BANDS):
        ordered = np.sort(magnitude[:, bins], axis=1)
        valley[:, band] = ordered[:, :count].mean(axis=1)
        peak[:, band] = ordered[:, -count:].mean(axis=1)
    return _decibels(peak) - _decibels(valley)


def _contrast_bands() -> list[tuple[slice, int]]:
    """Return each band's bins and how many of them make a peak: one bin below the band joins it, its last leaves."""
    bands = []
    last_band = len(CONTRAST_EDGES_HZ) - 2
    for band in range(last_band + 1):
        low_hz, high_hz = CONTRAST_EDGES_HZ[band : band + 2]
        inside = np.flatnonzero((low_hz <= BINS_HZ) & (high_hz >= BINS_HZ))
        start = inside[0] - (band > 0)
        stop = len(BINS_HZ) if band == last_band else inside[-1] + 1
        count = max(int(np.rint(CONTRAST_QUANTILE * (stop - start))), 1)
        bands.append((slice(int(start), int(stop) - (band < last_band)), count))
    return bands


CONTRAST_BANDS = _contrast_bands()


def _temporal(samples: np.ndarray, framed: np.ndarray) -> np.ndarray:
    """Return zero-crossing rate and level (dB), `(frames, 2)`."""
    edge_padded = np.pad(samples, N_FFT // 2, mode="edge")
    negative = (edge_padded < 0) & (np.abs(edge_padded) > ZERO_LEVEL)
    crossings = np.concatenate([[0], np.cumsum(negative[1:] != negative[:-1])])
    starts = np.arange(len(framed)) * HOP
    rate = (crossings[starts + N_FFT - 1] - crossings[starts]) / N_FFT
    rms = np.sqrt(np.einsum("ts,ts->t", framed, framed) / N_FFT)
    return np.stack([rate, 20 * np.log10(np.maximum(rms, SILENCE_RMS))], axis=1)
