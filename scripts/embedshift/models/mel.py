"""Mel filters on Slaney's scale, area-normalised: the matrix that librosa calls `filters.mel(htk=False)`."""

import numpy as np

LINEAR_STEP_HZ = 200.0 / 3
LOG_START_HZ = 1000.0
LOG_STEP = np.log(6.4) / 27.0


def slaney_mel_matrix(
    sample_rate_hz: int, n_fft: int, n_mels: int, fmin_hz: float = 0.0, fmax_hz: float | None = None
) -> np.ndarray:
    """Return the filters `(n_mels, 1 + n_fft // 2)` float32 that map a power spectrum to mel bands.

    Triangles between neighbouring points of an equal division of the mel scale (Slaney, Auditory Toolbox, 1998:
    linear below 1 kHz, logarithmic above), each scaled to unit area in hertz.
    """
    fmax_hz = sample_rate_hz / 2 if fmax_hz is None else fmax_hz
    limits = _hertz_to_mel(np.array([fmin_hz, fmax_hz]))
    corners_hz = _mel_to_hertz(np.linspace(limits[0], limits[1], n_mels + 2))
    bins_hz = np.fft.rfftfreq(n_fft, 1 / sample_rate_hz)
    widths_hz = np.diff(corners_hz)
    ramps = corners_hz[:, None] - bins_hz[None, :]
    rising, falling = -ramps[:-2] / widths_hz[:-1, None], ramps[2:] / widths_hz[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    return (triangles * (2.0 / (corners_hz[2:] - corners_hz[:-2]))[:, None]).astype(np.float32)


def _hertz_to_mel(frequency_hz: np.ndarray) -> np.ndarray:
    linear = frequency_hz / LINEAR_STEP_HZ
    above = LOG_START_HZ / LINEAR_STEP_HZ + np.log(np.maximum(frequency_hz, LOG_START_HZ) / LOG_START_HZ) / LOG_STEP
    return np.where(frequency_hz >= LOG_START_HZ, above, linear)


def _mel_to_hertz(mel: np.ndarray) -> np.ndarray:
    log_start = LOG_START_HZ / LINEAR_STEP_HZ
    above = LOG_START_HZ * np.exp(LOG_STEP * (np.maximum(mel, log_start) - log_start))
    return np.where(mel >= log_start, above, LINEAR_STEP_HZ * mel)
