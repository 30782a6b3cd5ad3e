"""What the overview shows of each model and effect: rows of the table, found, scaled and explained in one way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embedshift.number_text import number_text
from embedshift.scores import Place, held_out_score, score_ceiling, why_no_held_out
from embedshift.study_layout import StrengthAxis
from embedshift.table_index import Row, TableIndex


@dataclass(frozen=True)
class GlanceCell:
    """One cell of a heat map: its row, the row of the highest value that is possible, and why there is no row."""

    row: Row | None
    ceiling: Row | None
    why_empty: str

    def text(self, decimals: int) -> str:
        """Return the value, such as `1.25`, or `0.94 of 0.96` where it has a ceiling."""
        if self.row is None or self.ceiling is None:
            return number_text(None if self.row is None else self.row["value"], decimals)
        return f"{number_text(self.row['value'], decimals)} of {number_text(self.ceiling['value'], decimals)}"


@dataclass(frozen=True)
class Glance:
    """One heat map: its title, decimals, and how to find a value, the reason where it is missing, and its ceiling."""

    title: str
    decimals: int
    find: Callable[[TableIndex, Place, StrengthAxis], Row | None]
    why_empty: Callable[[TableIndex, Place, StrengthAxis], str]
    find_ceiling: Callable[[TableIndex, Place, StrengthAxis], Row | None] | None = None

    def cell(self, table: TableIndex, place: Place, axis: StrengthAxis) -> GlanceCell:
        """Return the cell of one data set, model and effect."""
        row = self.find(table, place, axis)
        ceiling = None if self.find_ceiling is None else self.find_ceiling(table, place, axis)
        return GlanceCell(row, ceiling, self.why_empty(table, place, axis) if row is None else "")


def shares(cells: Sequence[GlanceCell]) -> list[float]:
    """Return how dark each cell of a map is, from 0 to 1: relative to its ceiling, or else to the largest value."""
    largest = max((abs(cell.row["value"]) for cell in cells if cell.row), default=1.0) or 1.0
    return [_share(cell, largest) for cell in cells]


def _share(cell: GlanceCell, largest: float) -> float:
    scale = cell.ceiling["value"] if cell.ceiling else largest
    return min(max(cell.row["value"] / scale, 0.0), 1.0) if cell.row else 0.0


def _size(table: TableIndex, place: Place, axis: StrengthAxis) -> Row | None:
    return table.strongest(*place, axis, "displacement_norm", variant="relative", label="all")


def _why_no_size(table: TableIndex, place: Place, axis: StrengthAxis) -> str:
    return "not in the table"


def dimensionality(table: TableIndex, place: Place, axis: StrengthAxis) -> Row | None:
    """Return the participation ratio that is unbiased and has an interval: from pairs of clips of different groups."""
    return table.one(*place, axis.effect, "participation_ratio", variant="between_groups", label="all")


def _why_no_dimensionality(table: TableIndex, place: Place, axis: StrengthAxis) -> str:
    return "needs at least 2 groups"


GLANCES = {
    "monotonicity": Glance(
        "Held-out ρ² (signed), of that of a perfect order", 2, held_out_score, why_no_held_out, score_ceiling
    ),
    "size": Glance("Relative displacement at the strongest strength", 2, _size, _why_no_size),
    "dimensionality": Glance("Participation ratio of the displacements", 1, dimensionality, _why_no_dimensionality),
}
