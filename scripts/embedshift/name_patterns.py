"""Regular expressions that match declared names only, short enough to be looked through thousands of times.

Snakemake carries the pattern of a wildcard inside the path of every rule and reads that text again for each file of
each job. Were all conditions of a large study simply listed, a study of twice the conditions would be planned in four
times the time. Imported by the Snakefile: needs only the standard library.
"""

import re
from collections.abc import Iterable, Mapping

NOTHING = "(?!)"


def one_of(names: Iterable[str]) -> str:
    """Return a pattern that matches these names and no other; what several begin with stands in it once."""
    tree: dict = {}
    for name in names:
        place = tree
        for character in name:
            place = place.setdefault(character, {})
        place[""] = {}
    return _alternatives(tree) if tree else NOTHING


def one_condition_of(clean: str, strengths_of: Mapping[str, Iterable[str]]) -> str:
    """Return a pattern of `clean` and `effect/strength`; effects with the same strengths share one list of these."""
    effects_with: dict[tuple[str, ...], list[str]] = {}
    for effect, strengths in strengths_of.items():
        effects_with.setdefault(tuple(strengths), []).append(effect)
    swept = [f"(?:{one_of(effects)})/(?:{one_of(strengths)})" for strengths, effects in effects_with.items()]
    return "|".join([re.escape(clean), *swept])


def _alternatives(tree: dict) -> str:
    """Return what may follow at one place of the tree, the longer names first."""
    return "|".join(_branch(character, tree[character]) for character in sorted(tree, reverse=True))


def _branch(text: str, below: dict) -> str:
    """Return a character with what follows it; a stretch without a fork is written out."""
    while len(below) == 1 and "" not in below:
        character, below = next(iter(below.items()))
        text += character
    if not below or set(below) == {""}:
        return re.escape(text)
    return f"{re.escape(text)}(?:{_alternatives(below)})"
