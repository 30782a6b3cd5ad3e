"""How far, and how much in the same direction, do clips move? Size and alignment against strength."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from embedshift.figures.style import PanelGrid, draw_band, say_in_panel, series_style, set_strength_axis
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import TableIndex

FOOTNOTE = (
    "Upper row: mean length of the displacement, divided by the root-mean-square distance of clean clips to their mean "
    "(1: as far as clips lie apart). Lower row: mean cosine between a clip's displacement and the mean displacement of "
    "the other groups' clips (0: unrelated directions, 1: all clips move the same way). Bands: group bootstrap."
)
ROWS = (
    ("displacement_norm", {"variant": "relative"}, "relative displacement"),
    ("cosine_alignment", {}, "cosine alignment"),
)


def draw_displacement(rows: Sequence[Mapping[str, Any]], layout: StudyLayout) -> Figure:
    """Draw two rows of panels a data set, effects as columns and models as curves, from sensitivity.csv."""
    table = TableIndex(rows)
    several = len(layout.datasets) > 1
    names = [dataset if several and not row else "" for dataset in layout.datasets for row in range(len(ROWS))]
    per_line = max(1, len(layout.effects) * 2)
    key_in = 0.14 * -(-len(layout.models) // per_line) + 0.1
    grid = PanelGrid(names, list(layout.effects), width_in=layout.width_in, bottom_in=key_in, footnote=FOOTNOTE)
    for number, dataset in enumerate(layout.datasets):
        for row, (measure, wanted, title) in enumerate(ROWS):
            for column, axis in enumerate(layout.effects.values()):
                axes = grid.axes[2 * number + row][column]
                _draw_curves(axes, table, layout, dataset, axis, measure, wanted)
                if column == 0:
                    axes.set_ylabel(title)
    _draw_key(grid, layout, per_line)
    return grid.figure


def _draw_curves(
    axes: Axes,
    table: TableIndex,
    layout: StudyLayout,
    dataset: str,
    axis: StrengthAxis,
    measure: str,
    wanted: Mapping[str, str],
) -> None:
    curves = [table.curve(dataset, model, axis, measure, label="all", **wanted) for model in layout.models]
    if not any(curves):
        say_in_panel(axes, "not in the table")
        return
    at = dict(zip(axis.texts, axis.positions, strict=True))
    for number, curve in enumerate(curves):
        style, x = series_style(number), [at[row["strength"]] for row in curve]
        draw_band(axes, x, curve, color=style["color"], alpha=0.18)
        axes.plot(x, [row["value"] for row in curve], marker="o", markersize=1.6 if len(x) > 1 else 3, **style)
    axes.set_ylim(min(0.0, axes.get_ylim()[0]), max(axes.get_ylim()[1], 1.02 if measure == "cosine_alignment" else 0))
    axes.axhline(0, color="#BBBBBB", linewidth=0.5, zorder=0)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    set_strength_axis(axes, axis)


def _draw_key(grid: PanelGrid, layout: StudyLayout, per_line: int) -> None:
    entries = [Line2D([], [], label=model, **series_style(number)) for number, model in enumerate(layout.models)]
    place = (0.06 / grid.size_in[0], (grid.bottom_in - 0.02) / grid.size_in[1])
    grid.figure.legend(
        handles=entries, loc="upper left", bbox_to_anchor=place, ncols=per_line, borderaxespad=0, borderpad=0
    )
