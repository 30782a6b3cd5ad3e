"""Which models exist, which options they take, and what they are: known without loading any of them.

Imported by the Snakefile: standard library only.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from embedshift.compatibility import model_quirks
from embedshift.errors import UserError
from embedshift.models.entry import Entry, Option
from embedshift.nearest_name import did_you_mean

MODEL_KEYS = ("adapter", "options", "precision", "frames", "weights_file", "backend", "compatibility")


def _find_entries() -> dict[str, Entry]:
    """Return the entry of every adapter by name: one file each, so that adding a model touches no list."""
    names = sorted(path.stem for path in Path(__file__).with_name("entries").glob("[!_]*.py"))
    return {name: import_module(f"embedshift.models.entries.{name}").ENTRY for name in names}


ENTRIES: dict[str, Entry] = _find_entries()
OFFICIAL_FILES = ("errors.py", "models/base.py", "models/load.py", "models/official_weights.py")


def check_model(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of model `name` with every default filled in: adapter, options, precision, frames.

    `weights_file` (a user's own checkpoint in the official layout), `backend: official` and `compatibility` stay only
    where given.

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
    resolved = {"adapter": settings["adapter"], "options": options, "precision": precision, "frames": frames}
    resolved |= _check_weights_file(path, settings, entry) | _check_backend(path, settings, entry, precision)
    _check_requirements(path, resolved, entry)
    quirks = model_quirks(settings.get("compatibility") or [], settings["adapter"], f"{path}.compatibility")
    return resolved | ({"compatibility": quirks} if quirks else {})


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
    """Return the name in the catalogue of weights that resolved `settings` need (`crepe_tiny`), None for none."""
    return entry_of(settings["adapter"]).weights.format_map(settings["options"]) or None


def tokenizer_name(settings: dict[str, Any]) -> str | None:
    """Return the name of the tokenizer that the model's text tower needs, None where it has no text tower."""
    entry = entry_of(settings["adapter"])
    return entry.tokenizers[_value_of(entry.tokenizer_option, settings)] if entry.tokenizers else None


def dim_of(settings: dict[str, Any]) -> int | None:
    """Return the dimension of a clip's embedding under resolved `settings`; None where only the loaded model knows."""
    entry = entry_of(settings["adapter"])
    return entry.dim[_value_of(entry.dim_option, settings)] if entry.dim else None


def rate_of(settings: dict[str, Any]) -> int | None:
    """Return the sample rate in Hz that a model takes under resolved `settings`; None where only the model knows."""
    entry = entry_of(settings["adapter"])
    return entry.sample_rate_hz[settings["options"][entry.rate_option]] if entry.rate_option else entry.sample_rate_hz


def runs_on_gpu(settings: dict[str, Any]) -> bool:
    """Return whether a model under resolved `settings` makes use of a GPU; the official packages run on the CPU."""
    return entry_of(settings["adapter"]).runs_on_gpu and settings.get("backend") != "official"


def module_files(adapter: str, backend: str = "embedshift") -> list[str]:
    """Return the files, relative to the package, whose code decides the numbers of `adapter`."""
    if backend == "official":
        family = adapter.partition(":")[0]
        return sorted([*OFFICIAL_FILES, f"models/official_{family}.py"])
    return sorted(ENTRIES[adapter.partition(":")[0]].files)


def _value_of(option: str | tuple[str, ...], settings: dict[str, Any]) -> Any:
    if isinstance(option, tuple):
        return " ".join(settings["options"][name] for name in option)
    return settings["options"][option] if option else None


def _check_weights_file(path: str, settings: dict[str, Any], entry: Entry) -> dict[str, str]:
    file = settings.get("weights_file")
    if file is None:
        return {}
    if not isinstance(file, str) or not file:
        raise UserError(f"{path}.weights_file: found {file!r}; write the path of a checkpoint in the official layout.")
    if not entry.weights:
        raise UserError(f"{path}.weights_file: the adapter {settings['adapter']} takes no checkpoint here. Leave the "
                        "key out; plug-ins name their weights in the adapter or in its options.")  # fmt: skip
    return {"weights_file": file}


