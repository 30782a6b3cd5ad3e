"""A Hugging Face model from one safetensors file: configuration, feature extractor and network, complete and checked.

The file holds the model's tensors under their own names and its small files as bytes, `files/config.json` and so on
(rule fetch_weights). Code that a repository brings along is never run. MERT, which does, is HuBERT under another name
(its published class adds an input of constant-Q bins and another residual rule, which are refused where switched on).
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from embedshift.errors import UserError

LOGGER = logging.getLogger("embedshift")
FILES_PREFIX = "files/"
CONFIGURATION = "config.json"
EXTRACTOR_FILES = ("preprocessor_config.json", "processor_config.json")
CODECS = {"encodec": "encodec", "dac": "dac"}
MERT = "mert_model"
MERT_EXTENSIONS = ("feature_extractor_cqt", "deepnorm")
UNUSED_WITHOUT_TRAINING = ("masked_spec_embed",)
MADE_FROM_THE_CONFIGURATION = ("position_ids", "relative_position_index")
SHOWN_NAMES = 8
OWN_CLASS = "Load it in a class of your own: python:<file.py>:<Class> (docs/add_your_own_model.md)."


@dataclass(frozen=True)
class LoadedModel:
    """A network in evaluation mode with what prepares its input; `kind` is the model_type of its configuration."""

    kind: str
    extractor: Any
    network: torch.nn.Module


def read_model(path: Path | None, device: str) -> LoadedModel:
    """Return the model in the safetensors file `path`, float32 on `device`.

    Raises
    ------
    UserError
        If the file is missing or damaged, the model is none for audio or needs code of its own, or its weights are
        not exactly those of its network (heads on top of it aside).
    """
    tensors = _read_tensors(path)
    files = {name.removeprefix(FILES_PREFIX): tensors.pop(name) for name in [*tensors] if _is_file(name)}
    with TemporaryDirectory(prefix="embedshift-") as folder:
        for name, content in files.items():
            Path(folder, Path(name).name).write_bytes(content.numpy().tobytes())
        config = _read_config(Path(folder), path)
        extractor = _read_extractor(Path(folder), path)
    network = _build(config, tensors, path)
    return LoadedModel(config.model_type, extractor, network.requires_grad_(False).eval().to(device))


def _is_file(name: str) -> bool:
    return name.startswith(FILES_PREFIX)


def _read_tensors(path: Path | None) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if path is None or not Path(path).is_file():
        raise UserError(f"The weights file {path} is not there. Let the workflow fetch it (rule fetch_weights).")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{path} is not a whole safetensors file ({error}). Delete it: it is then fetched again."
        ) from error


def _read_config(folder: Path, path: Path) -> Any:
    from transformers import AutoConfig

    file = folder / CONFIGURATION
    if not file.is_file():
        raise UserError(f"{path} holds no {CONFIGURATION}. Delete it: it is then made again.")
    described = json.loads(file.read_text(encoding="utf-8"))
    kind = described.get("model_type")
    if kind == MERT:
        kind = _as_hubert(described, file, path)
    if kind in CODECS:
        raise UserError(f"{path} is a {kind} codec. Use the adapter {CODECS[kind]}, which gives its latents.")
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ValueError, OSError, KeyError) as error:
        if described.get("auto_map"):
            raise UserError(f"The model {kind} in {path} brings code of its own, which embedshift never runs. "
                            f"{OWN_CLASS}") from error  # fmt: skip
        raise UserError(f"The model {kind} in {path} is none that transformers knows: {_first_line(error)} "
                        f"{OWN_CLASS}") from error  # fmt: skip


def _as_hubert(described: dict[str, Any], file: Path, path: Path) -> str:
    """Rewrite the configuration of MERT as that of HuBERT, which its published class inherits everything from."""
    extended = [key for key in MERT_EXTENSIONS if described.get(key)]
    if extended:
        raise UserError(f"The MERT model in {path} uses {' and '.join(extended)}, which HuBERT's network does not "
                        f"have. {OWN_CLASS}")  # fmt: skip
    kept = {key: value for key, value in described.items() if key not in ("auto_map", "architectures")}
    file.write_text(json.dumps(kept | {"model_type": "hubert"}), encoding="utf-8")
    return "hubert"


def _read_extractor(folder: Path, path: Path) -> Any:
    from transformers import AutoFeatureExtractor

    if not any((folder / name).is_file() for name in EXTRACTOR_FILES):
        raise UserError(f"The model in {path} has no {EXTRACTOR_FILES[0]}: how its input is prepared is not known. "
                        "Take it from the model that yours was trained from.")  # fmt: skip
    try:
        return AutoFeatureExtractor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ValueError, OSError, KeyError, AttributeError) as error:
        raise UserError(f"The model in {path} has no feature extractor for audio: {_first_line(error)} Is it a model "
                        "for audio?") from error  # fmt: skip


def _build(config: Any, tensors: dict[str, torch.Tensor], path: Path) -> torch.nn.Module:
    network, told = _network_class(config, path).from_pretrained(
        None,
        config=config,
        state_dict=tensors,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # so that all are listed
        dtype=torch.float32,
    )
    _require_complete(network, told, path)
    _require_only_heads(network, told["unexpected_keys"], path)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in told["missing_keys"]:  # they play no part, and should not be random all the same
                parameter.zero_()
    return network


def _network_class(config: Any, path: Path) -> Any:
    from transformers import MODEL_MAPPING, ClapAudioModel

    if config.model_type == "clap_audio_model":
        return ClapAudioModel
    if type(config) not in MODEL_MAPPING:
        raise UserError(f"transformers has no network for the {config.model_type} in {path}. {OWN_CLASS}")
    return MODEL_MAPPING[type(config)]


def _require_complete(network: Any, told: dict[str, Any], path: Path) -> None:
    missing = sorted(name for name in told["missing_keys"] if not name.endswith(UNUSED_WITHOUT_TRAINING))
    reshaped = sorted(f"{name} {tuple(found)} instead of {tuple(wanted)}"
                      for name, found, wanted in told["mismatched_keys"])  # fmt: skip
    complaints = [f"{what}: {_some(names)}" for what, names in
                  (("missing", missing), ("of another shape", reshaped)) if names]  # fmt: skip
    if complaints:
        raise UserError(f"The weights in {path} do not fit {type(network).__name__}; {'; '.join(complaints)}. Is "
                        f"{CONFIGURATION} that of these weights?")  # fmt: skip


def _require_only_heads(network: Any, left_over: Iterable[str], path: Path) -> None:
    """Accept tensors of parts that stand beside the network (heads), refuse those that would belong inside it."""
    own = {name.partition(".")[0] for name in network.state_dict()}
    heads, strange = [], []
    for name in sorted(left_over):
        part = name.removeprefix(f"{network.base_model_prefix}.").partition(".")[0]
        inside = part in own and not name.endswith(MADE_FROM_THE_CONFIGURATION)
        (strange if inside else heads).append(name)
    if strange:
        raise UserError(f"The weights in {path} do not fit {type(network).__name__}; left over: {_some(strange)}. Is "
                        f"{CONFIGURATION} that of these weights?")  # fmt: skip
    if heads:
        LOGGER.info("%s: not used, since it stands on top of %s: %s", path, type(network).__name__, _some(heads))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(names[:SHOWN_NAMES]) + more


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
