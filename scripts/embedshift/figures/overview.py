"""Model x effect heat maps: monotonicity, size and dimensionality at one glance."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from embedshift.figures.style import INK, heat_colours
from embedshift.glances import GLANCES, Glance, GlanceCell, shares
from embedshift.number_text import interval_text
from embedshift.study_layout import StudyLayout
from embedshift.table_index import TableIndex

CELL_IN, ROW_IN, LEFT_IN, HEAD_IN = 1.0, 0.36, 1.05, 0.42


def draw_overview(rows: Sequence[Mapping[str, Any]], layout: StudyLayout) -> Figure:
    """Draw three heat maps, models as rows and effects as columns, values and intervals in the cells."""
    table = TableIndex(rows)
    n_rows, n_columns = len(layout.grid_rows), len(layout.effects)
    cell_in = min(max((layout.width_in - LEFT_IN) / n_columns, CELL_IN), 2.2)
    width_in = max(LEFT_IN + n_columns * cell_in + 0.05, 3.4)
    map_in = HEAD_IN + n_rows * ROW_IN + 0.12
    figure = Figure(figsize=(width_in, map_in * len(GLANCES)))
    for number, glance in enumerate(GLANCES.values()):
        bottom_in = map_in * (len(GLANCES) - number) - HEAD_IN - n_rows * ROW_IN
        left, width = LEFT_IN / width_in, n_columns * cell_in / width_in
        bottom, height = (size_in / map_in / len(GLANCES) for size_in in (bottom_in, n_rows * ROW_IN))
        _draw_heat_map(figure.add_axes((left, bottom, width, height)), table, layout, glance, cell_in)
    return figure


def _draw_heat_map(axes: Axes, table: TableIndex, layout: StudyLayout, glance: Glance, cell_in: float) -> None:
    cells = {
        (row, column): glance.cell(table, place, axis)
        for row, place in enumerate(layout.grid_rows)
        for column, axis in enumerate(layout.effects.values())
    }
    for ((row, column), cell), share in zip(cells.items(), shares(list(cells.values())), strict=True):
        _draw_cell(axes, (column, row), cell, share, glance.decimals)
    axes.set_xlim(0, len(layout.effects))
    axes.set_ylim(len(layout.grid_rows), 0)
    axes.set_xticks([column + 0.5 for column in range(len(layout.effects))], list(layout.effects))
    axes.set_yticks([row + 0.5 for row in range(len(layout.grid_rows))])
    axes.set_yticklabels([layout.row_name(*place).replace(" · ", "\n") for place in layout.grid_rows])
    axes.xaxis.tick_top()
    longest = max(len(part) for place in layout.grid_rows for part in layout.row_name(*place).split(" · "))
    axes.tick_params(length=0, labelcolor=INK, labelsize=6.5)
    axes.tick_params(axis="y", labelsize=min(6.5, 6.5 * 18 / longest))
    axes.spines[:].set_visible(False)
    # one column is cell_in wide and one row ROW_IN high, so that inches turn into data coordinates
    axes.text(-(LEFT_IN - 0.08) / cell_in, -0.2 / ROW_IN, glance.title, weight="bold", fontsize=7)


def _draw_cell(axes: Axes, corner: tuple[int, int], cell: GlanceCell, share: float, decimals: int) -> None:
    left, top = corner
    face = "#F0F0F0" if cell.row is None else heat_colours()(share)
    axes.add_patch(Rectangle((left + 0.01, top + 0.03), 0.98, 0.94, facecolor=face, edgecolor="#DDDDDD", linewidth=0.4))
    ink = {"ha": "center", "va": "center", "color": INK}
    interval = interval_text(cell.row, decimals)
    axes.text(left + 0.5, top + (0.34 if interval else 0.5), cell.text(decimals), fontsize=7.5, **ink)
    axes.text(left + 0.5, top + 0.72, interval, fontsize=5.6, **ink)
