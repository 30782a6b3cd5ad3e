"""Twins: effects, or models, of a study that differ by nothing but the quirks of a published study.

Standard library only: the Snakefile imports this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WHAT_SOUNDS = {
    "effects": ("chain", "strengths", "renormalise", "tail_s"),
    "models": ("adapter", "options", "precision", "weights_file", "backend"),
}
"""The keys that decide numbers, but for `compatibility`."""


@dataclass(frozen=True)
class Twin:
    """An effect or a model with quirks, and its twin without them (or with fewer).

    kind: `effects` or `models`; quirks: those that `name` has and `other` has not.
    """

    kind: str
    name: str
    other: str
    quirks: tuple[str, ...]

    def places(self, place: tuple[str, str]) -> tuple[tuple[str, str], tuple[str, str]] | None:
        """Return (model, effect) with the quirks and the same without; None where the place is not the twin's."""
        at = 1 if self.kind == "effects" else 0
        if place[at] != self.name:
            return None
        without = (place[0], self.other) if at else (self.other, place[1])
        return place, without


def find_twins(config: Mapping[str, Any]) -> list[Twin]:
    """Return the twins of a complete config, effects first.

    Each is compared with the one of the same definition that has the fewest of its quirks, the first where several do.
    """
    return [twin for kind in WHAT_SOUNDS for twin in _twins_of_kind(kind, config[kind])]


def _twins_of_kind(kind: str, named: Mapping[str, Any]) -> list[Twin]:
    quirks = {name: tuple(settings.get("compatibility") or ()) for name, settings in named.items()}
    twins = []
    for name, own in quirks.items():
        simpler = [other for other in named if set(quirks[other]) < set(own) and _alike(kind, named, name, other)]
        if simpler:
            other = min(simpler, key=lambda other: len(quirks[other]))
            twins.append(Twin(kind, name, other, tuple(quirk for quirk in own if quirk not in quirks[other])))
    return twins


def _alike(kind: str, named: Mapping[str, Any], one: str, other: str) -> bool:
    return all(named[one].get(key) == named[other].get(key) for key in WHAT_SOUNDS[kind])
