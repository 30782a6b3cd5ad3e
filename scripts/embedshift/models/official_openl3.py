"""`backend: official` for OpenL3: the published package on TensorFlow, in an environment of its own.

For old numbers to the last digit; `openl3.py` gives the same within 1e-4 in the common environment. The package is
openl3 0.4.2 with kapre (envs/official_openl3.yaml). Clips arrive at 48 kHz, so that it resamples nothing.
"""

import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.errors import UserError
from embedshift.models.base import Adapter
from embedshift.models.official_weights import official_original

SAMPLE_RATE_HZ = 48_000


class OfficialOpenl3Adapter(Adapter):
    """The package's Keras model and its own `get_audio_embedding`, one clip at a time."""

    sample_rate_hz = SAMPLE_RATE_HZ
    runs_on_gpu = False
    length_rule = "any length; openl3 completes the windows with zeros"

    def __init__(self, package: Any, model: Any, options: dict[str, Any]) -> None:
        super().__init__()
        self.dim = self.frame_dim = options["embedding_size"]
        self.frame_hop_s = options["hop_s"]
        self._package = package
        self._model = model
        self._options = {"center": options["center"], "hop_size": options["hop_s"]}
        self._one_at_a_time = threading.Lock()

    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, windows, dim)`."""
        return np.stack([self._embed_clip(samples) for samples in batch])

    def _embed_clip(self, samples: np.ndarray) -> np.ndarray:
        with self._one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of every clip shorter than a second
            frames, _ = self._package.get_audio_embedding(
                samples, SAMPLE_RATE_HZ, model=self._model, verbose=0, **self._options
            )
        return frames


def load(weights: Path | None, options: dict[str, Any], device: str, precision: str) -> OfficialOpenl3Adapter:
    """Return the package's model with the official `.h5` from which `weights` were converted; always on the CPU.

    Raises
    ------
    UserError
        If the package is not installed, or the official file is not there or not one of this model.
    """
    original = official_original(weights)
    package = _published_package()
    try:
        model = package.models.load_audio_embedding_model_from_path(
            str(original), options["input_repr"], options["embedding_size"]
        )
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{original} is no official file of OpenL3 with input_repr {options['input_repr']}. Keras says: "
            f"{str(error)[:600]}"
        ) from error
    return OfficialOpenl3Adapter(package, model, options)


def _published_package() -> Any:
    try:
        import openl3
    except (ImportError, OSError) as error:
        raise UserError(
            f"backend: official needs the package openl3 0.4.2, which cannot be imported here ({error}). Start the "
            "workflow with --sdm conda, which makes its environment (envs/official_openl3.yaml), or leave backend out."
        ) from error
    return openl3
