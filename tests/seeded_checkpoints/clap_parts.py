"""Seeded weights for the CLAPs by a tensor's name and shape, and the constant tables that official checkpoints hold."""

import librosa
import numpy as np
import torch

N_FFT = 1024
N_MELS = 64


def seeded_tensors(shapes, seed):
    """Return {name: float32 tensor}: matrices that keep a signal's scale, statistics that fit decibels."""
    rng = np.random.default_rng(seed)
    return {name: torch.from_numpy(_seeded(rng, name, shape)) for name, shape in shapes.items()}


def _seeded(rng, name, shape):
    noise = rng.standard_normal(shape, dtype=np.float32)
    kind = name.rpartition(".")[2]
    if kind == "running_mean":
        return 5 * noise - 25 if "bn0" in name else 0.3 * noise
    if kind == "running_var":
        return (200 if "bn0" in name else 1) * np.exp(0.2 * noise)
    if kind == "relative_position_bias_table" or len(shape) == 0:
        return noise
    if len(shape) == 1:
        return 1 + 0.1 * noise if kind == "weight" else 0.1 * noise
    inputs = shape[0] if "c_attn" in name or "c_proj" in name or "c_fc" in name else int(np.prod(shape[1:]))
    return (
        noise if "embeddings" in name or ".wte" in name or ".wpe" in name else noise * np.float32((2 / inputs) ** 0.5)
    )


def stft_constants(place):
    """Return the kernels of the Fourier transform that torchlibrosa stores under `place`, in float32."""
    window = librosa.filters.get_window("hann", N_FFT)
    kernels = np.fft.fft(np.eye(N_FFT))[: 1 + N_FFT // 2] * window
    parts = {"real": kernels.real, "imag": kernels.imag}
    return {
        f"{place}.spectrogram_extractor.stft.conv_{part}.weight": torch.tensor(kernel[:, None], dtype=torch.float32)
        for part, kernel in parts.items()
    }


def mel_filters(sample_rate_hz, highest_hz=14_000):
    """Return librosa's filters (513, 64) from 50 Hz."""
    filters = librosa.filters.mel(sr=sample_rate_hz, n_fft=N_FFT, n_mels=N_MELS, fmin=50, fmax=highest_hz)
    return torch.tensor(filters.T.copy())


def htsat_constants(place, depths):
    """Return the tables of an HTS-AT that its published code stores, made as Swin's reference describes them."""
    constants = stft_constants(place) | {f"{place}.bn0.num_batches_tracked": torch.tensor(7)}
    for stage, depth in enumerate(depths):
        side = 64 >> stage
        for index in range(depth):
            block = f"{place}.layers.{stage}.blocks.{index}"
            constants[f"{block}.attn.relative_position_index"] = _relative_positions()
            if index % 2 and side > 8:
                constants[f"{block}.attn_mask"] = _mask(side)
    return constants


def _relative_positions():
    rows, columns = np.divmod(np.arange(64), 8)
    index = (rows[:, None] - rows[None] + 7) * 15 + columns[:, None] - columns[None] + 7
    return torch.from_numpy(index)


def _mask(side):
    strip = np.repeat([0, 1, 2], [side - 8, 4, 4])
    regions = 3 * strip[:, None] + strip[None]
    windows = regions.reshape(side // 8, 8, side // 8, 8).swapaxes(1, 2).reshape(-1, 64)
    return torch.from_numpy(np.where(windows[:, None] != windows[:, :, None], -100.0, 0.0).astype(np.float32))
