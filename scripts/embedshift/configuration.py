"""From the YAML that a user wrote to a complete config, every mistake answered before any job starts.

Imported by the Snakefile: needs only what Snakemake itself needs.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from embedshift.effect_catalog import check_effect
from embedshift.errors import UserError
from embedshift.models.catalog import check_model
from embedshift.nearest_name import did_you_mean
from embedshift.schema import mistakes, with_defaults

Config = dict[str, Any]


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
    _stop_at(mistakes(config, schema))
    presets = _read_yaml(repository / "studies" / "presets.yaml")
    complete = with_defaults(_with_presets(config, presets), schema)
    _stop_at(mistakes(complete, schema))
    complete["effects"] = _checked(complete["effects"], _effect_check(complete["datasets"]))
    complete["models"] = _checked(complete["models"], check_model)
    _stop_at(_missing_folders(complete["datasets"], working_folder))
    return complete


def _read_yaml(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _stop_at(found: Iterable[str]) -> None:
    found = list(found)
    if found:
        told = "\n".join(f"  - {sentence}" for sentence in found)
        raise UserError(f"The config has {len(found)} mistake{'s' if len(found) > 1 else ''}:\n{told}")


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


def _checked(named: Mapping[str, Any], check: Callable[[str, Any], dict[str, Any]]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    told = []
    for name, settings in named.items():
        try:
            checked[name] = check(name, settings)
        except UserError as error:
            told.append(str(error))
    _stop_at(told)
    return checked


def _effect_check(datasets: Mapping[str, Any]) -> Callable[[str, Any], dict[str, Any]]:
    """Hold each effect against the sample rate of every data set; some processors accept only certain rates."""
    rates_hz = sorted({dataset["preparation"]["sample_rate_hz"] for dataset in datasets.values()})
    return lambda name, effect: [check_effect(name, effect, rate_hz) for rate_hz in rates_hz][0]


def _missing_folders(datasets: Mapping[str, Any], working_folder: Path) -> list[str]:
    told = []
    for name, dataset in datasets.items():
        folder = working_folder / Path(dataset["folder"]).expanduser()
        if not folder.is_dir():
            told.append(f"datasets.{name}.folder: {folder} is no folder. Write the folder that holds the sound files.")
        elif dataset["table"] and not any((place / dataset["table"]).is_file() for place in (folder, working_folder)):
            told.append(f"datasets.{name}.table: there is no file {dataset['table']} in {folder} or {working_folder}.")
    return told
