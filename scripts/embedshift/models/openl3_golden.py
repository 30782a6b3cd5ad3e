"""OpenL3's own regression files: what openl3 0.4 gave for a chirp, published beside its code with kapre's front end.

Data and one comparison, for whoever has the official weights: the files stand at the addresses below, the weights are
those that `options` name. openl3's tests ask for a relative and absolute 1e-5 with the TensorFlow of 2021. The chirp
was recorded at 44.1 kHz; above 22 kHz the spectrogram holds nothing but rounding (see openl3_spectrogram), which is
another in other versions of TensorFlow. A difference beyond `TOLERANCE` with a cosine of 1 to six digits means that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from embedshift.errors import UserError
from embedshift.models.openl3_resampling import resample_kaiser_best
from embedshift.models.openl3_spectrogram import SAMPLE_RATE_HZ

BASE = "https://raw.githubusercontent.com/marl/openl3/v0.4.2/tests/data"
TOLERANCE = 1e-4


@dataclass(frozen=True)
class GoldenFile:
    """A recording, the published frames of it, and the options that they were made with."""

    audio: str
    expected: str
    options: dict[str, Any]
    shape: tuple[int, int]


GOLDEN_FILES = (
    GoldenFile(
        audio=f"{BASE}/audio/chirp_44k.wav",
        expected=f"{BASE}/regression/chirp_44k_kapre.npz",
        options={"input_repr": "mel256", "content": "music", "embedding_size": 6144, "hop_s": 0.1, "center": True},
        shape=(16, 6144),
    ),
    GoldenFile(
        audio=f"{BASE}/audio/chirp_44k.wav",
        expected=f"{BASE}/regression/chirp_44k_kapre_linear.npz",
        options={"input_repr": "linear", "content": "env", "embedding_size": 512, "hop_s": 0.5, "center": False},
        shape=(3, 512),
    ),
)


@dataclass(frozen=True)
class Comparison:
    """Largest difference of a frame's value, relative to the largest published value; lowest cosine of two frames."""

    difference: float
    cosine: float


def compare_with_golden(embed: Callable[[np.ndarray], np.ndarray], audio: Path, expected: Path) -> Comparison:
    """Return how far `embed` (an adapter's, with the options of the golden file) is from the published frames.

    Parameters
    ----------
    audio, expected : the two files of a `GoldenFile`, downloaded

    Raises
    ------
    UserError
        If a file is not what was published, or the number or length of the frames is another.
    """
    samples, rate_hz = _read_audio(audio)
    resampled = resample_kaiser_best(samples.mean(axis=1), rate_hz, SAMPLE_RATE_HZ).astype(np.float32)
    found = embed(resampled[None])[0]
    published = _read_frames(expected)
    if found.shape != published.shape:
        raise UserError(f"{expected}: holds frames of shape {published.shape}, found {found.shape} for {audio}. "
                        "Download both files again: they are not a pair.")  # fmt: skip
    products = (found * published).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(published, axis=1)
    return Comparison(float(np.abs(found - published).max() / np.abs(published).max()), float(products.min()))


def _read_audio(path: Path) -> tuple[np.ndarray, int]:
    import soundfile

    try:
        return soundfile.read(path, dtype="float64", always_2d=True)
    except (OSError, RuntimeError) as error:  # soundfile's own errors are RuntimeErrors
        raise UserError(f"{path} is no recording that can be read ({error}). Download it again.") from error


def _read_frames(path: Path) -> np.ndarray:
    try:
        with np.load(path) as stored:
            frames = stored["embedding"]
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, BadZipFile) as error:
        raise UserError(f"{path} is no .npz with the array embedding ({error}). Download it again.") from error
    if frames.ndim != 2 or frames.dtype.kind != "f":
        raise UserError(f"{path}: embedding is {frames.dtype} {frames.shape}; expected real frames (frames, dim).")
    return frames
