"""Published ROC AUC over ours: one row of panels for each model, effect and class, one column an eraser."""

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from embedshift.figures.eraser_style import LINE_OF_WAY
from embedshift.figures.style import ACCENT, SECOND, PanelGrid, draw_band, say_in_panel, set_strength_axis
from embedshift.published_overlay import PublishedOverlay, PublishedPanel
from embedshift.robustness_index import WAYS, ErasureNames, RobustnessIndex
from embedshift.study_layout import StudyLayout

FOOTNOTE = (
    "Lines and bands: ROC AUC of this study on held-out clips of one class, group-bootstrap intervals, probes held "
    "fixed. Crosses: published curves (Deng et al. 2025), one run without seeds or intervals, read from a figure. "
    "Unless recordings, weights and split are theirs, compare shapes, not thousandths. There is no test: the null of a "
    "curve is 0.5."
)
COLOUR_OF_WAY = dict(zip(WAYS, (ACCENT, SECOND), strict=True))


def draw_published_curves(
    table: RobustnessIndex, layout: StudyLayout, names: ErasureNames, published: PublishedOverlay
) -> Figure:
    """Draw the panels whose model, effect and class are in the table; a figure of words where there are none."""
    panels = published.panels(table, layout)
    if not panels:
        return _without_panels(published, layout.width_in)
    erasers = list(dict.fromkeys(name for panel in panels for name in panel.erasers))
    rows = [f"{layout.row_name(*panel.place)} · {panel.axis.effect}, {panel.label}" for panel in panels]
    grid = PanelGrid(rows, erasers, width_in=layout.width_in, panel_height_in=1.3, bottom_in=0.34, footnote=FOOTNOTE)
    for row, panel in enumerate(panels):
        for column, eraser in enumerate(erasers):
            axes = grid.axes[row][column]
            if eraser in panel.erasers:
                _draw_panel(axes, table, published, panel, eraser)
            else:
                say_in_panel(axes, "not in both")
            if column == 0:
                axes.set_ylabel("ROC AUC")
    _draw_key(grid)
    return grid.figure


def _draw_panel(
    axes: Axes, table: RobustnessIndex, published: PublishedOverlay, panel: PublishedPanel, eraser: str
) -> None:
    axis, label = panel.axis, panel.label
    at = dict(zip(axis.texts, axis.positions, strict=True))
    set_strength_axis(axes, axis)
    for way, colour in COLOUR_OF_WAY.items():
        curve = table.curve(panel.place, axis, eraser, way, label)
        x = [at[row["strength"]] for row in curve]
        draw_band(axes, x, curve, color=colour, alpha=0.16)
        axes.plot(x, [row["value"] for row in curve], color=colour, linestyle=LINE_OF_WAY[way], linewidth=1)
        points = published.curve(panel.place[1], axis, label, eraser, way)
        look = {"color": colour, "linestyle": "none", "marker": "x", "markersize": 2.6, "markeredgewidth": 0.6}
        axes.plot([x for x, _ in points], [auc for _, auc in points], **look)
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _draw_key(grid: PanelGrid) -> None:
    entries = [Line2D([], [], color=colour, linestyle=LINE_OF_WAY[way], label=f"this study, {WAYS[way]}")
               for way, colour in COLOUR_OF_WAY.items()]  # fmt: skip
    cross = {"linestyle": "none", "marker": "x", "markersize": 3.5}
    entries += [Line2D([], [], color=colour, label=f"published, {WAYS[way]}", **cross)
                for way, colour in COLOUR_OF_WAY.items()]  # fmt: skip
    place = (0.06 / grid.size_in[0], (grid.bottom_in - 0.04) / grid.size_in[1])
    grid.figure.legend(handles=entries, loc="upper left", bbox_to_anchor=place, ncols=2, borderaxespad=0, borderpad=0)


def _without_panels(published: PublishedOverlay, width_in: float) -> Figure:
    told = "; ".join(", ".join(names) for names in published.names()) or "none are stored"
    text = f"No published curve has the model, effect and class of this study. Published are: {told}."
    figure = Figure(figsize=(width_in, 0.7))
    lines = "\n".join(textwrap.wrap(text, width=int(width_in * 20)))
    figure.text(0.09 / width_in, 0.5, lines, va="center", fontsize=6.5)
    return figure
