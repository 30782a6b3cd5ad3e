"""What an effect of the config means: every processor and parameter checked by name, type and range.

Standard library only: the Snakefile imports this module, so that mistakes are answered before any job starts. What it
knows of pedalboard and of the scipy filters stands in `effects_catalog.json`, which `write_effects_catalog.py` writes.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from embedshift.compatibility import effect_quirks
from embedshift.errors import UserError
from embedshift.nearest_name import did_you_mean
from embedshift.strengths import expand, text_of

SWEEP = "sweep"
EFFECT_KEYS = ("chain", "strengths", "neutral", "renormalise", "tail_s", "unit", "compatibility")
LONGEST_TAIL_S = 60.0
UNREPEATABLE = "external VST3 and AudioUnit plugins are not supported, since nothing says that they repeat themselves"
OUT_OF_SCOPE = {
    "VST3Plugin": UNREPEATABLE,
    "AudioUnitPlugin": UNREPEATABLE,
    "ExternalPlugin": UNREPEATABLE,
    "Chain": "write its members as further items of the chain",
    "Pedalboard": "write its members as further items of the chain",
    "Mix": "parallel processors are not supported; a chain is serial",
    "IIRFilter": "it is the base of LowShelfFilter, HighShelfFilter and PeakFilter; name one of these",
}


@cache
def processors() -> dict[str, dict]:
    """Return the catalog: processor -> family, summary and parameters (type, default, range, unit, meaning)."""
    text = (Path(__file__).parent / "effects_catalog.json").read_text(encoding="utf-8")
    return json.loads(text)["processors"]


def check_effect(name: str, effect: Mapping[str, Any], sample_rate_hz: float | None = None) -> dict[str, Any]:
    """Return the effect with everything written out, or say what is wrong with it.

    The result has `chain` (each item with all parameters of its processor, so that a default that changes in a new
    version of the library is seen), `strengths` (numbers, in the order written; [1.0] where nothing is swept),
    `neutral`, `renormalise`, `tail_s` and `unit`, and `compatibility` where there is some. Where `sample_rate_hz` is
    given, frequencies are held against its half and processors against the rates that they accept.

    Raises
    ------
    UserError
        With the path of the key, what was found, what is allowed and the nearest right names.
    """
    path = f"effects.{name}"
    _check_mapping(effect, EFFECT_KEYS, path)
    chain = _check_chain(effect.get("chain"), f"{path}.chain", sample_rate_hz)
    swept = swept_parameter(chain)
    strengths = _check_strengths(effect.get("strengths"), swept, f"{path}.strengths")
    neutral = effect.get("neutral")
    for key, values in (("strengths", strengths), ("neutral", [] if neutral is None else [neutral])):
        _check_swept_values(values, chain, swept, f"{path}.{key}", sample_rate_hz)
    return {
        "chain": chain,
        "strengths": strengths,
        "neutral": None if neutral is None else float(neutral),
        "renormalise": _check_renormalise(effect.get("renormalise"), chain, f"{path}.renormalise"),
        "tail_s": _check_tail(effect.get("tail_s"), f"{path}.tail_s"),
        "unit": _check_unit(effect.get("unit"), chain, swept, f"{path}.unit"),
    } | _check_compatibility(effect, path)


def condition_settings(effect: Mapping[str, Any], strength: float, target_lufs: float | None) -> dict[str, Any]:
    """Return what decides the sound of one condition of a checked effect: the settings of one rendering job.

    The effect's other strengths, its unit and its neutral value are left out: they change no sample.
    """
    return {
        "effect": {"chain": effect["chain"]},
        "strength": strength,
        "strength_text": text_of(strength),
        "renormalise": effect["renormalise"],
        "tail_s": effect["tail_s"],
        "target_lufs": target_lufs if effect["renormalise"] else None,
    } | ({"compatibility": effect["compatibility"]} if effect.get("compatibility") else {})


def swept_parameter(chain: Iterable[Mapping[str, Any]]) -> tuple[int, str] | None:
    """Return (position in the chain, parameter) of the one swept parameter, or None where nothing is swept."""
    found = [(position, key) for position, item in enumerate(chain) for key in item if item[key] == SWEEP]
    return found[0] if found else None


def _check_chain(chain: Any, path: str, sample_rate_hz: float | None) -> list[dict[str, Any]]:
    if not isinstance(chain, list) or not chain:
        raise UserError(
            f"{path}: found {chain!r}; allowed: a list of at least one processor, such as "
            "[{processor: Reverb, room_size: sweep}]."
        )
    checked = [_check_item(item, f"{path}[{position}]", sample_rate_hz) for position, item in enumerate(chain)]
    swept = [f"{path}[{position}].{key}" for position, item in enumerate(checked) for key in item if item[key] == SWEEP]
    if len(swept) > 1:
        raise UserError(f"{path}: {' and '.join(swept)} are swept; at most one parameter of an effect can be.")
    return checked


def _check_item(item: Any, path: str, sample_rate_hz: float | None) -> dict[str, Any]:
    """Return one processor with all its parameters."""
    if not isinstance(item, Mapping) or "processor" not in item:
        raise UserError(
            f"{path}: found {item!r}; allowed: a mapping with the key processor, such as {{processor: Reverb}}."
        )
    name = _check_processor(item["processor"], f"{path}.processor")
    described = processors()[name]
    parameters = described["parameters"]
    _check_sample_rate(name, described, sample_rate_hz, path)
    _check_mapping(item, ("processor", *parameters), path)
    checked = {"processor": name}
    for key, parameter in parameters.items():
        value = item[key] if item.get(key) is not None else parameter["default"]
        checked[key] = _check_value(value, parameter, f"{path}.{key}", sample_rate_hz)
    _check_band(checked, path)
    if name == "Convolution":
        checked["impulse_response_sha256"] = _digest_of_file(checked["impulse_response_filename"])
    return checked


def _check_processor(name: Any, path: str) -> str:
    if not isinstance(name, str):
        raise UserError(f"{path}: found {name!r}; allowed: the name of one processor, such as Reverb.")
    if name in OUT_OF_SCOPE:
        raise UserError(f"{path}: {name} cannot be used here: {OUT_OF_SCOPE[name]}.")
    if name not in processors():
        raise UserError(f"{path}: no processor is called {name!r}.{_nearest(name, processors())}")
    return name


def _check_sample_rate(name: str, described: Mapping[str, Any], sample_rate_hz: float | None, path: str) -> None:
    rates = described.get("sample_rates_hz")
    if rates and sample_rate_hz is not None and sample_rate_hz not in rates:
        raise UserError(
            f"{path}: {name} does not work at the data set's sample rate of {sample_rate_hz:g} Hz; it takes "
            f"{', '.join(map(str, rates))} Hz. Change preparation.sample_rate_hz or leave this effect out."
        )


def _check_mapping(found: Any, allowed: Iterable[str], path: str) -> None:
    if not isinstance(found, Mapping):
        raise UserError(f"{path}: found {found!r}; allowed: a mapping with the keys {', '.join(allowed)}.")
    for key in found:
        if key not in allowed:
            raise UserError(f"{path}.{key}: there is no such key.{_nearest(key, allowed)}")


def _nearest(name: Any, allowed: Iterable[str]) -> str:
    """Return a hint at the names that `name` may have meant, else all of them."""
    return did_you_mean(name, allowed, 3) or f" Allowed: {', '.join(sorted(allowed, key=str.lower))}."


def _check_value(value: Any, parameter: Mapping[str, Any], path: str, sample_rate_hz: float | None) -> Any:
    """Return the value of a parameter in one form (numbers as float), or say what the parameter takes."""
    kind = parameter["type"]
    if value is None:
        if parameter.get("optional"):
            return None
        raise UserError(f"{path} is missing. {_allowed(parameter)}")
    if value == SWEEP and kind in ("number", "integer"):
        return SWEEP
    if kind == "file":
        return _check_file(value, parameter, path)
    right = {"choice": lambda: value in parameter["choices"], "boolean": lambda: isinstance(value, bool)}
    if kind in right:
        if not right[kind]():
            raise UserError(f"{path}: found {value!r}. {_allowed(parameter)}")
        return value
    return _check_number(value, parameter, path, sample_rate_hz)


def _check_number(value: Any, parameter: Mapping[str, Any], path: str, sample_rate_hz: float | None) -> float | int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    whole = is_number and float(value).is_integer()
    if not is_number or not parameter["minimum"] <= value <= parameter["maximum"]:
        hint = " A number such as 1e3 is a text in YAML: write 1000.0." if _is_yaml_trap(value) else ""
        raise UserError(f"{path}: found {value!r}. {_allowed(parameter)}{hint}")
    if parameter["type"] == "integer" and not whole:
        raise UserError(f"{path}: found {value!r}. {_allowed(parameter)}")
    factor = parameter.get("nyquist_factor")
    if factor and sample_rate_hz is not None and value * factor >= sample_rate_hz / 2:
        raise UserError(
            f"{path}: found {value:g} Hz; allowed at the data set's sample rate of {sample_rate_hz:g} Hz: below "
            f"{sample_rate_hz / 2 / factor:g} Hz."
        )
    return int(value) if parameter["type"] == "integer" else float(value)


def _is_yaml_trap(value: Any) -> bool:
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _allowed(parameter: Mapping[str, Any]) -> str:
    """Return a sentence on what a parameter takes: type, range, default, meaning."""
    kind = parameter["type"]
    if kind == "choice":
        takes = f"one of {', '.join(parameter['choices'])}"
    elif kind in ("number", "integer"):
        unit = f" {parameter['unit']}" if parameter["unit"] else ""
        word = "number" if kind == "number" else "whole number"
        takes = f"a {word} from {parameter['minimum']:g} to {parameter['maximum']:g}{unit}, or {SWEEP}"
    else:
        takes = {"boolean": "true or false", "file": "the path of a sound file"}[kind]
    default = parameter["default"]
    without = (
        "it must be given" if default is None else f"default {default:g}" if kind == "number" else f"default {default}"
    )
    return f"Allowed: {takes} ({parameter['meaning']}; {without})."


def _check_file(value: Any, parameter: Mapping[str, Any], path: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"{path}: found {value!r}. {_allowed(parameter)}")
    if not Path(value).is_file():
        raise UserError(f"{path}: there is no file {value} (looked for from {Path.cwd()}). {_allowed(parameter)}")
    return value


def _digest_of_file(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_band(item: Mapping[str, Any], path: str) -> None:
    """Check that a filter given by its kind has the corner frequencies of that kind, and no others."""
    if "kind" not in item:
        return
    edges, others = ("low_hz", "high_hz"), ("cutoff_hz",)
    needed, refused = (edges, others) if item["kind"].startswith("band") else (others, edges)
    for key in needed:
        if item[key] is None:
            raise UserError(
                f"{path}.{key} is missing: a {item['kind']} {item['processor']} needs {' and '.join(needed)}."
            )
    for key in refused:
        if item[key] is not None:
            raise UserError(f"{path}.{key}: a {item['kind']} {item['processor']} takes {' and '.join(needed)} instead.")
    low, high = item["low_hz"], item["high_hz"]
    if SWEEP not in (low, high) and low is not None and not low < high:
        raise UserError(f"{path}: low_hz is {low:g} and high_hz is {high:g}; low_hz must be the smaller.")


def _check_strengths(strengths: Any, swept: tuple[int, str] | None, path: str) -> list[float]:
    if swept is None:
        if strengths not in (None, [1], [1.0]):
            raise UserError(
                f"{path}: found {strengths!r}, but no parameter of the chain is swept. Give one the value {SWEEP}, "
                "or leave strengths out."
            )
        return [1.0]
    if strengths is None:
        raise UserError(
            f"{path} is missing, but {swept[1]} is swept. Allowed: a list of numbers, or start and stop with number or "
            "step."
        )
    return expand(strengths, path)


def _check_swept_values(
    values: list[Any], chain: list[dict], swept: tuple[int, str] | None, path: str, sample_rate_hz: float | None
) -> None:
    """Check every strength, and the neutral value, as a value of the swept parameter."""
    if swept is None:
        if path.endswith(".neutral") and values:
            raise UserError(f"{path}: found {values[0]!r}, but no parameter of the chain is swept; leave neutral out.")
        return
    position, key = swept
    item = chain[position]
    parameter = processors()[item["processor"]]["parameters"][key]
    for value in values:
        where = f"{path} (of {item['processor']}'s {key})"
        _check_band({**item, key: _check_number(value, parameter, where, sample_rate_hz)}, where)


def _check_renormalise(renormalise: Any, chain: list[dict], path: str) -> bool:
    """Return whether loudness is matched after the effect; by default it is, but for chains that only scale."""
    only_scales = all(item["processor"] in ("Gain", "Invert") for item in chain)
    if renormalise is None:
        return not only_scales
    if not isinstance(renormalise, bool):
        raise UserError(f"{path}: found {renormalise!r}; allowed: true or false.")
    if renormalise and any(item["processor"] == "Gain" for item in chain) and only_scales:
        raise UserError(f"{path}: found true, which would undo this gain; allowed for a chain of Gain alone: false.")
    return renormalise


def _check_tail(tail_s: Any, path: str) -> float:
    value = 0.0 if tail_s is None else tail_s
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_TAIL_S:
        raise UserError(f"{path}: found {tail_s!r}; allowed: a number of seconds from 0 to {LONGEST_TAIL_S:g}.")
    return float(value)


def _check_compatibility(effect: Mapping[str, Any], path: str) -> dict[str, list[str]]:
    """Return the key only where something is asked for, so that it changes no settings elsewhere."""
    quirks = effect_quirks(effect.get("compatibility") or [], f"{path}.compatibility")
    if "state_leak" in quirks and effect.get("tail_s"):
        raise UserError(f"{path}.tail_s: a tail cannot be kept where it runs into the next clip (state_leak).")
    return {"compatibility": quirks} if quirks else {}


def _check_unit(unit: Any, chain: list[dict], swept: tuple[int, str] | None, path: str) -> str:
    if unit is None:
        return "" if swept is None else processors()[chain[swept[0]]["processor"]]["parameters"][swept[1]]["unit"]
    if not isinstance(unit, str):
        raise UserError(f"{path}: found {unit!r}; allowed: a text for the axes of figures, such as Hz.")
    return unit
