"""Directions beside the published one, as a table of the page: CCA, PLS and ridge for all clips, and one a clip."""

from collections.abc import Sequence
from dataclasses import dataclass

from embedshift.number_text import MISSING, number_text, p_text, value_text
from embedshift.report.panels import Place
from embedshift.scores import LEAST_SQUARES
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import Row, TableIndex

KINDS = (
    ("CCA, all clips (as published)", LEAST_SQUARES, LEAST_SQUARES),
    ("PLS, all clips", "global_pls", "global_pls"),
    ("ridge, all clips", "global_ridge", "global_ridge"),
    ("one a clip: CCA in sample, ridge for left-out strengths", "sample_wise_directions", "sample_wise_ridge"),
)
"""Name, variant in sample, variant held out."""


@dataclass(frozen=True)
class Directions:
    """One kind of direction for a data set, model and effect: texts in the order of the table's columns."""

    dataset: str
    model: str
    effect: str
    kind: str
    cells: Sequence[str]


def directions(table: TableIndex, layout: StudyLayout) -> list[Directions]:
    """Return a row for each data set, model, effect and kind of direction that has any of the numbers."""
    found = [
        Directions(*place, axis.effect, name, _cells(table, place, axis, in_sample, held_out))
        for place in layout.grid_rows
        for axis in layout.effects.values()
        for name, in_sample, held_out in KINDS
    ]
    return [row for row in found if set(row.cells) != {MISSING}]


def _cells(table: TableIndex, place: Place, axis: StrengthAxis, in_sample: str, held_out: str) -> list[str]:
    def one(measure: str, variant: str, split: str) -> Row | None:
        return table.one(*place, axis.effect, measure, variant=variant, split=split, label="all")

    fitted, left_out = one("squared_spearman", in_sample, "in_sample"), one("squared_spearman", held_out, "held_out")
    condition = None
    if held_out == LEAST_SQUARES:
        condition = table.one(*place, axis.effect, "condition_number", variant="pooled_embeddings", label="all")
    return [
        value_text(fitted, 2),
        number_text(None if fitted is None else fitted["null_mean"], 2),
        value_text(left_out, 2),
        number_text(None if left_out is None else left_out["null_mean"], 2),
        p_text(left_out),
        value_text(one("squared_pearson", held_out, "held_out"), 2),
        value_text(one("within_clip_spearman", held_out, "held_out"), 2),
        MISSING if condition is None else number_text(condition["value"]),
    ]
