"""The log mel spectrogram of PANNs (Kong et al., 2020): torchlibrosa's numbers by a Fourier transform, in float32.

Frames of 1024 samples every 320 at 32 kHz, reflected at both ends, periodic Hann window; power; 64 Slaney mel bands
from 50 to 14000 Hz; ten times the decimal logarithm of at least 1e-10. torchlibrosa transforms by a convolution with
stored sines and cosines, and published checkpoints hold these and the mel filters: `check_stored_front_end` compares
them with what is computed here, which makes them superfluous.
"""

import numpy as np
import torch
from torch.nn import functional

from embedshift.errors import UserError
from embedshift.models.mel import slaney_mel_matrix

SAMPLE_RATE_HZ = 32_000
N_FFT = 1024
HOP = 320
N_MELS = 64
LOWEST_HZ = 50.0
HIGHEST_HZ = 14_000.0
SMALLEST_POWER = 1e-10
N_BINS = 1 + N_FFT // 2
LARGEST_DEVIATION = 1e-5
"""Of a stored value, as a share of the largest one: more than rounding leaves, less than any other setting does."""

STORED_SHAPES = {
    "spectrogram_extractor.stft.conv_real.weight": (N_BINS, 1, N_FFT),
    "spectrogram_extractor.stft.conv_imag.weight": (N_BINS, 1, N_FFT),
    "logmel_extractor.melW": (N_BINS, N_MELS),
}


class LogMel:
    """The front end on one device."""

    def __init__(self, device: str) -> None:
        matrix = slaney_mel_matrix(SAMPLE_RATE_HZ, N_FFT, N_MELS, LOWEST_HZ, HIGHEST_HZ)
        self._filters = torch.from_numpy(matrix.T.copy()).to(device)
        self._window = torch.hann_window(N_FFT, periodic=True, dtype=torch.float64).float().to(device)

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        """Return the spectrograms `(batch, 1 + n // 320, 64)` in dB of float32 `samples (batch, n)` at 32 kHz."""
        padded = functional.pad(samples[:, None], (N_FFT // 2, N_FFT // 2), mode="reflect")[:, 0]
        spectrum = torch.stft(padded, N_FFT, HOP, window=self._window, center=False, return_complex=True)
        power = torch.view_as_real(spectrum).square().sum(dim=-1).transpose(1, 2)
        return 10 * torch.log10((power @ self._filters).clamp(min=SMALLEST_POWER))


def check_stored_front_end(stored: dict[str, torch.Tensor], source: object) -> None:
    """Make sure that the front end that a checkpoint was trained with is this one.

    Parameters
    ----------
    stored : tensors of `STORED_SHAPES`
    source : where they come from, for the message

    Raises
    ------
    UserError
        If a stored kernel differs from the one expected.
    """
    for name, expected in _expected_front_end().items():
        deviation = (stored[name].float() - expected).abs().max().item() / expected.abs().max().item()
        if not deviation <= LARGEST_DEVIATION:
            raise UserError(
                f"{source}: {name} is not that of PANNs at 32 kHz (64 mel bands, 50 to 14000 Hz): values differ by "
                f"{deviation:.2g} of the largest. The checkpoint was trained with another front end; only those for "
                "32 kHz can be used."
            )


def _expected_front_end() -> dict[str, torch.Tensor]:
    """Return what torchlibrosa stores: rows of windowed cosines and negative sines, and the mel filters."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    circle = np.exp(-2j * np.pi * np.arange(N_FFT) / N_FFT)
    kernels = circle[np.outer(np.arange(N_BINS), np.arange(N_FFT)) % N_FFT] * window
    filters = slaney_mel_matrix(SAMPLE_RATE_HZ, N_FFT, N_MELS, LOWEST_HZ, HIGHEST_HZ).T
    tables = [kernels.real[:, None], kernels.imag[:, None], filters]
    return {name: torch.tensor(table).float() for name, table in zip(STORED_SHAPES, tables, strict=True)}
