"""laion-clap itself (1.1.7) behind the adapter's interface, for whoever must have its very numbers.

The package's samples are rounded to 16 bits and its short clips repeated by the package. Only what it would do at
random is taken from it: a clip longer than 10 s is handed over in windows. The package reads tokenizers and a text
network from the network or from folders as soon as it is imported, all of which a checkpoint replaces or an audio
embedding never asks for; they are left out while it is imported and built. So is torchvision, where it is not
installed.
"""

import contextlib
import importlib.util
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from embedshift.errors import UserError
from embedshift.models.base import Adapter
from embedshift.models.official_weights import official_original
from embedshift.models.windows import window_starts

WINDOW = 480_000
AUDIO_NETWORKS = {"630k-audioset-best": "HTSAT-tiny", "music_audioset_epoch_15_esc_90.14": "HTSAT-base"}
STOOD_IN_FOR = {
    "torchvision": (),
    "torchvision.datasets": (),
    "torchvision.transforms": (
        ["Normalize", "Compose", "RandomResizedCrop", "InterpolationMode", "ToTensor", "Resize", "CenterCrop"]
    ),
    "torchvision.ops": (),
    "torchvision.ops.misc": ("FrozenBatchNorm2d",),
}
"""What laion-clap imports of torchvision, for images."""


class OfficialLaionClap(Adapter):
    """One checkpoint in the published package; a frame is a window of 10 s."""

    sample_rate_hz = 48_000
    dim = frame_dim = 512
    frame_hop_s = 10.0
    runs_on_gpu = False
    length_rule = (
        "up to 10 s as the package does it; longer clips in windows of 10 s side by side, the last one moved back to "
        "end with the clip"
    )

    def __init__(self, package_model: Any) -> None:
        super().__init__()
        self._model = package_model

    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, windows, 512)`."""
        import torch

        starts = window_starts(batch.shape[1], WINDOW)
        windows = [samples[start : start + WINDOW] for samples in batch for start in starts]
        with torch.no_grad():
            embedded = self._model.get_audio_embedding_from_data(windows, use_tensor=False)
        return embedded.reshape(len(batch), len(starts), self.dim)


def load(weights: Path | None, options: dict[str, str], device: str, precision: str) -> OfficialLaionClap:
    """Return the package's model with the original checkpoint of `weights`, on the CPU.

    Raises
    ------
    UserError
        If the package is not installed, or the checkpoint is not there or not one of this model.
    """
    checkpoint = official_original(weights)
    if not Path(checkpoint).is_file():
        raise UserError(f"The checkpoint {checkpoint} is not there.")
    package = import_laion_clap()
    with without_text_files(), contextlib.redirect_stdout(io.StringIO()):
        model = package.CLAP_Module(enable_fusion=False, device="cpu", amodel=AUDIO_NETWORKS[options["checkpoint"]])
        try:
            model.load_ckpt(ckpt=str(checkpoint), verbose=False)
        except (RuntimeError, KeyError) as error:
            raise UserError(
                f"{checkpoint} is not a checkpoint of {options['checkpoint']}; the package says: {str(error)[:600]}"
            ) from error
    model.eval()
    return OfficialLaionClap(model)


def import_laion_clap() -> ModuleType:
    """Return the package.

    Raises
    ------
    UserError
        If it, or something that it needs, is not installed here.
    """
    try:
        with without_text_files(), torchvision_stood_in_for():
            import laion_clap
    except (ImportError, OSError) as error:
        raise UserError(
            f"backend: official needs the package laion-clap 1.1.7, which cannot be imported here ({error}). Start the "
            "workflow with --sdm conda, which makes its environment (envs/official_laion_clap.yaml), or leave "
            "backend out."
        ) from error
    return laion_clap


@contextlib.contextmanager
def without_text_files() -> Iterator[None]:
    """Let no tokenizer be looked for, and let the text network be built with weights that a checkpoint replaces."""
    import transformers

    roberta = transformers.RobertaConfig(
        vocab_size=50_265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
    )
    stand_ins = {
        transformers.BertTokenizer: lambda *_, **__: None,
        transformers.RobertaTokenizer: lambda *_, **__: None,
        transformers.BartTokenizer: lambda *_, **__: None,
        transformers.RobertaModel: lambda *_, **__: transformers.RobertaModel(roberta),
    }
    for kind, stand_in in stand_ins.items():
        kind.from_pretrained = stand_in
    try:
        yield
    finally:
        for kind in stand_ins:
            del kind.from_pretrained  # the one inherited is seen again


@contextlib.contextmanager
def torchvision_stood_in_for() -> Iterator[None]:
    """Put empty modules in the place of torchvision while the package is imported, where there is none."""
    if importlib.util.find_spec("torchvision") is not None:
        yield
        return
    modules = {name: ModuleType(name) for name in STOOD_IN_FOR}
    for name, attributes in STOOD_IN_FOR.items():
        for attribute in attributes:
            setattr(modules[name], attribute, type(attribute, (), {}))
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(modules[parent], child, modules[name])
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
