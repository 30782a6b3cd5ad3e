"""PANNs checkpoints with seeded weights in the published layout, and the networks as they are described, unfolded.

`PlainCnn14` and `PlainMobileNetV1` are written from the published layout (audioset_tagging_cnn, pytorch/models.py):
their modules have its names, so that their state dictionaries are checkpoints. Kernels are He-scaled; the statistics of
every normalisation are those of seeded sounds, so that activations neither die nor explode, and a wrong front end
shows. Depthwise kernels are smoothing on average, as trained ones are: without that, thirteen of them in a row enlarge
the last bits of float32 a hundredfold.
"""

import librosa
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import skip_init

RATE_HZ = 32_000
BANDS = 64
CLASSES = 527
CALIBRATION_CLIPS = 12
SMOOTHING = 0.1


class FrontEnd(nn.Module):
    """Holds what torchlibrosa stores in a checkpoint; computes by librosa."""

    def __init__(self):
        super().__init__()
        window = librosa.filters.get_window("hann", 1024)
        kernels = np.fft.fft(np.eye(1024))[:513] * window
        self.spectrogram_extractor, self.logmel_extractor = nn.Module(), nn.Module()
        self.spectrogram_extractor.stft = nn.Module()
        for part, kernel in (("real", kernels.real), ("imag", kernels.imag)):
            convolution = nn.Conv1d(1, 513, 1024, bias=False)
            convolution.weight = nn.Parameter(torch.tensor(kernel[:, None], dtype=torch.float32))
            setattr(self.spectrogram_extractor.stft, f"conv_{part}", convolution)
        filters = librosa.filters.mel(sr=RATE_HZ, n_fft=1024, n_mels=BANDS, fmin=50, fmax=14_000)
        self.logmel_extractor.melW = nn.Parameter(torch.tensor(filters.T).contiguous())

    @staticmethod
    def log_mel(samples):
        """Return float32 (clips, frames, 64) of (clips, n), each value by librosa in float64."""
        bands = librosa.feature.melspectrogram(
            y=samples.astype(np.float64), sr=RATE_HZ, n_fft=1024, hop_length=320, pad_mode="reflect", n_mels=BANDS,
            fmin=50, fmax=14_000, dtype=np.float64,
        )  # fmt: skip
        decibels = librosa.power_to_db(bands, ref=1.0, amin=1e-10, top_db=None)
        return torch.tensor(decibels.swapaxes(-1, -2), dtype=torch.float32)


class Plain(FrontEnd):
    """What both networks share."""

    def __init__(self, width):
        super().__init__()
        self.bn0 = nn.BatchNorm2d(BANDS)
        self.fc1 = skip_init(nn.Linear, width, width)
        self.fc_audioset = skip_init(nn.Linear, width, CLASSES)

    def forward(self, log_mel):
        """Return embedding and class probabilities of (clips, frames, 64)."""
        normalised = self.bn0(log_mel[:, None].transpose(1, 3)).transpose(1, 3)
        over_time = self.convolve(normalised).mean(dim=3)
        embedding = functional.relu(self.fc1(over_time.max(dim=2).values + over_time.mean(dim=2)))
        return {"embedding": embedding, "clip_tags": torch.sigmoid(self.fc_audioset(embedding))}


class PlainCnn14(Plain):
    """Six blocks of two convolutions."""

    WIDTHS = (1, 64, 128, 256, 512, 1024, 2048)

    def __init__(self):
        super().__init__(2048)
        for index in range(6):
            before, width = self.WIDTHS[index : index + 2]
            block = nn.Module()
            block.conv1 = kernels(before, width, 3)
            block.conv2 = kernels(width, width, 3)
            block.bn1, block.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
            setattr(self, f"conv_block{index + 1}", block)

    def convolve(self, image):
        for index in range(6):
            block = getattr(self, f"conv_block{index + 1}")
            image = functional.relu(block.bn1(block.conv1(image)))
            image = functional.relu(block.bn2(block.conv2(image)))
            if index < 5:
                image = functional.avg_pool2d(image, 2)
        return image


