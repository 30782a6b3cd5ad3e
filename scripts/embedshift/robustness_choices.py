"""The config's section `robustness`, checked: which erasers, in which order, under which effects.

Imported by the Snakefile: needs only what Snakemake itself needs.
"""

from collections.abc import Mapping
from typing import Any

from embedshift.erasers.catalog import check_erasers
from embedshift.errors import UserError
from embedshift.nearest_name import did_you_mean
from embedshift.needs import FEWEST_STRENGTHS

ALL = "all"


def check_robustness(chosen: Mapping[str, Any], effects: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section with every option of every eraser written out, and `effects` as a list.

    Added are `eraser_order` (canonical text sorts the keys of a mapping) and `augmentation`, the name of the item that
    augments the training set, or an empty text.

    Raises
    ------
    UserError
        Naming the key's path, what was found and what is allowed.
    """
    erasers = check_erasers("robustness.erasers", chosen["erasers"])
    swept = [name for name, effect in effects.items() if len(effect["strengths"]) >= FEWEST_STRENGTHS]
    wanted = swept if chosen["effects"] == ALL else chosen["effects"]
    for name in wanted:
        if name not in effects:
            raise UserError(f"robustness.effects: there is no effect {name!r}.{did_you_mean(name, effects)} "
                            f"Allowed: {', '.join(swept)}.")  # fmt: skip
        if name not in swept:
            raise UserError(f"robustness.effects: {name} has one strength only; robustness needs at least "
                            f"{FEWEST_STRENGTHS}. Give it more, or leave it out.")  # fmt: skip
    if not wanted:
        raise UserError(f"robustness.effects: no effect has {FEWEST_STRENGTHS} strengths, which robustness needs. "
                        "Give one more strengths, or leave the key robustness out.")  # fmt: skip
    in_order = [name for name in effects if name in wanted]
    augmenting = [name for name, settings in erasers.items() if settings["eraser"] == "augmentation"]
    if len(augmenting) > 1:
        raise UserError(f"robustness.erasers: {' and '.join(augmenting)} both augment; allowed: one.")
    named = {"eraser_order": list(erasers), "augmentation": "".join(augmenting)}
    return {**chosen, "erasers": erasers, **named, "effects": in_order}
