"""How far apart are the clean and the effected cloud? Four distances against strength."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from embedshift.cloud_distances import CURVES, DISTANCES, Distance
from embedshift.figures.style import PanelGrid, draw_band, grid_names, say_in_panel, series_style, set_strength_axis
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import Row, TableIndex

FOOTNOTE = (
    "Distances of the cloud of effected embeddings from that of the clean ones. Fréchet in squared units of the "
    "embedding, its limit extrapolated to many clips; there is no null for it. Bands: group bootstrap. Dotted: mean of "
    "the null in the curve's colour (MMD²: clean and effected exchanged within groups; CKA, Procrustes: clean clips "
    "paired with other clips' effected ones)."
)
FLOOR_IN, BETWEEN_FLOORS_IN = 0.56, 0.1
PANEL_IN = len(DISTANCES) * (FLOOR_IN + BETWEEN_FLOORS_IN) - BETWEEN_FLOORS_IN


def draw_distances(rows: Sequence[Mapping[str, Any]], layout: StudyLayout) -> Figure:
    """Draw a model x effect grid, four plots above each other in each panel, from the rows of sensitivity.csv."""
    table = TableIndex(rows)
    row_names, column_names = grid_names(layout)
    size = {"width_in": layout.width_in, "panel_height_in": PANEL_IN, "bottom_in": 0.38}
    grid = PanelGrid(row_names, column_names, footnote=FOOTNOTE, **size)
    for row, place in enumerate(layout.grid_rows):
        for column, axis in enumerate(layout.effects.values()):
            _draw_panel(grid, grid.axes[row][column], table, place, axis, titled=column == 0)
    _draw_key(grid)
    return grid.figure


def _draw_panel(
    grid: PanelGrid, whole: Axes, table: TableIndex, place: tuple[str, str], axis: StrengthAxis, *, titled: bool
) -> None:
    if not any(curve.rows(table, place, axis) for curve in CURVES):
        say_in_panel(whole, "needs at least 2 groups and 4 clips")
        return
    for axes, distance in zip(_floors(grid, whole), DISTANCES, strict=True):
        _draw_floor(axes, table, place, axis, distance)
        if distance is not DISTANCES[-1]:
            axes.set_xlabel("")
            axes.tick_params(labelbottom=False)
        if titled:
            axes.set_ylabel("\n".join(distance.title), linespacing=1.05)


def _floors(grid: PanelGrid, whole: Axes) -> list[Axes]:
    """Return the plots of a panel, the first on top, in place of its axes."""
    left, bottom, width, height = whole.get_position().bounds
    whole.remove()
    step, floor = (FLOOR_IN + BETWEEN_FLOORS_IN) / grid.size_in[1], FLOOR_IN / grid.size_in[1]
    tops = [bottom + height - number * step for number in range(len(DISTANCES))]
    return [grid.figure.add_axes((left, top - floor, width, floor)) for top in tops]


def _draw_floor(axes: Axes, table: TableIndex, place: tuple[str, str], axis: StrengthAxis, distance: Distance) -> None:
    at = dict(zip(axis.texts, axis.positions, strict=True))
    for curve in distance.curves:
        style, rows = series_style(CURVES.index(curve)), curve.rows(table, place, axis)
        x = [at[row["strength"]] for row in rows]
        draw_band(axes, x, rows, color=style["color"], alpha=0.18)
        axes.plot(x, [row["value"] for row in rows], marker="o", markersize=1.6 if len(x) > 1 else 3, **style)
        _draw_null(axes, at, rows, style["color"])
    axes.axhline(0, color="#BBBBBB", linewidth=0.5, zorder=0)
    if distance.bounded:
        axes.set_ylim(min(-0.05, axes.get_ylim()[0]), 1.05)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    set_strength_axis(axes, axis)


def _draw_null(axes: Axes, at: Mapping[str, float], rows: Sequence[Row], colour: str) -> None:
    known = [(at[row["strength"]], row["null_mean"]) for row in rows if row.get("null_mean") is not None]
    if known:
        single = {"marker": "_", "markersize": 5} if len(known) == 1 else {}
        axes.plot(*zip(*known, strict=True), color=colour, linewidth=0.8, linestyle=(0, (1, 1.5)), **single)


def _draw_key(grid: PanelGrid) -> None:
    entries = [Line2D([], [], label=curve.name, **series_style(number)) for number, curve in enumerate(CURVES)]
    columns = 3 if grid.size_in[0] > 5 else 2
    place = (0.06 / grid.size_in[0], (grid.bottom_in - 0.04) / grid.size_in[1])
    grid.figure.legend(
        handles=entries, loc="upper left", bbox_to_anchor=place, ncols=columns, borderaxespad=0, borderpad=0
    )
