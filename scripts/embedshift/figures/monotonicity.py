"""Is strength ordered along one direction? Held-out projections against strength, with their null."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from embedshift.figures.style import ACCENT, PanelGrid, draw_band, grid_names, say_in_panel, set_strength_axis
from embedshift.number_text import number_text, p_text, value_text
from embedshift.scores import held_out_score, in_sample_score, score_ceiling, why_no_held_out
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import TableIndex

FOOTNOTE = (
    "Mean over clips of the projection on the direction fitted on the other groups, standardised; band: group "
    "bootstrap interval. ρ² carries the sign of ρ; a perfect order stays below 1, as clips are tied within a strength. "
    "Null: strengths permuted within each clip. In sample (fitted and measured on the same clips, as published) it is "
    "biased upwards."
)


def draw_monotonicity(rows: Sequence[Mapping[str, Any]], layout: StudyLayout) -> Figure:
    """Draw a model x effect grid of held-out projections from the rows of sensitivity.csv."""
    table = TableIndex(rows)
    row_names, column_names = grid_names(layout)
    grid = PanelGrid(row_names, column_names, width_in=layout.width_in, above_in=0.52, footnote=FOOTNOTE)
    for row, (dataset, model) in enumerate(layout.grid_rows):
        for column, axis in enumerate(layout.effects.values()):
            axes = grid.axes[row][column]
            _draw_projection(axes, table, (dataset, model), axis)
            if column == 0:
                axes.set_ylabel("held-out projection (sd)")
    return grid.figure


def _draw_projection(axes: Axes, table: TableIndex, place: tuple[str, str], axis: StrengthAxis) -> None:
    curve = table.curve(*place, axis, "held_out_projection", split="held_out", label="all")
    if not curve:
        say_in_panel(axes, f"No held-out value: {why_no_held_out(table, place, axis)}")
        return
    at = dict(zip(axis.texts, axis.positions, strict=True))
    x = [at[row["strength"]] for row in curve]
    draw_band(axes, x, curve, color=ACCENT, alpha=0.25)
    axes.plot(x, [row["value"] for row in curve], color=ACCENT, marker="o", markersize=1.6)
    axes.axhline(0, color="#BBBBBB", linewidth=0.5, zorder=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    set_strength_axis(axes, axis)
    axes.set_title("\n".join(_annotation(table, place, axis)), loc="left", pad=3, fontsize=5.8, linespacing=1.25)


def _annotation(table: TableIndex, place: tuple[str, str], axis: StrengthAxis) -> list[str]:
    held_out, in_sample = held_out_score(table, place, axis), in_sample_score(table, place, axis)
    ceiling = score_ceiling(table, place, axis)
    lines = [f"ρ² held out {value_text(held_out, 2)}"]
    if ceiling is not None:
        lines.append(f"of at most {number_text(ceiling['value'], 2)} (perfect order)")
    if held_out is not None and held_out["null_mean"] is not None:
        lines.append(f"null {number_text(held_out['null_mean'], 2)}, p {_with_sign(p_text(held_out))}")
    if in_sample is not None:
        lines.append(f"in sample {number_text(in_sample['value'], 2)} (as published)")
    return lines


def _with_sign(text: str) -> str:
    return text if text.startswith("<") else f"= {text}"
