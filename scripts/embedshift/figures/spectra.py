"""How many directions do displacements need? Variance shares, and singular values as published."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from embedshift.figures.style import ACCENT, MUTED, SECOND, PanelGrid, draw_two_floors, say_in_panel
from embedshift.needs import why_missing
from embedshift.number_text import value_text
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import TableIndex

FOOTNOTE = (
    "Upper panels: share of the displacements' variance in each principal component; PR: participation ratio, the "
    "number of components that the displacements fill. Lower panels, as published: singular values of "
    "sample-wise directions beside those of the clean embeddings, each divided by its largest. Read these with care: "
    "sample-wise directions follow a trajectory's smallest, noisiest axes, so their spectrum can be flat even where "
    "all displacements lie in a few dimensions."
)


def draw_spectra(rows: Sequence[Mapping[str, Any]], layout: StudyLayout) -> Figure:
    """Draw a model x effect grid, two panels each, from the rows of sensitivity.csv."""
    table = TableIndex(rows)
    floors = {
        "share of variance": partial(_draw_shares, table=table),
        "singular value\n/ largest": partial(_draw_singular_values, table=table),
    }
    grid = draw_two_floors(layout, FOOTNOTE, floors)
    _draw_key(grid)
    return grid.figure


def _draw_shares(axes: Axes, place: tuple[str, str], axis: StrengthAxis, table: TableIndex) -> None:
    shares = table.rows(*place, axis.effect, "displacement_variance_share", label="all")
    values = [row["value"] for row in sorted(shares, key=lambda row: row["variant"]) if row["value"] is not None]
    if not values:
        say_in_panel(axes, why_missing(len(axis.texts)))
        return
    axes.bar(range(1, len(values) + 1), values, width=0.75, color=ACCENT, linewidth=0)
    axes.set_ylim(0, max(values) * 1.1)
    axes.set_xlim(0.3, max(len(values), 5) + 0.7)
    _label_components(axes, "component")
    ratio = table.one(*place, axis.effect, "participation_ratio", variant="displacements", label="all")
    axes.set_title(f"PR {value_text(ratio, 1)}", loc="left", pad=2)


def _draw_singular_values(axes: Axes, place: tuple[str, str], axis: StrengthAxis, table: TableIndex) -> None:
    rows = table.rows(*place, axis.effect, "singular_value", label="all")
    if not rows:
        say_in_panel(axes, why_missing(len(axis.texts)))
        return
    for prefix, style in (
        ("clean", {"color": MUTED, "linestyle": "--"}),
        ("sample_wise_directions", {"color": SECOND}),
    ):
        own = sorted((row for row in rows if row["variant"].startswith(prefix)), key=lambda row: row["variant"])
        axes.plot(range(1, len(own) + 1), [row["value"] for row in own], linewidth=1, **style)
    axes.set_ylim(0, 1.05)
    _label_components(axes, "rank")


def _label_components(axes: Axes, title: str) -> None:
    axes.set_xlabel(title)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=2))
    axes.yaxis.set_major_locator(MaxNLocator(3))


def _draw_key(grid: PanelGrid) -> None:
    entries = [
        Line2D([], [], color=SECOND, linewidth=1, label="sample-wise directions"),
        Line2D([], [], color=MUTED, linewidth=1, linestyle="--", label="clean embeddings"),
    ]
    place = (0.06 / grid.size_in[0], (grid.bottom_in - 0.17) / grid.size_in[1])
    grid.figure.legend(handles=entries, loc="lower left", bbox_to_anchor=place, ncols=2, borderaxespad=0, borderpad=0)
