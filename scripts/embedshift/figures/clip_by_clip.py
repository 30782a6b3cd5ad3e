"""Clip by clip: how well single trajectories follow the strength, and how even their steps are."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from embedshift.clip_histogram import BIN_WIDTH, lower_edge
from embedshift.figures.style import (
    ACCENT,
    MUTED,
    SECOND,
    PanelGrid,
    draw_band,
    draw_two_floors,
    say_in_panel,
    set_strength_axis,
)
from embedshift.needs import why_missing
from embedshift.number_text import value_text
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import TableIndex

FOOTNOTE = (
    "Upper panels: share of clips by the squared rank correlation, with its sign, between strength and the projection "
    "on the clip's own direction. In sample, as published, nearly every clip is in perfect order by construction; left "
    "out, with its mean, is what a clip's other strengths predict of each. Lower panels: mean length of the step to "
    "each strength over the clip's median step (1: even), with group-bootstrap bands, and the mean turn between steps."
)


def draw_clip_by_clip(rows: Sequence[Mapping[str, Any]], layout: StudyLayout) -> Figure:
    """Draw a model x effect grid, two panels each, from the rows of sensitivity.csv."""
    table = TableIndex(rows)
    floors = {
        "share of clips": partial(_draw_histograms, table=table),
        "step\n/ median step": partial(_draw_steps, table=table),
    }
    grid = draw_two_floors(layout, FOOTNOTE, floors)
    _draw_key(grid)
    return grid.figure


def _draw_histograms(axes: Axes, place: tuple[str, str], axis: StrengthAxis, table: TableIndex) -> None:
    rows = table.rows(*place, axis.effect, "squared_spearman_share", label="all")
    if not rows:
        say_in_panel(axes, why_missing(len(axis.texts)))
        return
    lower, shares = _bins(rows, "sample_wise_ridge")
    axes.bar(lower, shares, width=BIN_WIDTH, align="edge", color=ACCENT, linewidth=0)
    lower, shares = _bins(rows, "sample_wise_directions")
    axes.bar(lower, shares, width=BIN_WIDTH, align="edge", fill=False, edgecolor=SECOND, linewidth=0.7)
    axes.set_xlim(-1.02, 1.02)
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("squared Spearman of a clip")
    axes.yaxis.set_major_locator(MaxNLocator(3))
    mean = table.one(*place, axis.effect, "squared_spearman", variant="sample_wise_ridge", label="all")
    if mean is not None:
        axes.set_title(f"mean {value_text(mean, 2)}", loc="left", pad=2)


def _bins(rows: Sequence[Mapping[str, Any]], variant: str) -> tuple[np.ndarray, np.ndarray]:
    own = [(lower_edge(row["variant"]), row["value"]) for row in rows if row["variant"].startswith(variant)]
    return tuple(np.array(sorted(own)).reshape(-1, 2).T)


def _draw_steps(axes: Axes, place: tuple[str, str], axis: StrengthAxis, table: TableIndex) -> None:
    rows = table.curve(*place, axis, "relative_step", label="all")
    rows = [row for row in rows if row["value"] is not None]
    if not rows:
        say_in_panel(axes, "needs at least 3 strengths")
        return
    at = dict(zip(axis.texts, axis.positions, strict=True))
    x = [at[row["strength"]] for row in rows]
    draw_band(axes, x, rows, color=ACCENT, alpha=0.18)
    axes.plot(x, [row["value"] for row in rows], color=ACCENT, marker="o", markersize=1.6, linewidth=1)
    axes.axhline(1, color=MUTED, linewidth=0.6, linestyle="--", zorder=0)
    axes.set_ylim(0, 1.08 * max(row["ci_high"] or row["value"] for row in rows))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    set_strength_axis(axes, axis)
    turn = table.one(*place, axis.effect, "turning_degrees", variant="mean", label="all")
    if turn is not None:
        axes.set_title(f"turn {value_text(turn, 0)}°", loc="left", pad=2)


def _draw_key(grid: PanelGrid) -> None:
    entries = [
        Patch(facecolor=ACCENT, linewidth=0, label="left-out strengths (ridge)"),
        Patch(fill=False, edgecolor=SECOND, linewidth=0.7, label="in sample (CCA, as published)"),
        Line2D([], [], color=MUTED, linewidth=0.6, linestyle="--", label="even steps"),
    ]
    place = (0.06 / grid.size_in[0], (grid.bottom_in - 0.17) / grid.size_in[1])
    grid.figure.legend(handles=entries, loc="lower left", bbox_to_anchor=place, ncols=3, borderaxespad=0, borderpad=0)
