"""Three signals made by formula, the same on every machine: what `verify_models` embeds.

Their stored embeddings were made by the published packages (`tests/parity/write_references.py`).
"""

import numpy as np

DURATION_S = 6.5
NOISE_SEED = 20220419


def check_signals(sample_rate_hz: int) -> dict[str, np.ndarray]:
    """Return `{name: samples}`: a chirp, a chord that decays, and noise in bursts; float32, 6.5 s, below full scale."""
    time_s = np.arange(round(DURATION_S * sample_rate_hz)) / sample_rate_hz
    return {name: signal(time_s).astype(np.float32) for name, signal in SIGNALS.items()}


def _chirp(time_s: np.ndarray) -> np.ndarray:
    """Return a sine from 50 to 7000 Hz, its logarithm of frequency linear in time."""
    low_hz, ratio = 50.0, 140.0
    rate = np.log(ratio) / DURATION_S
    return 0.5 * np.sin(2 * np.pi * low_hz / rate * np.expm1(rate * time_s))


def _chord(time_s: np.ndarray) -> np.ndarray:
    """Return A major struck every second: four harmonics of each note."""
    envelope = np.exp(-4 * (time_s % 1.0))
    notes_hz = (220.0, 277.18, 329.63)
    return 0.08 * envelope * sum(np.sin(2 * np.pi * f * k * time_s) / k for f in notes_hz for k in range(1, 5))


def _bursts(time_s: np.ndarray) -> np.ndarray:
    """Return noise that swells and fades every 0.8 s, of a generator whose stream numpy guarantees."""
    noise = np.random.RandomState(NOISE_SEED).uniform(-1, 1, len(time_s))
    return 0.3 * noise * np.sin(np.pi * time_s / 0.8) ** 2


SIGNALS = {"chirp": _chirp, "chord": _chord, "bursts": _bursts}