def _check_backend(path: str, settings: dict[str, Any], entry: Entry, precision: str) -> dict[str, str]:
    backend = settings.get("backend", entry.backends[0])
    _require_choice(f"{path}.backend", backend, entry.backends)
    if backend == entry.backends[0]:
        return {}
    if precision != "float32":
        raise UserError(f"{path}.precision: found {precision!r}; the official package computes in float32.")
    return {"backend": backend}


def _check_requirements(path: str, resolved: dict[str, Any], entry: Entry) -> None:
    """Refuse what is allowed one by one but does not work together, before any job starts."""
    options = resolved["options"]
    chosen = {"backend": resolved.get("backend"), **options}
    for needed in entry.requirements:
        met = all(chosen[name] == value for name, value in needed.when.items())
        if met and options[needed.option] != needed.value:
            when = ", ".join(f"{name}: {_yaml_text(value)}" for name, value in needed.when.items())
            raise UserError(f"{path}.options.{needed.option}: found {options[needed.option]!r} with {when}; allowed "
                            f"then: {_yaml_text(needed.value)} ({needed.why}).")  # fmt: skip


def _check_options(path: str, options: Any, entry: Entry) -> dict[str, Any]:
    if not isinstance(options, dict):
        raise UserError(f"{path}: found {options!r}; allowed: a table with {', '.join(entry.options) or 'no keys'}.")
    if entry.free_options:
        if "specification" in options:
            raise UserError(f"{path}.specification: this name is taken: it stands for what follows the colon of the "
                            "adapter. Give the option of your class another name.")  # fmt: skip
        return dict(options)
    _refuse_unknown_keys(path, options, tuple(entry.options))
    resolved: dict[str, Any] = {}
    for key, option in entry.options.items():
        resolved[key] = _check_option(f"{path}.{key}", key, option, options, resolved)
    return resolved


def _check_option(path: str, key: str, option: Option, given: dict[str, Any], resolved: dict[str, Any]) -> Any:
    choices = option.choices_by[resolved[option.depends_on]] if option.depends_on else option.choices
    value = given.get(key, choices[0] if option.depends_on else option.default)
    if value is None and option.default is None and not option.depends_on:
        return None
    if option.free_text:
        return _require_text(path, value)
    if choices and (option.low is None or value in choices):
        return _require_choice(path, value, choices)
    return _require_number(path, value, option)


def _refuse_unknown_keys(path: str, given: dict[str, Any], allowed: tuple[str, ...]) -> None:
    for key in given:
        if key not in allowed:
            raise UserError(f"{path}.{key}: unknown key.{did_you_mean(key, allowed)} "
                            f"Allowed: {', '.join(allowed) or 'none (this adapter takes no options)'}.")  # fmt: skip


def _require_choice(path: str, value: Any, choices: tuple[Any, ...]) -> Any:
    matching = [choice for choice in choices if choice == value and isinstance(choice, bool) == isinstance(value, bool)]
    if not matching:
        allowed = ", ".join(_yaml_text(choice) for choice in choices)
        raise UserError(f"{path}: found {value!r}.{did_you_mean(value, choices)} Allowed: {allowed}.")
    return matching[0]


def _require_number(path: str, value: Any, option: Option) -> float:
    whole = not option.whole or isinstance(value, int)
    if not _is_number(value) or not whole or not option.low <= value <= option.high:
        words = "".join(f"{_yaml_text(choice)} or " for choice in option.choices)
        kind = "a whole number" if option.whole else "a number"
        raise UserError(f"{path}: found {value!r}; allowed: {words}{kind} from {option.low} to {option.high} "
                        f"{option.unit}".rstrip() + ".")  # fmt: skip
    return int(value) if option.whole else float(value)


def _require_text(path: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UserError(f"{path}: found {value!r}; allowed: a text.")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _yaml_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _adapter_names() -> str:
    return ", ".join(f"{name}:<specification>" if ENTRIES[name].takes_specification else name for name in ENTRIES)
