"""What the overview shows of each model and effect: three rows of the table, found and scaled in one way."""

from collections.abc import Callable
from dataclasses import dataclass

from embedshift.study_layout import StrengthAxis
from embedshift.table_index import Row, TableIndex


@dataclass(frozen=True)
class Glance:
    """One heat map: its title, how a row is found, the scale of its colours (None: the largest value), decimals."""

    title: str
    find: Callable[[TableIndex, tuple[str, str], StrengthAxis], Row | None]
    scale: float | None
    decimals: int


def _monotonicity(table: TableIndex, place: tuple[str, str], axis: StrengthAxis) -> Row | None:
    return table.one(*place, axis.effect, "squared_spearman", split="held_out", label="all")


def _size(table: TableIndex, place: tuple[str, str], axis: StrengthAxis) -> Row | None:
    return table.strongest(*place, axis, "displacement_norm", variant="relative", label="all")


def _dimensionality(table: TableIndex, place: tuple[str, str], axis: StrengthAxis) -> Row | None:
    return table.one(*place, axis.effect, "participation_ratio", variant="displacements", label="all")


GLANCES = {
    "monotonicity": Glance("Held-out ρ² of projection and strength (signed)", _monotonicity, 1.0, 2),
    "size": Glance("Relative displacement at the strongest strength", _size, None, 2),
    "dimensionality": Glance("Participation ratio of the displacements", _dimensionality, None, 1),
}
