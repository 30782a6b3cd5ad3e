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


CURVES = (
    Curve("mean cosine", "mean_cosine", "between_groups"),
    Curve("one displacement", "common_share", "translation"),
    Curve("one direction, held out", "common_share", "rank_one"),
)
