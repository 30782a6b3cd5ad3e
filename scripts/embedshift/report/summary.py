"""The numbers of the page that stand in HTML tables: the overview as three heat maps, and the summary table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedshift.glances import GLANCES, Glance, GlanceCell, dimensionality, shares
from embedshift.number_text import interval_text, number_text, p_text, value_text
from embedshift.scores import held_out_score, in_sample_score, score_ceiling, why_no_held_out
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import TableIndex


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
    found = [glance.cell(table, place, axis) for place in layout.grid_rows for axis in layout.effects.values()]
    cells = iter([_cell(cell, share, glance.decimals) for cell, share in zip(found, shares(found), strict=True)])
    rows = {layout.row_name(*place): [next(cells) for _ in layout.effects] for place in layout.grid_rows}
    return HeatMap(glance.title, list(layout.effects), rows)


def _cell(cell: GlanceCell, share: float, decimals: int) -> HeatCell:
    known = cell.row is not None
    interval = interval_text(cell.row, decimals)
    return HeatCell(cell.text(decimals), interval, round(share, 3) if known else None, cell.why_empty)


def summary_rows(table: TableIndex, layout: StudyLayout) -> list[dict[str, str]]:
    """Return one row of texts for each data set, model and effect."""
    return [_summary(table, place, axis) for place in layout.grid_rows for axis in layout.effects.values()]


def _summary(table: TableIndex, place: tuple[str, str], axis: StrengthAxis) -> dict[str, str]:
    held_out, in_sample = held_out_score(table, place, axis), in_sample_score(table, place, axis)
    ceiling = score_ceiling(table, place, axis)
    size = table.strongest(*place, axis, "displacement_norm", variant="relative", label="all")
    ratio = dimensionality(table, place, axis)
    n = next((row["n"] for row in (held_out, size) if row is not None), None)
    return {
        "dataset": place[0],
        "model": place[1],
        "effect": axis.effect,
        "held_out": value_text(held_out, 2) if held_out else why_no_held_out(table, place, axis),
        "ceiling": number_text(None if ceiling is None else ceiling["value"], 2),
        "null": number_text(None if held_out is None else held_out["null_mean"], 2),
        "p": p_text(held_out),
        "in_sample": number_text(None if in_sample is None else in_sample["value"], 2),
        "strongest": "" if size is None else axis.with_unit(size["strength"]),
        "size": value_text(size, 2),
        "ratio": value_text(ratio, 1),
        "n": number_text(None) if n is None else f"{n:,}",
    }
