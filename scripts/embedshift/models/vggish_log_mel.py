"""The log mel spectrogram of VGGish (Hershey et al., 2017), in examples of 0.96 s.

Frames of 400 samples every 160 at 16 kHz, none of them padded; periodic Hann window; magnitude of a transform of 512
points; 64 bands from 125 to 7500 Hz that are triangles on the mel scale, without the constant component; natural
logarithm of the sum with 0.01. 96 frames are an example; frames at the end that fill none are dropped, as published.

The published code computes in float64 and rounds the result to float32. Here all is in float32, which moves a band of
a loud clip by up to 1e-4 and embeddings by less.
"""

import numpy as np
import torch

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 400
HOP = 160
N_FFT = 512
N_MELS = 64
LOWEST_HZ = 125.0
HIGHEST_HZ = 7500.0
LOG_SUMMAND = 0.01
EXAMPLE_FRAMES = 96
EXAMPLE_SAMPLES = EXAMPLE_FRAMES * HOP
MINIMUM_SAMPLES = FRAME_SAMPLES + (EXAMPLE_FRAMES - 1) * HOP


class LogMel:
    """The front end on one device."""

    def __init__(self, device: str) -> None:
        self._window = torch.hann_window(FRAME_SAMPLES, periodic=True, dtype=torch.float64).float().to(device)
        self._filters = torch.from_numpy(mel_filters()).float().to(device)

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        """Return the examples `(batch, examples, 96, 64)` of float32 `samples (batch, n)` at 16 kHz."""
        frames = samples.unfold(1, FRAME_SAMPLES, HOP)
        n_examples = frames.shape[1] // EXAMPLE_FRAMES
        spectrum = torch.fft.rfft(frames[:, : n_examples * EXAMPLE_FRAMES] * self._window, N_FFT)
        log_mel = torch.log(spectrum.abs() @ self._filters + LOG_SUMMAND)
        return log_mel.reshape(len(samples), n_examples, EXAMPLE_FRAMES, N_MELS)


def mel_filters() -> np.ndarray:
    """Return the filters `(257, 64)` float64: triangles on the scale 1127 ln(1 + f / 700), of height one."""
    bins_mel = _hertz_to_mel(np.linspace(0, SAMPLE_RATE_HZ / 2, 1 + N_FFT // 2))[:, None]
    corners = np.linspace(_hertz_to_mel(LOWEST_HZ), _hertz_to_mel(HIGHEST_HZ), N_MELS + 2)
    rising = (bins_mel - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins_mel) / (corners[2:] - corners[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))
    filters[0] = 0
    return filters


def _hertz_to_mel(frequency_hz: np.ndarray | float) -> np.ndarray:
    return 1127 * np.log(1 + np.asarray(frequency_hz) / 700)
