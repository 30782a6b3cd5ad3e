"""In how many dimensions an effect moves clips, as a table of the page: six answers with interval or null."""

from collections.abc import Sequence
from dataclasses import dataclass

from embedshift.common_motion_curves import shared_rank_text
from embedshift.number_text import MISSING, number_text, value_text
from embedshift.report.monotonicity_panels import p_phrase
from embedshift.report.panels import Place
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import TableIndex

ESTIMATORS = ("two_nn", "levina_bickel")


@dataclass(frozen=True)
class Dimensions:
    """The answers for one data set, model and effect as texts, in the order of the table's columns."""

    dataset: str
    model: str
    effect: str
    cells: Sequence[str]


def dimensions(table: TableIndex, layout: StudyLayout) -> list[Dimensions]:
    """Return a row for each data set, model and effect that has any of the numbers."""
    found = [
        Dimensions(*place, axis.effect, _cells(table, place, axis))
        for place in layout.grid_rows
        for axis in layout.effects.values()
    ]
    return [row for row in found if set(row.cells) != {MISSING}]


def _cells(table: TableIndex, place: Place, axis: StrengthAxis) -> list[str]:
    def cell(measure: str, variant: str) -> str:
        return value_text(table.one(*place, axis.effect, measure, variant=variant, label="all"), 1)

    return [
        cell("participation_ratio", "between_groups"),
        cell("participation_ratio", "noise_corrected"),
        cell("components_for_90_percent", "interpolated"),
        cell("components_for_90_percent", "noise_corrected"),
        _shared(table, place, axis),
        *(_of_neighbours(table, place, axis, estimator) for estimator in ESTIMATORS),
        *(cell("intrinsic_dimension", f"{estimator}/clean") for estimator in ESTIMATORS),
    ]


def _shared(table: TableIndex, place: Place, axis: StrengthAxis) -> str:
    shared = table.one(*place, axis.effect, "shared_rank", label="all")
    if shared is None:
        return MISSING
    first = table.one(*place, axis.effect, "first_component_share", label="all")
    null = ""
    if first is not None:
        null = f"first {number_text(first['value'], 2)}, null {number_text(first['null_mean'], 2)}, "
    return f"{shared_rank_text(shared)} ({null}{p_phrase(shared)})"


def _of_neighbours(table: TableIndex, place: Place, axis: StrengthAxis, estimator: str) -> str:
    """Return the intrinsic dimension of displacements at the strongest strength."""
    row = table.strongest(*place, axis, "intrinsic_dimension", variant=f"{estimator}/displacements", label="all")
    return value_text(row, 1)
