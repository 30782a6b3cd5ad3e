"""musicnn (Pons and Serra, 2019) without TensorFlow: the four checkpoints of musicnn 0.1.0, with the published numbers.

Front end as published: 16 kHz, power spectrum of 512 samples every 256, 96 Slaney mel bands, rounded to float16,
log10(10000 x + 1), cut into patches of 187 frames (3 s) that do not overlap. Spectrum and mel bands are computed in
float64, so that the last digit of a sum never decides how a value is rounded to float16: the embedding of a clip is
the same alone, in a batch, and on any device.
"""

from pathlib import Path

import numpy as np
import torch

from embedshift.models.base import Adapter
from embedshift.models.mel import slaney_mel_matrix
from embedshift.models.musicnn_networks import Musicnn, Vgg, load_published, published_shapes
from embedshift.models.strict_state import read_strictly

SAMPLE_RATE_HZ = 16_000
N_FFT = 512
HOP = 256
N_MELS = 96
PATCH_FRAMES = 187
FLOAT16_MAX = 65_504.0
DIMS = {"penultimate": 200, "mean_pool": 753, "max_pool": 753, "taggram": 50, "pool5": 256}
# one by one on the CPU: as fast as in batches, and bit for bit the same whatever the batch
PATCHES_AT_ONCE = {"cpu": 1, "cuda": 256}


class MusicnnAdapter(Adapter):
    """One checkpoint and one layer of it; a frame is a patch of 187 mel frames."""

    sample_rate_hz = SAMPLE_RATE_HZ
    frame_hop_s = PATCH_FRAMES * HOP / SAMPLE_RATE_HZ
    minimum_samples = (PATCH_FRAMES - 1) * HOP
    length_rule = (
        f"patches of {PATCH_FRAMES} frames (2.992 s) side by side, a rest at the end dropped as published; "
        f"clips shorter than {minimum_samples} samples (2.976 s) are repeated up to that"
    )

    def __init__(self, network: torch.nn.Module, layer: str, device: str) -> None:
        super().__init__()
        self.dim = self.frame_dim = DIMS[layer]
        self._network = network
        self._device = device
        self._window = torch.hann_window(N_FFT, dtype=torch.float64, device=device)
        mel = slaney_mel_matrix(SAMPLE_RATE_HZ, N_FFT, N_MELS)
        self._mel = torch.from_numpy(mel).to(device, torch.float64)

    @torch.inference_mode()
    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, patches, dim)`."""
        return self.embed_log_mel(self.log_mel(torch.from_numpy(batch).to(self._device)))

    def log_mel(self, samples: torch.Tensor) -> torch.Tensor:
        """Return the published log mel spectrogram `(batch, frames, 96)` float32 of `samples (batch, n)`."""
        spectrum = torch.stft(
            samples.double(), N_FFT, HOP, window=self._window, center=True, pad_mode="constant", return_complex=True
        )
        power = torch.view_as_real(spectrum).square().sum(dim=-1)
        mel = torch.matmul(self._mel, power).transpose(1, 2)
        # beyond float16's range the published code gives infinity; the largest number is kept instead
        rounded = mel.clamp(max=FLOAT16_MAX).half().float()
        return torch.log10(10_000 * rounded + 1)

    def embed_log_mel(self, log_mel: torch.Tensor) -> np.ndarray:
        """Return the embeddings `(batch, patches, dim)` of a log mel spectrogram `(batch, frames, 96)`."""
        patches = log_mel.shape[1] // PATCH_FRAMES
        stacked = log_mel[:, : patches * PATCH_FRAMES].reshape(-1, PATCH_FRAMES, N_MELS)
        with torch.inference_mode():
            blocks = stacked.split(PATCHES_AT_ONCE[torch.device(self._device).type])
            embedded = torch.cat([self._network(block) for block in blocks])
        return embedded.reshape(len(log_mel), patches, self.dim).cpu().numpy()


def load(weights: Path | None, options: dict[str, str], device: str, precision: str) -> MusicnnAdapter:
    """Return the adapter of `options` checkpoint and layer with its `weights` (safetensors) on `device`.

    Raises
    ------
    UserError
        If the weights are not there or are not those of the network.
    """
    kind = Vgg if options["checkpoint"].endswith("vgg") else Musicnn
    network = kind(options["layer"])
    load_published(network, read_strictly(weights, published_shapes(network)))
    if precision == "bfloat16":
        network.round_to_bfloat16()
    return MusicnnAdapter(network.to(device), options["layer"], device)
