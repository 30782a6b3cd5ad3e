"""The curves of what clips have in common: where they stand in the table, and what they are called."""

from dataclasses import dataclass

from embedshift.study_layout import StrengthAxis
from embedshift.table_index import Row, TableIndex


@dataclass(frozen=True)
class Curve:
    """One measure over the strengths."""

    name: str
    measure: str
    variant: str

    def rows(self, table: TableIndex, place: tuple[str, str], axis: StrengthAxis) -> list[Row]:
        """Return its rows for all clips, weakest first."""
        return table.curve(*place, axis, self.measure, variant=self.variant, label="all")

    def over_all(self, table: TableIndex, place: tuple[str, str], axis: StrengthAxis) -> Row | None:
        """Return its row over all strengths."""
        return table.one(*place, axis.effect, self.measure, variant=self.variant, label="all", strength="")


MOST_SHARED = 32
"""Directions beyond so many are not counted (`parallel_analysis.MOST_RANK`)."""


def shared_rank_text(row: Row) -> str:
    """Return the number of directions that clips share, `at least 32` where counting ended."""
    return f"{'at least ' if row['value'] >= MOST_SHARED else ''}{row['value']:.0f}"


CURVES = (
    Curve("mean cosine", "mean_cosine", "between_groups"),
    Curve("one displacement", "common_share", "translation"),
    Curve("one direction, held out", "common_share", "rank_one"),
)
