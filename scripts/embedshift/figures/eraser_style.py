"""Colour, marker and key of each eraser, the same in all figures on robustness."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from embedshift.figures.style import INK, MUTED, SERIES, PanelGrid
from embedshift.robustness_columns import NONE
from embedshift.robustness_index import TO_CLEAN, TO_EFFECTED, WAYS, Way

MARKERS = ("", "^", "s", "D")
MARK_EVERY = 0.13
"""Distance of the marks along a curve, as a share of the panel's diagonal."""
LINE_OF_WAY = {TO_EFFECTED: "-", TO_CLEAN: (0, (3, 1.5))}
KEY_LINE_IN, KEY_COLUMN_IN = 0.13, 1.75


def eraser_style(erasers: Sequence[str], name: str) -> dict[str, Any]:
    """Return colour and marker of an eraser; `none` is black, the ninth and later erasers have marks."""
    if name == NONE:
        return {"color": INK, "linewidth": 1.3, "zorder": 5}
    number = list(erasers).index(name)
    return {"color": SERIES[number % len(SERIES)], "marker": MARKERS[number // len(SERIES) % 4], "markersize": 2.4}


def light_band(erasers: Sequence[str]) -> float:
    """Return the opacity of an eraser's band: the more erasers lie over each other, the lighter each."""
    return 0.16 if len(erasers) < 2 else max(0.02, min(0.06, 0.3 / len(erasers)))


class KeyedGrid(PanelGrid):
    """A grid of panels with the key of erasers and ways between panels and footnote."""

    left_in = 0.95

    def __init__(
        self,
        row_names: Sequence[str],
        column_names: Sequence[str],
        *,
        erasers: Sequence[str],
        ways: Sequence[Way],
        width_in: float,
        **further: Any,
    ) -> None:
        """Make the panels; erasers: `none` first, then the others in the order of the config."""
        entries = [Line2D([], [], label=name, **eraser_style(erasers[1:], name)) for name in erasers]
        entries += [Line2D([], [], color=MUTED, linestyle=LINE_OF_WAY[way], label=WAYS[way]) for way in ways]
        columns = max(1, int((self.whole_width_in(len(column_names), width_in) - 0.2) / KEY_COLUMN_IN))
        key_in = KEY_LINE_IN * (1 + -(-len(entries) // columns))
        super().__init__(row_names, column_names, width_in=width_in, bottom_in=key_in, **further)
        above_note = (self.bottom_in - key_in + KEY_LINE_IN / 2) / self.size_in[1]
        place = {"loc": "lower left", "bbox_to_anchor": (0.09 / self.size_in[0], above_note)}
        look = {"fontsize": 6, "handlelength": 2.2, "borderpad": 0, "labelspacing": 0.25, "columnspacing": 1.2}
        self.figure.legend(handles=entries, ncols=columns, **place, **look)

    def whole_width_in(self, columns: int, width_in: float, between_in: float = 0.42) -> float:
        """Return how wide a figure of so many columns becomes."""
        fitting_in = (width_in - self.left_in - self.right_in) / columns - between_in
        step_in = min(max(fitting_in, 1.15), 2.4) + between_in
        return max(self.left_in + columns * step_in - between_in + self.right_in, 3.4)


def mark_difference(axes: Axes, x: Sequence[float], y: Sequence[float], **style: Any) -> None:
    """Mark the points that differ from erasing nothing."""
    axes.plot(x, y, linestyle="none", marker="o", markersize=3, markeredgewidth=0, color=style["color"])
