"""Seeded sounds for the codecs: tones that decay, with noise, at the level of music."""

import numpy as np


def codec_sounds(rng, clips, samples, sample_rate_hz):
    """Return float32 (clips, samples)."""
    time_s = np.arange(samples) / sample_rate_hz
    pitches_hz = 110 * 2 ** (rng.uniform(0, 48, clips) / 12)
    tones = [sum(np.sin(2 * np.pi * pitch * k * time_s) / k for k in range(1, 7)) for pitch in pitches_hz]
    sounds = np.stack(tones) * np.exp(-3 * time_s) + 0.03 * rng.standard_normal((clips, samples))
    return (0.2 * sounds).astype(np.float32)
