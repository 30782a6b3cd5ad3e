"""What a quirk of a published study does, as tables of the page: each twin beside its twin without the quirk."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedshift.common_motion_curves import shared_rank_text
from embedshift.number_text import MISSING, number_text, p_text, value_text
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.tables import read_table
from embedshift.twin_comparison import OVER_ALL
from embedshift.twin_measures import BETWEEN, DIFFERENCE, WITH, WITHOUT

PLACE = ("dataset", "model", "effect", "twin", "quirks")
WORDS = {
    ("displacement_norm", f"relative, {OVER_ALL}"): ("relative displacement, mean over strengths", 3),
    ("displacement_norm", "relative"): ("relative displacement", 3),
    ("cosine_alignment", OVER_ALL): ("cosine alignment, mean over strengths", 3),
    ("cosine_alignment", ""): ("cosine alignment", 3),
    ("squared_spearman", "global_direction"): ("ρ² along the global direction", 3),
    ("within_clip_spearman", "global_direction"): ("ρ within a clip, global direction", 3),
    ("participation_ratio", "between_groups"): ("participation ratio", 2),
    ("participation_ratio", "noise_corrected"): ("participation ratio, noise-corrected", 2),
    ("components_for_90_percent", "noise_corrected"): ("components for 90 %, noise-corrected", 1),
    ("shared_rank", "parallel_analysis"): ("shared directions", 0),
    ("common_share", "translation"): ("share of one common trajectory", 3),
    ("common_share", "rank_one"): ("share of one direction, held out", 3),
    ("mean_cosine", "between_groups"): ("mean cosine between groups", 3),
    ("jump", "largest_step"): ("longest over median step", 2),
    ("jump", "at_one_strength"): ("jump at one strength of all clips", 2),
    ("straightness", ""): ("straightness", 3),
    ("frechet", "limit"): ("Fréchet distance, limit", None),
    ("mmd", "gaussian"): ("MMD², Gaussian kernel", None),
    ("cka_debiased", ""): ("debiased CKA", 3),
    ("procrustes", ""): ("Procrustes distance", 3),
    ("intrinsic_dimension", "two_nn/displacements"): ("intrinsic dimension, TwoNN", 1),
    ("roc_auc", "clean to effected"): ("ROC AUC, nothing erased, clean to effected", 3),
    ("roc_auc", "effected to clean"): ("ROC AUC, nothing erased, effected to clean", 3),
    ("strength_r2", "linear"): ("R² of the strength, linear probe", 3),
    ("strength_r2", "non_linear"): ("R² of the strength, probe that is not linear", 3),
}
"""What the measures are called, with decimals; those without words are in the table only."""

PAIRED = ("displacement_norm", "cosine_alignment", "squared_spearman", "within_clip_spearman")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class TwinTable:
    """One comparison: its heading, the distance between the twins in words, and (measure, without, with, change, p)."""

    heading: str
    apart: str
    rows: Sequence[tuple[str, str, str, str, str]]


def read_twins(path: str | Path, layout: StudyLayout) -> list[TwinTable]:
    """Return the comparisons of twins.csv in its order."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in read_table(path):
        found.setdefault(tuple(row[key] for key in PLACE), []).append(row)
    return [_table(dict(zip(PLACE, names, strict=True)), rows, layout) for names, rows in found.items()]


def _table(names: Mapping[str, str], rows: Sequence[Row], layout: StudyLayout) -> TwinTable:
    axis = layout.effects[names["effect"]]
    heading = f"{layout.row_name(names['dataset'], names['model'])}, {names['effect']} beside {names['twin']}"
    return TwinTable(f"{heading}: {', '.join(names['quirks'].split())}", _apart(rows, axis), list(_lines(rows, axis)))


def _apart(rows: Sequence[Row], axis: StrengthAxis) -> str:
    """Return how far the quirk moves embeddings, in units of the effect itself."""
    between = [row for row in rows if row["side"] == BETWEEN and row["variant"] == "share_of_displacement"]
    at = {row["strength"]: row for row in between if row["value"] is not None}
    ends = [text for text in dict.fromkeys((axis.texts[0], axis.texts[-1])) if text in at]
    told = [f"{_percent(at[text])} at {axis.with_unit(text)}" for text in ends]
    if not told:
        return "How far the quirk moves embeddings is not known: the effect itself moves nothing."
    return (
        "With and without the quirk, the embeddings of a clip lie apart by so much of what the effect without the "
        f"quirk moves them: {'; '.join(told)}."
    )


def _percent(row: Row) -> str:
    keys = ("value", "ci_low", "ci_high")
    value, low, high = (number_text(None if row[key] is None else 100 * row[key], 1) for key in keys)
    return f"{value} %" if low == MISSING else f"{value} % [{low}, {high}]"


def _lines(rows: Sequence[Row], axis: StrengthAxis) -> Iterator[tuple[str, str, str, str, str]]:
    wanted = {}
    for row in rows:
        if row["side"] != BETWEEN and row["strength"] in ("", axis.texts[-1]):
            wanted.setdefault((row["measure"], row["variant"], row["split"], row["strength"]), {})[row["side"]] = row
    order = list(WORDS)
    for key in sorted((key for key in wanted if key[:2] in WORDS), key=lambda key: order.index(key[:2])):
        words, decimals = WORDS[key[:2]]
        sides = wanted[key]
        if key[0] == "squared_spearman":
            words += " (held out)" if key[2] == "held_out" else " (in sample)"
        where = f", at strength {axis.with_unit(key[3])}" if key[3] else ""
        value, change = _value_of(key[0], decimals), sides.get(DIFFERENCE)
        told = _change(change, decimals, paired=key[0] in PAIRED)
        yield words + where, value(sides.get(WITHOUT)), value(sides.get(WITH)), told, p_text(change)


def _value_of(measure: str, decimals: int | None) -> Callable[[Row | None], str]:
    if measure == "shared_rank":
        return lambda row: MISSING if row is None else shared_rank_text(row)
    return lambda row: value_text(row, decimals)


def _change(row: Row | None, decimals: int | None, *, paired: bool) -> str:
    if row is None or row["value"] is None:
        return MISSING
    return f"{value_text(row, decimals)}{'' if paired else ' (not paired)'}"