def kernels(before, width, size, groups=1):
    """Return a convolution as published, its kernels still to be filled."""
    return skip_init(nn.Conv2d, before, width, size, padding=size // 2, groups=groups, bias=False)


def first(before, width, pool):
    """Return convolution, pooling, normalisation and ReLU."""
    convolution = kernels(before, width, 3)
    return nn.Sequential(convolution, nn.AvgPool2d(pool), nn.BatchNorm2d(width), nn.ReLU())


def separable(before, width, pool):
    """Return the same with one kernel a channel, followed by a convolution of single points."""
    depthwise = kernels(before, before, 3, groups=before)
    pointwise = kernels(before, width, 1)
    head = [depthwise, nn.AvgPool2d(pool), nn.BatchNorm2d(before), nn.ReLU()]
    return nn.Sequential(*head, pointwise, nn.BatchNorm2d(width), nn.ReLU())


class PlainMobileNetV1(Plain):
    """One convolution and thirteen separable ones."""

    BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))

    def __init__(self):
        super().__init__(1024)
        blocks, before = [first(1, 32, 2)], 32
        for width, pool in self.BLOCKS:
            blocks.append(separable(before, width, pool))
            before = width
        self.features = nn.Sequential(*blocks)

    def convolve(self, image):
        return self.features(image)


NETWORKS = {"Cnn14": PlainCnn14, "MobileNetV1": PlainMobileNetV1}


def seeded_panns(seed, network):
    """Return the plain network with seeded weights and calibrated normalisations, ready to run."""
    generator = torch.Generator().manual_seed(seed)
    plain = NETWORKS[network]().requires_grad_(False)
    for name, module in plain.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            inputs = module.weight[0].numel()
            module.weight.normal_(0, (2 / inputs) ** 0.5, generator=generator)
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            module.weight.add_(SMOOTHING)
        if isinstance(module, nn.Linear):
            module.bias.normal_(0, 0.3, generator=generator)
        if name == "fc_audioset":
            module.weight.mul_(0.5)
        if isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.4, 1.0, generator=generator)
            module.bias.normal_(0.25, 0.2, generator=generator)
            module.register_forward_pre_hook(_calibrate)
    with torch.no_grad():
        plain.eval()(plain.log_mel(seeded_sounds(seed, CALIBRATION_CLIPS, RATE_HZ)))
    for module in plain.modules():
        module._forward_pre_hooks.clear()
    _level_embedding(plain, seeded_sounds(seed + 1, 4, RATE_HZ))
    return plain


def _calibrate(normalisation, inputs):
    """Give a normalisation the statistics of what it is about to see; channels that hardly move may move elsewhere."""
    variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3))
    normalisation.running_mean.copy_(mean)
    normalisation.running_var.copy_(variance.clamp(min=0.2 * variance.median().item()))


def _level_embedding(plain, samples):
    """Scale the dense layer so that embeddings are about 1 and no class is certain."""
    with torch.no_grad():
        level = plain(plain.log_mel(samples))["embedding"].std()
    plain.fc1.weight.div_(level)
    plain.fc1.bias.div_(level)


def seeded_sounds(seed, number, samples, rate_hz=RATE_HZ):
    """Return float32 (number, samples): decaying harmonic notes with noise, one much quieter than the next."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(samples) / rate_hz
    clips = []
    for index in range(number):
        pitch_hz = 110 * 2 ** rng.uniform(0, 4)
        note = sum(np.sin(2 * np.pi * pitch_hz * k * time_s + rng.uniform(0, 6)) / k for k in range(1, 9))
        noise = rng.uniform(0.003, 0.3) * rng.standard_normal(samples)
        clips.append(10 ** (-index % 4 / 2 - 0.7) * (note * np.exp(-rng.uniform(0.3, 4) * time_s) + noise))
    return np.stack(clips).astype(np.float32)


def write_panns_checkpoint(path, seed, network="Cnn14"):
    """Write a checkpoint of `network` and return the plain network that it is of."""
    plain = seeded_panns(seed, network)
    torch.save({"iteration": 0, "model": plain.state_dict()}, path)
    return plain
