"""From the YAML that a user wrote to a complete config, every mistake answered before any job starts.

Imported by the Snakefile: needs only what Snakemake itself needs.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from embedshift.audio_rows import is_to_be_fetched
from embedshift.compatibility import spread_compatibility
from embedshift.effect_catalog import check_effect
from embedshift.errors import UserError
from embedshift.models.catalog import check_model
from embedshift.nearest_name import did_you_mean
from embedshift.robustness_choices import check_robustness
from embedshift.schema import mistakes, with_defaults

Config = dict[str, Any]
NAMED = ("datasets", "effects", "models")
MADE_FOLDERS = ("results_folder", "shared_embeddings", "effected_folder")
WHOLE = "A config with the key study must be whole; leave study out to override single keys of config.yaml."


def complete_config(config: Mapping[str, Any], repository: Path, working_folder: Path) -> Config:
    """Return the config with presets, defaults and every parameter of every effect and model written out.

    Parameters
    ----------
    config : what Snakemake merged from config files and the command line
    repository : folder with `config.schema.yaml` and `studies/presets.yaml`
    working_folder : what relative folders of sounds are relative to

    Raises
    ------
    UserError
        Listing every mistake with its key's path, what was found and what is allowed.
    """
    schema = _read_yaml(repository / "config.schema.yaml")
    config = without_removed(config)
    _stop_at(mistakes(config, schema), WHOLE if "study" in config and not config.keys() >= {*NAMED} else "")
    _stop_at(_name_mistakes(config))
    presets = _read_yaml(repository / "studies" / "presets.yaml")
    complete = with_defaults(_with_presets(spread_compatibility(config), presets), schema)
    _stop_at(mistakes(complete, schema))
    complete["datasets"], of_datasets = _checked(complete["datasets"], _dataset_check(schema))
    _stop_at(of_datasets)
    complete["effects"], of_effects = _checked(complete["effects"], _effect_check(complete["datasets"]))
    complete["models"], of_models = _checked(complete["models"], check_model)
    _stop_at([*of_effects, *of_models])
    if "robustness" in complete:
        complete["robustness"] = check_robustness(complete["robustness"], complete["effects"])
    _stop_at(
        [
            *_loudness_mistakes(complete["effects"], complete["datasets"]),
            *_shard_mistakes(complete["effects"], complete["datasets"]),
        ]
    )
    places = {key: os.path.expanduser(complete[key]) for key in MADE_FOLDERS if complete[key] is not None}
    complete |= places
    told = [mistake for key, place in places.items() for mistake in _folder_mistakes(key, place, working_folder)]
    _stop_at([*_missing_folders(complete["datasets"], working_folder), *told])
    return complete


def without_removed(config: Mapping[str, Any]) -> Config:
    """Return the config without data sets, effects and models that are null: so a later config file removes them."""
    return {
        key: {name: settings for name, settings in value.items() if settings is not None}
        if key in NAMED and isinstance(value, Mapping)
        else value
        for key, value in config.items()
    }


def _read_yaml(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _stop_at(found: Iterable[str], advice: str = "") -> None:
    found = list(found)
    if found:
        told = "\n".join(f"  - {sentence}" for sentence in found)
        plural = "s" if len(found) > 1 else ""
        raise UserError(f"The config has {len(found)} mistake{plural}:\n{told}\n{advice}".rstrip())


def _with_presets(config: Mapping[str, Any], presets: Mapping[str, Any]) -> Config:
    """Replace each `preset: name` by its keys; keys written beside it win."""
    filled = dict(config)
    filled["effects"] = {
        name: _with_preset(effect, presets["effects"], f"effects.{name}") for name, effect in config["effects"].items()
    }
    filled["datasets"] = {
        name: {
            **dataset,
            "preparation": _with_preset(
                dataset.get("preparation", {}), presets["preparations"], f"datasets.{name}.preparation"
            ),
        }
        for name, dataset in config["datasets"].items()
    }
    return filled


def _with_preset(settings: Mapping[str, Any], presets: Mapping[str, Any], path: str) -> dict[str, Any]:
    name = settings.get("preset")
    if name is None:
        return dict(settings)
    if name not in presets:
        hint = did_you_mean(name, presets)
        _stop_at([f"{path}.preset: there is no preset {name!r}.{hint} Allowed: {', '.join(presets)}."])
    return {**presets[name], **{key: value for key, value in settings.items() if key != "preset"}}


def _checked(named: Mapping[str, Any], check: Callable[[str, Any], dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """Return what is right by name, and a sentence for each that is wrong."""
    checked: dict[str, Any] = {}
    told = []
    for name, settings in named.items():
        try:
            checked[name] = check(name, settings)
        except UserError as error:
            told.append(str(error))
    return checked, told


def _dataset_check(schema: Mapping[str, Any]) -> Callable[[str, Any], dict[str, Any]]:
    """Hold the options of each data set's reader against the schema of that reader, and fill in their defaults."""

    def check(name: str, dataset: Mapping[str, Any]) -> dict[str, Any]:
        dataset = {key: value for key, value in dataset.items() if (key, value) != ("shards", 1)}
        reader, options = dataset["reader"], dataset.get("reader_options")
        if dataset.get("download") not in (None, reader):
            raise UserError(f"datasets.{name}.download is {dataset['download']}: write reader: {dataset['download']}.")
        of_reader = schema["$defs"].get(f"{reader}_options")
        if of_reader is None:
            if options:
                raise UserError(f"datasets.{name}.reader_options: the reader {reader} takes none. Leave the key out.")
            return {key: value for key, value in dataset.items() if key != "reader_options"}
        told = [f"datasets.{name}.reader_options.{text}" for text in mistakes(options or {}, of_reader)]
        if told:
            raise UserError("\n  - ".join(told))
        return {**dataset, "reader_options": with_defaults(options or {}, of_reader, schema)}

    return check


