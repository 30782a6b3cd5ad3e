"""A model of one's own in ten lines: level and spectral centroid, ten times a second."""

import numpy as np


class RmsAndCentroid:
    """Frames of 0.1 s; each is described by its RMS level in dB and by the centre of its spectrum in kHz."""

    sample_rate_hz = 22_050
    frame_hop_s = 0.1
    minimum_samples = 2_205

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Return (batch, frames, 2) of float32 samples (batch, n)."""
        frames = np.lib.stride_tricks.sliding_window_view(samples, 2_205, axis=1)[:, ::2_205]
        magnitude = np.abs(np.fft.rfft(frames * np.hanning(2_205)))
        level_db = 20 * np.log10(np.sqrt((frames**2).mean(axis=2)) + 1e-6)
        centroid_khz = magnitude @ np.arange(magnitude.shape[2]) * 0.01 / (magnitude.sum(axis=2) + 1e-6)
        return np.stack([level_db, centroid_khz], axis=2)
