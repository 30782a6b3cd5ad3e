"""Curves of costs on doubly logarithmic axes, each with its slope, as one SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from measured_points import slope


@dataclass(frozen=True)
class Curve:
    """One cost over sizes; its slope is that between the two largest sizes."""

    name: str
    sizes: Sequence[float]
    costs: Sequence[float]

    @property
    def label(self) -> str:
        """Return the name with the slope at the right end."""
        return f"{self.name} (slope {slope(self.sizes[-2:], self.costs[-2:]):.2f})"


@dataclass(frozen=True)
class Panel:
    """Curves with one unit over one kind of size."""

    across: str
    up: str
    curves: Sequence[Curve]


def draw_curves(panels: Sequence[Panel], path: Path, columns: int = 3) -> None:
    """Draw the panels side by side; a grey line of slope 1 begins where the first curve of a panel does."""
    rows = -(-len(panels) // columns)
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "embedshift", "font.size": 8}):
        figure, grid = plt.subplots(rows, columns, figsize=(4.2 * columns, 3.4 * rows), squeeze=False)
        for axes, panel in zip(grid.flat, panels, strict=False):
            _draw_panel(axes, panel)
        for axes in list(grid.flat)[len(panels) :]:
            axes.set_axis_off()
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def _draw_panel(axes: plt.Axes, panel: Panel) -> None:
    for curve in panel.curves:
        axes.loglog(curve.sizes, curve.costs, marker="o", markersize=3, linewidth=1.2, label=curve.label)
    sizes, first = panel.curves[0].sizes, panel.curves[0].costs[0]
    axes.loglog(sizes, [first * size / sizes[0] for size in sizes], color="0.75", linewidth=0.8, zorder=0)
    axes.set_xlabel(panel.across)
    axes.set_ylabel(panel.up)
    axes.grid(True, which="major", color="0.92", linewidth=0.6)
    axes.legend(frameon=False, fontsize=6.5)
