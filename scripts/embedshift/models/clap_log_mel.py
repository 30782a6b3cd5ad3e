"""The log mel spectrogram that both CLAPs begin with, in float32 on the device, a batch at a time.

Published (torchlibrosa's Spectrogram and LogmelFilterBank): power spectrum of a periodic Hann window of 1024 samples,
centred and reflected at the ends; 64 mel bands; 10 log10, no smaller than -100 dB. The filters are those of the
checkpoint, where the published packages read them too: what rate they were made for is the checkpoint's business.
"""

import torch
from torch import nn
from torch.nn import functional

N_FFT = 1024
N_MELS = 64
SMALLEST_POWER = 1e-10


class LogMel(nn.Module):
    """From samples `(windows, n)` to decibels `(windows, 64, 1 + n // hop)`; `melW (513, 64)` is the published name."""

    def __init__(self, hop: int) -> None:
        super().__init__()
        self.hop = hop
        self.melW = nn.Parameter(torch.empty(1 + N_FFT // 2, N_MELS), requires_grad=False)
        self.register_buffer("window", None, persistent=False)

    def prepare(self) -> None:
        """Make what follows from no weight; needed once, after the weights are loaded."""
        self.window = torch.hann_window(N_FFT, device=self.melW.device)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Return the spectrogram, bands second."""
        ends = (N_FFT // 2, N_FFT // 2)
        padded = functional.pad(samples[:, None], ends, mode="reflect")[:, 0]
        spectrum = torch.stft(padded, N_FFT, self.hop, window=self.window, center=False, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()
        bands = torch.matmul(self.melW.T, power)
        return 10 * bands.clamp(min=SMALLEST_POWER).log10()
