"""PANNs by the published package panns-inference 0.1.1, for `backend: official`.

At its import the package downloads a list of class names, and when a model is made, a checkpoint that it takes for too
small. Neither happens here: the module with the class names is replaced before the import, and the checkpoint is looked
at first. The package has Cnn14 only.
"""

import pickle
import sys
import types
from pathlib import Path

import numpy as np

from embedshift.errors import UserError
from embedshift.models.base import Adapter
from embedshift.models.official_weights import official_original

SAMPLE_RATE_HZ = 32_000
MINIMUM_SAMPLES = 9920
N_CLASSES = 527
SMALLEST_FILE = 300_000_000
"""Bytes: the package takes a smaller file for a broken download and fetches it again."""
CONFIG = "panns_inference.config"


class OfficialPannsAdapter(Adapter):
    """`AudioTagging.inference`, clip by clip."""

    sample_rate_hz = SAMPLE_RATE_HZ
    frame_hop_s = None
    minimum_samples = MINIMUM_SAMPLES
    runs_on_gpu = False
    length_rule = f"any length from {MINIMUM_SAMPLES} samples (0.31 s); shorter clips are repeated from their start"

    def __init__(self, tagging: object, layer: str) -> None:
        super().__init__()
        self.dim = self.frame_dim = N_CLASSES if layer == "clip_tags" else 2048
        self._tagging, self._layer = tagging, layer

    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, 1, dim)`."""
        results = [self._tagging.inference(clip[None]) for clip in batch]
        return np.stack([tags if self._layer == "clip_tags" else embedding for tags, embedding in results])


def load(weights: Path | None, options: dict[str, object], device: str, precision: str) -> OfficialPannsAdapter:
    """Return the published model with the published checkpoint `weights` came from; it runs on the CPU in float32.

    Raises
    ------
    UserError
        If the options ask for what the package does not have, the package is not installed, or the checkpoint is not
        one of Cnn14 as published.
    """
    _check_options(options)
    checkpoint = official_original(weights)
    _check_checkpoint(checkpoint)
    published = _published_class()
    try:
        tagging = published(checkpoint_path=str(checkpoint), device="cpu")  # it loads strictly
    except (RuntimeError, KeyError, pickle.UnpicklingError) as error:
        raise UserError(f"{checkpoint} is no published checkpoint of Cnn14. panns-inference says: {error}") from error
    return OfficialPannsAdapter(tagging, options["layer"])


def _check_options(options: dict[str, object]) -> None:
    wanted = {"network": "Cnn14", "window_s": "clip", "hop_s": "window"}
    for name, only in wanted.items():
        if options.get(name, only) != only:
            raise UserError(f"backend: official: {name} is {options[name]}, but panns-inference knows only {only}.")


def _check_checkpoint(path: Path) -> None:
    """Make sure that the package will leave the file alone."""
    size = path.stat().st_size if path.exists() else 0
    if size < SMALLEST_FILE:
        raise UserError(
            f"{path} has {size} bytes; panns-inference would overwrite any file below {SMALLEST_FILE} bytes by a "
            "download. Give it the whole checkpoint Cnn14_mAP=0.431.pth (327428481 bytes)."
        )


def _published_class() -> type:
    """Return the package's AudioTagging, imported beside a stand-in for its module of class names."""
    if CONFIG not in sys.modules:
        names = types.ModuleType(CONFIG)
        names.sample_rate, names.classes_num = SAMPLE_RATE_HZ, N_CLASSES
        names.labels = names.ids = [str(index) for index in range(N_CLASSES)]
        sys.modules[CONFIG] = names
    try:
        from panns_inference import AudioTagging
    except ImportError as error:
        raise UserError(
            f"backend: official needs the package panns-inference ({error}). Run snakemake with --sdm conda, which "
            "makes its environment from envs/official_panns.yaml."
        ) from error
    return AudioTagging
