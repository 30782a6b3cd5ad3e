"""The numbers of the page that stand in HTML tables: the overview as three heat maps, and the summary table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedshift.glances import GLANCES, Glance
from embedshift.number_text import interval_text, number_text, p_text, value_text
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import Row, TableIndex


@dataclass(frozen=True)
class HeatCell:
    """One cell: its texts, and how dark it is from 0 to 1 (None: no value)."""

    value: str
    interval: str
    share: float | None
    why_empty: str = ""


@dataclass(frozen=True)
class HeatMap:
    """A table with models as rows and effects as columns."""

    title: str
    columns: Sequence[str]
    rows: Mapping[str, Sequence[HeatCell]]


def heat_maps(table: TableIndex, layout: StudyLayout) -> list[HeatMap]:
    """Return the heat maps of the overview."""
    return [_heat_map(table, layout, glance) for glance in GLANCES.values()]


def _heat_map(table: TableIndex, layout: StudyLayout, glance: Glance) -> HeatMap:
    found = {
        layout.row_name(*place): [(axis, glance.find(table, place, axis)) for axis in layout.effects.values()]
        for place in layout.grid_rows
    }
    values = [abs(row["value"]) for cells in found.values() for _, row in cells if row is not None]
    largest = glance.scale or max(values, default=1.0) or 1.0
    rows = {name: [_cell(row, axis, largest, glance.decimals) for axis, row in cells] for name, cells in found.items()}
    return HeatMap(glance.title, list(layout.effects), rows)


def _cell(row: Row | None, axis: StrengthAxis, largest: float, decimals: int) -> HeatCell:
    if row is None:
        few = len(axis.texts) < 3
        return HeatCell(number_text(None), "", None, "needs 3 strengths" if few else "not in the table")
    share = round(min(max(row["value"] / largest, 0.0), 1.0), 3)
    return HeatCell(number_text(row["value"], decimals), interval_text(row, decimals), share)


def summary_rows(table: TableIndex, layout: StudyLayout) -> list[dict[str, str]]:
    """Return one row of texts for each data set, model and effect."""
    return [_summary(table, place, axis) for place in layout.grid_rows for axis in layout.effects.values()]


def _summary(table: TableIndex, place: tuple[str, str], axis: StrengthAxis) -> dict[str, str]:
    held_out = table.one(*place, axis.effect, "squared_spearman", split="held_out", label="all")
    in_sample = table.one(*place, axis.effect, "squared_spearman", split="in_sample", label="all")
    size = table.strongest(*place, axis, "displacement_norm", variant="relative", label="all")
    ratio = table.one(*place, axis.effect, "participation_ratio", variant="displacements", label="all")
    n = next((row["n"] for row in (held_out, size) if row is not None), None)
    return {
        "dataset": place[0],
        "model": place[1],
        "effect": axis.effect,
        "held_out": value_text(held_out, 2) if held_out or len(axis.texts) > 2 else "needs three strengths",
        "null": number_text(None if held_out is None else held_out["null_mean"], 2),
        "p": p_text(held_out),
        "in_sample": number_text(None if in_sample is None else in_sample["value"], 2),
        "strongest": "" if size is None else axis.with_unit(size["strength"]),
        "size": value_text(size, 2),
        "ratio": value_text(ratio, 1),
        "n": number_text(None) if n is None else f"{n:,}",
    }
