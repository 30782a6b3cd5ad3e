"""Do all clips move alike? What one displacement, or one direction, explains at each strength."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from embedshift.common_motion_curves import CURVES
from embedshift.figures.style import PanelGrid, draw_band, grid_names, say_in_panel, series_style, set_strength_axis
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import TableIndex

FOOTNOTE = (
    "Mean cosine between displacements of clips of different groups; share of the mean squared displacement that one "
    "common displacement explains; share that one direction explains on held-out groups when each clip may go its own "
    "distance along it. A linear effect has all three at 1, unrelated displacements at 0. Bands: group bootstrap."
)


def draw_common_motion(rows: Sequence[Mapping[str, Any]], layout: StudyLayout) -> Figure:
    """Draw a model x effect grid of curves over the strengths from the rows of sensitivity.csv."""
    table = TableIndex(rows)
    row_names, column_names = grid_names(layout)
    grid = PanelGrid(row_names, column_names, width_in=layout.width_in, bottom_in=0.24, footnote=FOOTNOTE)
    for row, place in enumerate(layout.grid_rows):
        for column, axis in enumerate(layout.effects.values()):
            _draw_panel(grid.axes[row][column], table, place, axis)
            if column == 0:
                grid.axes[row][column].set_ylabel("in common")
    entries = [Line2D([], [], label=curve.name, **series_style(number)) for number, curve in enumerate(CURVES)]
    place = (0.06 / grid.size_in[0], (grid.bottom_in - 0.04) / grid.size_in[1])
    grid.figure.legend(handles=entries, loc="upper left", bbox_to_anchor=place, ncols=3, borderaxespad=0, borderpad=0)
    return grid.figure


def _draw_panel(axes: Axes, table: TableIndex, place: tuple[str, str], axis: StrengthAxis) -> None:
    at = dict(zip(axis.texts, axis.positions, strict=True))
    lowest, drawn = 0.0, False
    for number, curve in enumerate(CURVES):
        rows = curve.rows(table, place, axis)
        if not rows:
            continue
        style, x = series_style(number), [at[row["strength"]] for row in rows]
        draw_band(axes, x, rows, color=style["color"], alpha=0.18)
        axes.plot(x, [row["value"] for row in rows], marker="o", markersize=1.6 if len(x) > 1 else 3, **style)
        lowest, drawn = min(lowest, *(row["value"] for row in rows)), True
    if not drawn:
        say_in_panel(axes, "needs at least 2 groups")
        return
    axes.set_ylim(lowest - 0.05, 1.05)
    axes.axhline(0, color="#BBBBBB", linewidth=0.5, zorder=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    set_strength_axis(axes, axis)
