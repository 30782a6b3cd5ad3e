"""Find the rows of a table by data set, model, effect and measure without reading the whole table each time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from embedshift.study_layout import StrengthAxis

Row = Mapping[str, Any]


class TableIndex:
    """Rows of a tidy table, found by their key columns; the order of the table is kept."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in rows:
            self._rows[tuple(row[key] for key in ("dataset", "model", "effect", "measure"))].append(row)

    def rows(self, dataset: str, model: str, effect: str, measure: str, **wanted: str) -> list[Row]:
        """Return the rows of one measure whose further columns equal `wanted` (label, variant, split, strength)."""
        candidates = self._rows.get((dataset, model, effect, measure), [])
        return [row for row in candidates if all(row[key] == value for key, value in wanted.items())]

    def one(self, dataset: str, model: str, effect: str, measure: str, **wanted: str) -> Row | None:
        """Return the first row that fits and has a value, or None."""
        fitting = self.rows(dataset, model, effect, measure, **wanted)
        return next((row for row in fitting if row["value"] is not None), None)

    def curve(self, dataset: str, model: str, axis: StrengthAxis, measure: str, **wanted: str) -> list[Row]:
        """Return one row a strength, weakest first; strengths without a value are left out."""
        rows = self.rows(dataset, model, axis.effect, measure, **wanted)
        by_text = {row["strength"]: row for row in rows if row["value"] is not None}
        return [by_text[text] for text in axis.texts if text in by_text]

    def strongest(self, dataset: str, model: str, axis: StrengthAxis, measure: str, **wanted: str) -> Row | None:
        """Return the row of the strongest strength that has a value, or None."""
        curve = self.curve(dataset, model, axis, measure, **wanted)
        return curve[-1] if curve else None
