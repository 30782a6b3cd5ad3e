"""Change of the ROC AUC against erasing nothing: over the strengths, and its mean at one glance."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from embedshift.figures.eraser_style import MARK_EVERY, KeyedGrid, eraser_style, mark_difference
from embedshift.figures.style import INK, draw_band, say_in_panel, set_strength_axis
from embedshift.number_text import interval_text, number_text
from embedshift.robustness_columns import NONE
from embedshift.robustness_index import WAYS, ErasureNames, Place, RobustnessIndex, Way
from embedshift.study_layout import StrengthAxis, StudyLayout

FOOTNOTE = (
    "ROC AUC with each eraser minus that without, mean over classes, on the same held-out clips; bands: paired "
    "bootstrap of groups. Dots: differs from 0 at p of at most {alpha:g}, corrected over the strengths of the curve "
    "(max-T); not corrected over erasers and panels. Null: no difference."
)
CELL_IN, ROW_IN, LEFT_IN, HEAD_IN = 1.0, 0.24, 1.75, 0.42
SMALLEST_SCALE = 0.01


def draw_erasure(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> Figure:
    """Draw differences to `none`: two rows of panels a model, one each way to train and test, one column an effect."""
    rows = [(place, way) for place in layout.grid_rows for way in WAYS]
    axes_of = {effect: layout.effects[effect] for effect in names.effects}
    grid = KeyedGrid(
        [f"{layout.row_name(*place)} · {way[0]} to {way[1]}" for place, way in rows],
        list(axes_of),
        width_in=layout.width_in,
        panel_height_in=1.35,
        erasers=(NONE, *names.erasers),
        ways=(),
        footnote=FOOTNOTE.format(alpha=names.alpha),
    )
    for row, (place, way) in enumerate(rows):
        for column, axis in enumerate(axes_of.values()):
            _draw_panel(grid.axes[row][column], table, place, axis, way, names)
            if column == 0:
                grid.axes[row][column].set_ylabel("change of ROC AUC")
    return grid.figure


def _draw_panel(
    axes: Axes, table: RobustnessIndex, place: Place, axis: StrengthAxis, way: Way, names: ErasureNames
) -> None:
    at = dict(zip(axis.texts, axis.positions, strict=True))
    curves = {eraser: table.differences(place, axis, eraser, way) for eraser in names.erasers}
    if not any(curves.values()):
        say_in_panel(axes, "no eraser in the table")
        return
    set_strength_axis(axes, axis)
    for eraser, curve in curves.items():
        style = eraser_style(names.erasers, eraser)
        x = [at[row["strength"]] for row in curve]
        draw_band(axes, x, curve, color=style["color"], alpha=0.08)
        axes.plot(x, [row["value"] for row in curve], **style, linewidth=0.9, markevery=MARK_EVERY)
        differing = [row for row in curve if is_difference(row, names.alpha)]
        mark_difference(axes, [at[row["strength"]] for row in differing], [row["value"] for row in differing], **style)
    axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
    axes.yaxis.set_major_locator(MaxNLocator(5))


def is_difference(row: Mapping[str, Any] | None, alpha: float) -> bool:
    """Return whether a difference counts as one at its corrected p-value."""
    return row is not None and row["p_value"] is not None and row["p_value"] <= alpha


def draw_erasure_overview(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> Figure:
    """Draw a heat map a model and way: erasers as rows, effects as columns, mean change over the strengths."""
    maps = [(place, way) for place in layout.grid_rows for way in WAYS]
    cell_in = min(max((layout.width_in - LEFT_IN) / len(names.effects), CELL_IN), 1.6)
    width_in = LEFT_IN + len(names.effects) * cell_in + 0.05
    map_in = HEAD_IN + max(len(names.erasers), 1) * ROW_IN + 0.1
    figure = Figure(figsize=(width_in, map_in * len(maps)))
    scale = _scale(table, maps, names)
    for number, (place, way) in enumerate(maps):
        bottom = (map_in * (len(maps) - number) - map_in + 0.1) / map_in / len(maps)
        height = (map_in - HEAD_IN - 0.1) / map_in / len(maps)
        axes = figure.add_axes((LEFT_IN / width_in, bottom, 1 - (LEFT_IN + 0.05) / width_in, height))
        _draw_map(axes, table, place, way, names, scale)
        axes.text(-(LEFT_IN - 0.08) / cell_in, -0.24 / ROW_IN, f"{layout.row_name(*place)}: {WAYS[way]}",
                  weight="bold", fontsize=7)  # fmt: skip
    return figure


def _scale(table: RobustnessIndex, maps: Sequence[tuple[Place, Way]], names: ErasureNames) -> float:
    found = [
        table.mean_difference(place, effect, eraser, way)
        for place, way in maps
        for effect in names.effects
        for eraser in names.erasers
    ]
    return max([SMALLEST_SCALE, *(abs(row["value"]) for row in found if row is not None)])


def _draw_map(axes: Axes, table: RobustnessIndex, place: Place, way: Way, names: ErasureNames, scale: float) -> None:
    for row, eraser in enumerate(names.erasers):
        for column, effect in enumerate(names.effects):
            _draw_cell(axes, (column, row), table.mean_difference(place, effect, eraser, way), names.alpha, scale)
    axes.set_xlim(0, len(names.effects))
    axes.set_ylim(max(len(names.erasers), 1), 0)
    axes.set_xticks([column + 0.5 for column in range(len(names.effects))], names.effects)
    axes.set_yticks([row + 0.5 for row in range(len(names.erasers))], names.erasers)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelcolor=INK, labelsize=6)
    axes.spines[:].set_visible(False)


def _draw_cell(axes: Axes, corner: tuple[int, int], row: Mapping[str, Any] | None, alpha: float, scale: float) -> None:
    left, top = corner
    face = "#F0F0F0" if row is None else _colours()(0.5 + 0.5 * row["value"] / scale)
    axes.add_patch(Rectangle((left + 0.01, top + 0.03), 0.98, 0.94, facecolor=face, edgecolor="#DDDDDD", linewidth=0.4))
    ink = {"ha": "center", "va": "center", "color": INK}
    star = "*" if is_difference(row, alpha) else ""
    axes.text(left + 0.5, top + 0.33, number_text(row and row["value"], 3) + star, fontsize=6.5, **ink)
    axes.text(left + 0.5, top + 0.74, interval_text(row, 3), fontsize=4.8, **ink)


def _colours() -> LinearSegmentedColormap:
    """Return orange for harm, white for no change, blue for help; light enough for dark text."""
    return LinearSegmentedColormap.from_list("change", ["#F0A868", "#FFFFFF", "#74ABDF"])
