"""Which erasers exist, which options they take, and what they are: for the config's checks, tables and captions.

Imported by the Snakefile: standard library only.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from embedshift.errors import UserError
from embedshift.models.entry import Option
from embedshift.nearest_name import did_you_mean

DENG = (
    "Deng, Wang, Richard and McFee, Investigating the Sensitivity of Pre-trained Audio Embeddings to Common Effects, "
    "ICASSP 2025"
)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class EraserEntry:
    """What is known of an eraser without fitting it.

    Attributes
    ----------
    description : what it removes, in one sentence
    kind : none, linear, learned, or augmentation (no map: it changes the classifier's training set)
    published_as : its name in the published study, empty for the others
    citation : the method's source
    baseline : whether it is there to be compared with only
    """

    description: str
    kind: Literal["none", "linear", "learned", "augmentation"]
    citation: str = ""
    published_as: str = ""
    baseline: bool = False
    options: Mapping[str, Option] = field(default_factory=dict)


def _count(description: str, default: int, low: int, high: int) -> Option:
    return Option(description, default=default, low=low, high=high, whole=True)


ERASERS: dict[str, EraserEntry] = {
    "none": EraserEntry("nothing is removed: what every eraser is compared with", "none", DENG, "none", True),
    "lda": EraserEntry(
        "the discriminant direction between clean and effected embeddings", "linear", DENG, published_as="lda"
    ),
    "average_displacement": EraserEntry(
        "the direction of the mean displacement", "linear", DENG, published_as="avgdirproj"
    ),
    "displacement_pca": EraserEntry(
        "the first principal component of the displacements, about their mean", "linear", DENG, "pcaproj_nonnorm"
    ),
    "normalised_displacement_pca": EraserEntry(
        "the component of the displacements whose variance is largest beside the clean variance of the same rank",
        "linear",
        DENG,
        published_as="pcaproj_norm",
    ),
    "cca_global": EraserEntry("the canonical direction of the strength over all clips", "linear", DENG, "cca"),
    "cca_sample_wise": EraserEntry(
        "the leading singular vectors of every clip's own canonical direction",
        "linear",
        DENG,
        published_as="cca_samplewise_svd",
        options={
            "threshold": Option(
                "singular vectors are removed down to this share of the largest singular value; published: 0.3, also "
                "0.4 and 0.5",
                default=0.3,
                low=0.01,
                high=1.0,
            )
        },
    ),
    "uncentred_displacement_pca": EraserEntry(
        "the leading axes of the displacements about zero, so that the common shift takes part",
        "linear",
        options={"components": _count("number of axes", 3, 1, 4096)},
    ),
    "generalised_pca": EraserEntry(
        "the directions in which displacements are largest beside the clean variance in the same direction",
        "linear",
        "Generalised eigenvalue problem; Ledoit and Wolf, J. Multivariate Analysis 88, 2004 (covariance)",
        options={"components": _count("number of directions", 3, 1, 4096)},
    ),
    "inlp": EraserEntry(
        "one regression direction of the strength after another, until held-out groups show no more of it",
        "linear",
        "Ravfogel, Elazar, Gonen, Twiton and Goldberg, Null It Out, ACL 2020",
        options={
            "rounds": _count("at most so many directions", 30, 1, 1000),
            "stop_at_r2": Option(
                "stop when regressions explain no more than this share of the strength's variance on held-out groups",
                default=0.01,
                low=-1.0,
                high=1.0,
            ),
            "ridge": Option(
                "penalty of the regressions, in units of the mean variance over dimensions; held_out: the best of six "
                "on left-out groups",
                default="held_out",
                choices=("held_out",),
                low=1e-9,
                high=1e3,
            ),
            "folds": _count("folds of groups for the stopping rule", 3, 2, 20),
        },
    ),
    "leace": EraserEntry(
        "all linear trace of the strength, at the least change of embeddings",
        "linear",
        "Belrose, Schneider-Joseph, Ravfogel, Cotterell, Raff and Biderman, LEACE, NeurIPS 2023",
        options={
            "concept": Option(
                "strength: its position, one dimension; levels: every strength and clean by themselves, whose means "
                "become equal, up to as many dimensions as strengths",
                default="strength",
                choices=("strength", "levels"),
            ),
            "shrinkage": Option(
                "of the covariance that decides which change is least; the erasure is exact with either",
                default="ledoit_wolf",
                choices=("ledoit_wolf", "none"),
            ),
        },
    ),
    "learned": EraserEntry(
        "a small network takes every condition back to the clip's clean embedding and makes levels indistinguishable",
        "learned",
        "Kernel two-sample discrepancy: Gretton, Borgwardt, Rasch, Schoelkopf and Smola, JMLR 13, 2012",
        options={
            "components": _count("principal coordinates that the network may change", 64, 2, 1024),
            "hidden": _count("units of each of the two hidden layers", 128, 8, 2048),
            "steps": _count("training steps", 600, 10, 100_000),
            "independence": Option(
                "weight of the discrepancy between levels against the distance to the clean embedding",
                default=5.0,
                low=0.0,
                high=1000.0,
            ),
        },
    ),
    "random_subspace": EraserEntry(
        "a random subspace: what removing any so many dimensions does",
        "linear",
        baseline=True,
        options={
            "components": _count("number of directions, where same_rank_as is empty", 1, 1, 4096),
            "same_rank_as": Option(
                "name of an eraser earlier in the list whose number of dimensions is taken", default="", free_text=True
            ),
        },
    ),
    "augmentation": EraserEntry(
        "nothing is removed: the classifier's training set holds effected copies of every clip as well",
        "augmentation",
        baseline=True,
        options={"copies": _count("effected copies of each clip, at different strengths drawn for it", 1, 1, 1000)},
    ),
}
PUBLISHED = tuple(name for name, entry in ERASERS.items() if entry.published_as)


def check_erasers(path: str, items: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Return `{name: {"eraser": method, "options": {...}}}`, every default filled in, in the order written.

    An item is the name of an eraser, or a table with the key `eraser`, its options, and `name`, needed where
    one eraser occurs twice: `{eraser: cca_sample_wise, threshold: 0.5, name: cca_sample_wise_5}`.

    Raises
    ------
    UserError
        Naming the key's path, what was found and what is allowed.
    """
    checked: dict[str, dict[str, Any]] = {}
    for position, item in enumerate(items):
        at = f"{path}[{position}]"
        name, resolved = _check_item(at, item)
        if name in checked:
            raise UserError(f"{at}: the name {name!r} is taken by an earlier item. Give one of them another `name`.")
        if (other := resolved["options"].get("same_rank_as")) and other not in checked:
            raise UserError(f"{at}.same_rank_as: found {other!r}.{did_you_mean(other, checked)} Allowed: an earlier "
                            f"eraser of the list: {', '.join(checked) or 'there is none'}.")  # fmt: skip
        checked[name] = resolved
    return checked


def _check_item(path: str, item: Any) -> tuple[str, dict[str, Any]]:
    table = {"eraser": item} if isinstance(item, str) else item
    if not isinstance(table, dict) or not isinstance(table.get("eraser"), str):
        raise UserError(f"{path}: found {item!r}; allowed: the name of an eraser, or a table with the key `eraser`.")
    method = table["eraser"]
    if method not in ERASERS:
        raise UserError(f"{path}: there is no eraser {method!r}.{did_you_mean(method, ERASERS)} "
                        f"Allowed: {', '.join(ERASERS)}.")  # fmt: skip
    name = table.get("name", method)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(f"{path}.name: found {name!r}; allowed: letters, digits, _ and -, beginning with a letter or "
                        "digit.")  # fmt: skip
    given = {key: value for key, value in table.items() if key not in ("eraser", "name")}
    return name, {"eraser": method, "options": check_options(path, method, given)}


def check_options(path: str, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of eraser `method` with every default filled in; raises as `check_erasers` does."""
    options = ERASERS[method].options
    for key in given:
        if key not in options:
            raise UserError(f"{path}.{key}: unknown key.{did_you_mean(key, options)} Allowed for {method}: "
                            f"{', '.join(options) or 'no options'}.")  # fmt: skip
    return {key: _check_value(f"{path}.{key}", given.get(key, option.default), option)
            for key, option in options.items()}  # fmt: skip


def _check_value(path: str, value: Any, option: Option) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, str) and (option.free_text or value in option.choices):
        return value
    if option.low is None:
        raise UserError(f"{path}: found {value!r}. Allowed: {', '.join(option.choices) or 'a text'}.")
    if not number or not option.low <= value <= option.high or (option.whole and not isinstance(value, int)):
        words = "".join(f"{choice} or " for choice in option.choices) + (
            "a whole number" if option.whole else "a number"
        )
        raise UserError(f"{path}: found {value!r}; allowed: {words} from {option.low} to {option.high}.")
    return value if option.whole else float(value)
