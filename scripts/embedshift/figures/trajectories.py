"""Maps of trajectories: principal components of the embeddings, strength as colour."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from embedshift.figures.style import INK, MUTED, PanelGrid, grid_names, say_in_panel, short_text, strength_colours
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.trajectory_maps import PRINCIPAL, MapLine, TrajectoryMap, gather_maps

FOOTNOTE = (
    "Each panel has its own principal components (share of variance in brackets), with equal scales on both axes. "
    "Thick: mean of a class; thin: single clips; cross: clean (dotted line to the weakest strength)."
)


def draw_trajectories(rows: Sequence[Mapping[str, Any]], layout: StudyLayout) -> Figure:
    """Draw a model x effect grid of maps from the rows of trajectories.csv."""
    return draw_maps(rows, layout, PRINCIPAL, FOOTNOTE)


def draw_maps(
    rows: Sequence[Mapping[str, Any]], layout: StudyLayout, measures: tuple[str, str], footnote: str
) -> Figure:
    """Draw a model x effect grid of maps whose coordinates are `measures`."""
    maps, colours = gather_maps(rows, layout, measures), strength_colours(layout.colour_map)
    row_names, column_names = grid_names(layout)
    grid = PanelGrid(
        row_names, column_names, width_in=layout.width_in, panel_height_in=1.3, bottom_in=0.42, footnote=footnote
    )
    for row, (dataset, model) in enumerate(layout.grid_rows):
        for column, axis in enumerate(layout.effects.values()):
            _draw_map(grid.axes[row][column], maps.get((dataset, model, axis.effect)), axis, colours, measures)
    for column, axis in enumerate(layout.effects.values()):
        _draw_colour_key(grid, column, axis, colours)
    return grid.figure


def _draw_map(
    axes: Axes, panel: TrajectoryMap | None, axis: StrengthAxis, colours: Colormap, measures: tuple[str, str]
) -> None:
    if panel is None or not panel.lines:
        say_in_panel(axes, "no map in the table")
        return
    for line in panel.of_clips():
        _draw_line(axes, line, axis, colours, width=0.5, size=0, opacity=0.45)
    for line in panel.of_means():
        _draw_line(axes, line, axis, colours, width=1.5, size=3 if len(line.texts) > 1 else 9, opacity=1.0)
    axes.set_aspect("equal", adjustable="datalim")
    axes.autoscale_view()
    axes.set_xlabel(panel.axis_title(measures[0]))
    axes.set_ylabel(panel.axis_title(measures[1]))
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_locator(MaxNLocator(3))


def _draw_line(
    axes: Axes, line: MapLine, axis: StrengthAxis, colours: Colormap, *, width: float, size: float, opacity: float
) -> None:
    ranks = np.array([axis.texts.index(text) for text in line.texts]) / max(len(axis.texts) - 1, 1)
    points = np.array(line.points).reshape(-1, 2)  # (strengths, 2)
    segments = np.stack([points[:-1], points[1:]], axis=1) if len(points) > 1 else np.empty((0, 2, 2))
    scale = {"alpha": opacity, "zorder": 2 + width}
    axes.add_collection(
        LineCollection(segments, colors=colours((ranks[:-1] + ranks[1:]) / 2), linewidths=width, **scale)
    )
    if size or len(points) == 1:
        axes.scatter(points[:, 0], points[:, 1], s=size or 3, c=colours(ranks), linewidths=0, **scale)
    if line.clean is not None:
        axes.plot(*zip(line.clean, points[0], strict=True), ":", color=MUTED, linewidth=0.5 * width, **scale)
        axes.plot(*line.clean, "x", color=INK, markersize=1.5 + width, markeredgewidth=0.3 + width / 3, **scale)


def _draw_colour_key(grid: PanelGrid, column: int, axis: StrengthAxis, colours: Colormap) -> None:
    """Draw the colours from weak to strong under a column."""
    if len(axis.texts) < 2:
        return
    left = grid.column_left_in(column) + grid.panel_in[0] * 0.1
    key = grid.add_axes_in(left, grid.bottom_in - 0.1, grid.panel_in[0] * 0.8, 0.06)
    key.imshow(np.linspace(0, 1, 256)[np.newaxis], aspect="auto", cmap=colours, extent=(0, 1, 0, 1))
    key.set_yticks([])
    key.set_xticks([0, 0.5, 1], [short_text(axis.texts[0]), "weak to strong", short_text(axis.texts[-1])])
    key.set_xlabel(axis.label)
    key.tick_params(length=0)
    key.spines[:].set_visible(False)
