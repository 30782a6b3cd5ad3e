"""The squared Spearman correlations of a model under an effect: where they stand in the table, and their ceiling."""

from embedshift.needs import why_missing
from embedshift.study_layout import StrengthAxis
from embedshift.table_index import Row, TableIndex

Place = tuple[str, str]
LEAST_SQUARES = "global_direction"
"""The variant fitted by least squares (CCA), as published."""


def held_out_score(table: TableIndex, place: Place, axis: StrengthAxis) -> Row | None:
    """Return the row of all clips, each measured while it was left out."""
    return table.one(*place, axis.effect, "squared_spearman", variant=LEAST_SQUARES, split="held_out", label="all")


def in_sample_score(table: TableIndex, place: Place, axis: StrengthAxis) -> Row | None:
    """Return the row of all clips, measured on the clips that the direction was fitted on, as published."""
    return table.one(*place, axis.effect, "squared_spearman", variant=LEAST_SQUARES, split="in_sample", label="all")


def score_ceiling(table: TableIndex, place: Place, axis: StrengthAxis, label: str = "all") -> Row | None:
    """Return the row of the value that a perfect order has: below 1, as clips are tied within a strength."""
    return table.one(*place, axis.effect, "squared_spearman_ceiling", label=label)


def why_no_held_out(table: TableIndex, place: Place, axis: StrengthAxis) -> str:
    """Return why there is no held-out value: too few strengths, one group only, or no row."""
    return why_missing(len(axis.texts), fitted=in_sample_score(table, place, axis) is not None)
