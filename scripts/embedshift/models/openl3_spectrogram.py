"""What OpenL3 0.4 sees: windows of one second, and the spectrogram of each in decibels below its own maximum.

The windows are those of openl3 0.4.2 (Cramer, Wu, Salamon and Bello, ICASSP 2019), the spectrogram is that of its
layers of kapre: magnitude (not power) of a Fourier transform of 2048 samples (512 for `linear`) every 242 samples with
a periodic Hann window, mel bands on Slaney's scale; ten times the decimal logarithm, the window's maximum subtracted,
cut at -80. A window of silence is 0 everywhere. The distance of two windows is rarely a multiple of 242 samples (0.1 s
are 4800), so that overlapping windows have no frame in common.

Magnitudes of 1e-8 of the maximum still count. In a recording without the highest frequencies they are nothing but the
rounding of the Fourier transform, which moves the embedding by up to 1e-3 of its largest value. On a CPU the transform
is scipy's in float32, whose rounding is TensorFlow's (both are M. Reinecke's code); on a GPU it is another.
"""

import math
from typing import NamedTuple

import scipy.fft
import torch
from torch.nn import functional

from embedshift.models.mel import slaney_mel_matrix
from embedshift.models.openl3_hann import hann_as_tensorflow

SAMPLE_RATE_HZ = 48_000
WINDOW_SAMPLES = 48_000
FRAME_HOP_SAMPLES = 242
SMALLEST_MAGNITUDE = 1e-10
LOWEST_DB = -80.0


class Shape(NamedTuple):
    """The spectrogram of one window: transform length, bands (frequencies or mel bands), frames."""

    n_fft: int
    bands: int
    frames: int


# mel: zeros are put at the window's end until a frame starts every 242 samples; linear: only whole frames
SHAPES = {"linear": Shape(512, 257, 197), "mel128": Shape(2048, 128, 199), "mel256": Shape(2048, 256, 199)}


def hop_samples(hop_s: float) -> int:
    """Return the distance of two windows in samples, rounded down as openl3 does."""
    return int(hop_s * SAMPLE_RATE_HZ)


def cut_windows(samples: torch.Tensor, hop: int, center: bool) -> torch.Tensor:
    """Return windows `(batch, windows, 48000)`, `hop` samples apart, of `samples (batch, n)`: a view.

    With `center`, half a second of zeros comes first, so that the first window's middle is the first sample. Zeros at
    the end complete the last window, so that every sample is in one; a clip of less than a second is one window.
    """
    before = WINDOW_SAMPLES // 2 if center else 0
    length = before + samples.shape[1]
    further_windows = max(0, math.ceil((length - WINDOW_SAMPLES) / hop))
    after = WINDOW_SAMPLES + further_windows * hop - length
    return functional.pad(samples, (before, after)).unfold(1, WINDOW_SAMPLES, hop)


class Spectrogram:
    """From windows to spectrograms in decibels, always in float32."""

    def __init__(self, input_repr: str, device: str) -> None:
        self.shape = SHAPES[input_repr]
        self._hann = torch.from_numpy(hann_as_tensorflow(self.shape.n_fft)).to(device)
        self._mel = None
        if input_repr != "linear":
            mel = slaney_mel_matrix(SAMPLE_RATE_HZ, self.shape.n_fft, self.shape.bands)
            self._mel = torch.from_numpy(mel).to(device)

    def __call__(self, windows: torch.Tensor) -> torch.Tensor:
        """Return decibels `(windows, bands, frames)`, from -80 to 0, of `windows (windows, 48000)`."""
        return decibels_below_maximum(self.magnitude(windows))

    def magnitude(self, windows: torch.Tensor) -> torch.Tensor:
        """Return `(windows, bands, frames)`: magnitudes of the frequencies, or their sums in mel bands."""
        n_fft, _, frames = self.shape
        end = (frames - 1) * FRAME_HOP_SAMPLES + n_fft
        padded = functional.pad(windows, (0, max(0, end - WINDOW_SAMPLES)))
        spectrum = _fourier(padded.unfold(1, n_fft, FRAME_HOP_SAMPLES) * self._hann).abs().transpose(1, 2)
        return spectrum if self._mel is None else torch.matmul(self._mel, spectrum)


def _fourier(frames: torch.Tensor) -> torch.Tensor:
    """Return the Fourier transform along the last axis, complex64."""
    if frames.device.type == "cpu":
        return torch.from_numpy(scipy.fft.rfft(frames.numpy()))
    return torch.fft.rfft(frames)


def decibels_below_maximum(magnitude: torch.Tensor) -> torch.Tensor:
    """Return `10 log10(magnitude)` of `(windows, bands, frames)` below each window's maximum, -80 at the lowest."""
    decibels = 10 * magnitude.clamp(min=SMALLEST_MAGNITUDE).log10()
    return (decibels - decibels.amax(dim=(1, 2), keepdim=True)).clamp(min=LOWEST_DB)
