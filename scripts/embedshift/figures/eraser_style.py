"""Colour, marker and key of each eraser, the same in all figures on robustness."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from embedshift.figures.style import INK, MUTED, SERIES, PanelGrid
from embedshift.robustness_columns import NONE
from embedshift.robustness_index import TO_CLEAN, TO_EFFECTED, WAYS, Way

MARKERS = ("", "^", "s", "D")
LINE_OF_WAY = {TO_EFFECTED: "-", TO_CLEAN: (0, (3, 1.5))}
KEY_LINE_IN, KEY_COLUMN_IN = 0.13, 1.75


def eraser_style(erasers: Sequence[str], name: str) -> dict[str, Any]:
    """Return colour and marker of an eraser; `none` is black, the ninth and later erasers have marks."""
    if name == NONE:
        return {"color": INK, "linewidth": 1.3, "zorder": 5}
    number = list(erasers).index(name)
    return {"color": SERIES[number % len(SERIES)], "marker": MARKERS[number // len(SERIES) % 4], "markersize": 2.4}


def key_height_in(erasers: Sequence[str], width_in: float) -> float:
    """Return how high the key below a figure is."""
    columns = max(1, int((width_in - 0.2) / KEY_COLUMN_IN))
    return KEY_LINE_IN * (2 + (len(erasers) + len(WAYS)) // columns)


def draw_key(grid: PanelGrid, erasers: Sequence[str], ways: Sequence[Way] = tuple(WAYS)) -> None:
    """Write below the panels which colour is which eraser, and which line which way to train and test."""
    entries = [Line2D([], [], label=name, **eraser_style(erasers[1:], name)) for name in erasers]
    entries += [Line2D([], [], color=MUTED, linestyle=LINE_OF_WAY[way], label=WAYS[way]) for way in ways]
    columns = max(1, int((grid.size_in[0] - 0.2) / KEY_COLUMN_IN))
    bottom_in = grid.bottom_in - key_height_in(erasers, grid.size_in[0]) + 0.04
    place = {"loc": "lower left", "bbox_to_anchor": (0.09 / grid.size_in[0], bottom_in / grid.size_in[1])}
    grid.figure.legend(
        handles=entries, ncols=columns, fontsize=6, handlelength=2.2, borderpad=0, labelspacing=0.25, **place
    )


def mark_difference(axes: Axes, x: Sequence[float], y: Sequence[float], **style: Any) -> None:
    """Mark the points that differ from erasing nothing."""
    axes.plot(x, y, linestyle="none", marker="o", markersize=3, markeredgewidth=0, color=style["color"])
