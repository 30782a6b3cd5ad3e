"""The log mel spectrogram that musicnn sees, with the published bits.

Published: librosa's power spectrum of 512 samples every 256 at 16 kHz, 96 Slaney mel bands, rounded to float16, then
log10(10000 x + 1). Whether a band goes up or down to the next float16 hangs on the last bits of the sum before it, and
one such band moves the layer max_pool by up to 4e-4. So the CPU runs librosa's operations in librosa's order and
precision, clip by clip: the bits are those of `librosa.feature.melspectrogram`, whatever stands beside the clip.

A GPU has other Fourier transforms and products. There both are in float64 and about two bands in ten thousand become
the neighbouring float16, which moves max_pool by up to 5e-4 and every other layer by less than 1e-4.
"""

import numpy as np
import torch

from embedshift.models.mel import slaney_mel_matrix

SAMPLE_RATE_HZ = 16_000
N_FFT = 512
HOP = 256
N_MELS = 96
FLOAT16_MAX = 65_504.0
"""Beyond it the published code gives infinity; here it is the largest value."""
FRAMES_AT_ONCE = 1024

# scipy's periodic Hann window, to the last bit
WINDOW = (0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, N_FFT + 1)))[:-1]
MEL_MATRIX = slaney_mel_matrix(SAMPLE_RATE_HZ, N_FFT, N_MELS)


def published_log_mel(samples: np.ndarray) -> np.ndarray:
    """Return the spectrogram `(1 + n // 256, 96)` float32 of mono float32 `samples (n,)` at 16 kHz."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, N_FFT // 2), N_FFT)[::HOP]
    power = np.empty((len(frames), 1 + N_FFT // 2), dtype=np.float32)
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        block = slice(start, start + FRAMES_AT_ONCE)
        # transformed in float64 because the window is, kept in complex64
        spectrum = np.fft.rfft(frames[block] * WINDOW, axis=1).astype(np.complex64)
        np.square(np.abs(spectrum), out=power[block])
    bands = torch.from_numpy(power @ MEL_MATRIX.T)
    # torch rounds to float16 as numpy does, a hundred times as fast; the logarithm's last bit is numpy's own
    rounded = bands.clamp(max=FLOAT16_MAX).half().float().numpy()
    return np.log10(10_000 * rounded + 1)


def log_mel_on_gpu(samples: torch.Tensor) -> torch.Tensor:
    """Return the spectrograms `(batch, 1 + n // 256, 96)` of `samples (batch, n)` on their device, in float64."""
    window = torch.from_numpy(WINDOW).to(samples.device)
    spectrum = torch.stft(
        samples.double(), N_FFT, HOP, window=window, center=True, pad_mode="constant", return_complex=True
    )
    power = torch.view_as_real(spectrum).square().sum(dim=-1)
    bands = torch.matmul(torch.from_numpy(MEL_MATRIX).to(power), power).transpose(1, 2)
    return torch.log10(10_000 * bands.clamp(max=FLOAT16_MAX).half().float() + 1)
