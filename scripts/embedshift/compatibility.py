"""What a published study did to the sound beside what it set out to do, by name: to be repeated on purpose.

A quirk is asked for where it belongs, `effects.<name>.compatibility` or `models.<name>.compatibility`, as a list or as
the name of a study, or for everything with the key `compatibility` of the config. Where none is asked for, no setting
of any job changes. Standard library only: the Snakefile imports this module.
"""

from collections.abc import Mapping
from typing import Any

from embedshift.errors import UserError
from embedshift.nearest_name import did_you_mean

EFFECT_QUIRKS = {
    "state_leak": "one instance of each plugin for all clips, in the order of their files, fed second by second and "
    "never reset: what rings on at the end of a clip sounds in the next one",
    "int16_files": "the effected sound goes through a 16-bit file: hard clipping, and steps of 1/32768 rounded down",
}
MODEL_QUIRKS = {
    "channels_in_a_row": "the channels one after the other, left then right, instead of their mean",
    "kaiser_best": "resampling with kaiser_best of resampy 0.2 instead of soxr",
}
STUDIES = {
    "deng2025": {
        "effects": ("state_leak", "int16_files"),
        "models": {"openl3": ("kaiser_best",), "msclap": ("channels_in_a_row",)},
    }
}
"""Which quirks a study had: of its effects, and of its models by adapter."""


def effect_quirks(asked: Any, path: str) -> list[str]:
    """Return the quirks of an effect: those of a list, or all of a study.

    Raises
    ------
    UserError
        If there is no such quirk or study.
    """
    if isinstance(asked, str):
        return list(_study(asked, path)["effects"])
    return _quirks(asked, EFFECT_QUIRKS, path)


def model_quirks(asked: Any, adapter: str, path: str) -> list[str]:
    """Return the quirks of a model: those of a list, or those that a study had with this adapter."""
    if isinstance(asked, str):
        return list(_study(asked, path)["models"].get(adapter.partition(":")[0], ()))
    return _quirks(asked, MODEL_QUIRKS, path)


def spread_compatibility(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with its key `compatibility` handed on to every effect and model that has none of its own.

    Raises
    ------
    UserError
        If there is no such quirk or study.
    """
    spread = {key: value for key, value in config.items() if key != "compatibility"}
    asked = config.get("compatibility")
    if asked is None:
        return spread
    known = {**EFFECT_QUIRKS, **MODEL_QUIRKS}
    named = asked if isinstance(asked, str) else _quirks(asked, known, "compatibility")
    for kind, quirks in (("effects", EFFECT_QUIRKS), ("models", MODEL_QUIRKS)):
        given = named if isinstance(named, str) else [quirk for quirk in named if quirk in quirks]
        spread[kind] = {name: {"compatibility": given, **settings} for name, settings in config[kind].items()}
    return spread


def _study(name: str, path: str) -> Mapping[str, Any]:
    if name not in STUDIES:
        raise UserError(
            f"{path}: found {name!r}.{did_you_mean(name, STUDIES)} Allowed: {', '.join(STUDIES)}, or a list of quirks."
        )
    return STUDIES[name]


def _quirks(asked: Any, known: Mapping[str, str], path: str) -> list[str]:
    for quirk in asked:
        if quirk not in known:
            told = "; ".join(f"{name} ({meaning})" for name, meaning in known.items())
            raise UserError(f"{path}: found {quirk!r}.{did_you_mean(quirk, known)} Allowed: {told}.")
    return [quirk for quirk in known if quirk in asked]