def _effect_check(datasets: Mapping[str, Any]) -> Callable[[str, Any], dict[str, Any]]:
    """Hold each effect against the sample rate of every data set; some processors accept only certain rates."""
    rates_hz = sorted({dataset["preparation"]["sample_rate_hz"] for dataset in datasets.values()})
    return lambda name, effect: [check_effect(name, effect, rate_hz) for rate_hz in rates_hz][0]


def _missing_folders(datasets: Mapping[str, Any], working_folder: Path) -> list[str]:
    told = []
    for name, dataset in datasets.items():
        folder = working_folder / os.path.expanduser(dataset["folder"])
        if not folder.is_dir() and not is_to_be_fetched({**dataset, "folder": folder}):
            fetched = f", or have it fetched: download: {dataset['reader']}" if dataset["reader"] != "folder" else ""
            told.append(
                f"datasets.{name}.folder: {folder} is no folder. Write the folder that holds the sound files{fetched}."
            )
        elif dataset["table"] and not _is_file_in(dataset["table"], folder, working_folder):
            told.append(f"datasets.{name}.table: there is no file {dataset['table']} in {folder} or {working_folder}.")
    return told


def _is_file_in(name: str, *folders: Path) -> bool:
    return any((folder / os.path.expanduser(name)).is_file() for folder in folders)


def _folder_mistakes(key: str, written: str, working_folder: Path) -> Iterator[str]:
    """Look at a folder that is written to, or at the nearest one above it that is there."""
    folder = working_folder / written
    place = next(place for place in (folder, *folder.parents) if place.exists())
    if written.startswith("~"):
        yield f"{key}: {written} begins with ~, but no user of that name was found. Write the whole path."
    elif not place.is_dir():
        yield f"{key}: {place} is a file. Write a folder; it is made if it is not there."
    elif not os.access(place, os.W_OK | os.X_OK):
        yield f"{key}: you may not write to {place}. Write a folder that you may write to."


def _name_mistakes(config: Mapping[str, Any]) -> Iterator[str]:
    """Names become files, and some file systems take upper and lower case for the same."""
    for kind in NAMED:
        alike = defaultdict(list)
        for name in config[kind]:
            alike[name.lower()].append(name)
        for names in alike.values():
            if len(names) > 1:
                yield (
                    f"{kind}: the names {' and '.join(names)} differ only in upper and lower case, so that their files "
                    "would overwrite each other on some file systems. Rename all but one."
                )
    for name in config["effects"]:
        if name.lower() == "clean":
            yield f"effects.{name}: clean is what clips without an effect are called. Give the effect another name."


def _loudness_mistakes(effects: Mapping[str, Any], datasets: Mapping[str, Any]) -> Iterator[str]:
    """Find effects after which the loudness is matched, on data sets that have no loudness to match."""
    matched = [name for name, effect in effects.items() if effect["renormalise"]]
    for dataset, settings in datasets.items():
        if matched and settings["preparation"]["target_lufs"] is None:
            yield (
                f"datasets.{dataset}.preparation.target_lufs is null, but {' and '.join(_renormalise(matched))} "
                f"{'are' if len(matched) > 1 else 'is'} true: there is no loudness to come back to. Write "
                "renormalise: false for these effects, or give a target, such as -23."
            )


def _shard_mistakes(effects: Mapping[str, Any], datasets: Mapping[str, Any]) -> Iterator[str]:
    """Find effects that carry a plugin's state from clip to clip, on data sets that are not rendered in one go."""
    leaking = [name for name, effect in effects.items() if "state_leak" in effect.get("compatibility", ())]
    for dataset, settings in datasets.items():
        if leaking and settings.get("shards", 1) > 1:
            yield (
                f"datasets.{dataset}.shards is {settings['shards']}, but effects.{leaking[0]}.compatibility has "
                "state_leak, where each clip is rendered after the one before: leave shards out."
            )


def _renormalise(effects: Iterable[str]) -> list[str]:
    return [f"effects.{name}.renormalise" for name in effects]
