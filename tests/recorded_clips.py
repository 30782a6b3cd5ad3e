"""Real recordings for tests, cut or repeated to one length, at one level and one rate."""

import numpy as np
import soundfile
import soxr


def recorded_clips(folder, number, sample_rate_hz, samples):
    """Return float32 (number, samples): evenly chosen FLAC files below `folder`, mono, at -23 dB RMS."""
    files = sorted(folder.rglob("*.flac"))
    clips = []
    for file in files[:: max(len(files) // number, 1)][:number]:
        audio, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
        resampled = soxr.resample(audio.mean(axis=1), rate_hz, sample_rate_hz)
        clip = np.resize(resampled, samples)
        clips.append(0.07 * clip / np.sqrt(np.mean(clip**2)))
    return np.stack(clips).astype(np.float32)
