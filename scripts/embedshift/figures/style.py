"""How figures look and how they are saved: colours, type, grids of panels, strength axes."""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from embedshift.atomic import write_atomically
from embedshift.study_layout import StrengthAxis, StudyLayout, read_layout
from embedshift.tables import read_table

# Okabe and Ito's colours without the yellow, which is too light on paper
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#5B5B5B")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1, 1.5)))
ACCENT, SECOND, MUTED, INK = SERIES[0], SERIES[1], "#8A8A8A", "#222222"
STYLE = {
    "svg.hashsalt": "embedshift",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 6.5,
    "axes.titlesize": 6.5,
    "axes.labelsize": 6.5,
    "axes.linewidth": 0.5,
    "axes.edgecolor": "#555555",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelpad": 1.5,
    "axes.unicode_minus": True,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.pad": 1.5,
    "ytick.major.pad": 1.5,
    "lines.linewidth": 1.1,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


@contextmanager
def paper_style() -> Iterator[None]:
    """Use the type and line widths of embedshift's figures inside the block."""
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **STYLE, "backend": "agg"}):
        yield


def plot_table(
    draw: Callable[[list[dict[str, Any]], StudyLayout], Figure],
    *,
    table: str | Path,
    settings: str,
    svg: str | Path,
    png: str | Path,
) -> None:
    """Read a table, draw it with `draw(rows, layout)` and save the figure twice."""
    layout = read_layout(settings)
    with paper_style():
        save_figure(draw(read_table(table), layout), svg=svg, png=png, dpi=layout.dpi)


def save_figure(figure: Figure, *, svg: str | Path, png: str | Path, dpi: int = 200) -> None:
    """Save as SVG (no date, fixed identifiers: byte-identical on rerun) and as PNG with `dpi` dots an inch."""
    with write_atomically(svg) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})
    with write_atomically(png) as temporary:
        figure.savefig(temporary, format="png", dpi=dpi)


def strength_colours(name: str) -> Colormap:
    """Return the colours of strength, dark for weak: a colour map without its end too light for white paper."""
    return ListedColormap(matplotlib.colormaps[name].resampled(256)(range(0, 226)), name="strength")


def heat_colours() -> Colormap:
    """Return the colours of heat maps, white to blue, light enough for dark text all the way."""
    return LinearSegmentedColormap.from_list("heat", ["#FFFFFF", "#74ABDF"])


def series_style(number: int) -> dict[str, Any]:
    """Return colour and dashes of the curve `number`: colours first, then other dashes."""
    dashes = DASHES[(number // len(SERIES)) % len(DASHES)]
    return {"color": SERIES[number % len(SERIES)], "linestyle": dashes}


class PanelGrid:
    """A figure of `rows` x `columns` panels of equal size in inches, with names beside rows and over columns."""

    left_in, right_in, name_in, footnote_line_in = 0.72, 0.12, 0.24, 0.115

    def __init__(
        self,
        row_names: Sequence[str],
        column_names: Sequence[str],
        *,
        width_in: float,
        panel_height_in: float = 1.15,
        above_in: float = 0.1,
        below_in: float = 0.36,
        between_in: float = 0.42,
        bottom_in: float = 0.0,
        footnote: str = "",
    ) -> None:
        columns = len(column_names)
        fitting_in = (width_in - self.left_in - self.right_in) / columns - between_in
        self.panel_in = (min(max(fitting_in, 1.15), 2.4), panel_height_in)
        self.step_in = (self.panel_in[0] + between_in, panel_height_in + above_in + below_in)
        width_in = max(self.left_in + columns * self.step_in[0] - between_in + self.right_in, 3.4)
        note_lines = textwrap.wrap(footnote, width=int(width_in * 22))
        note_in = 0.12 + self.footnote_line_in * len(note_lines) if note_lines else 0.04
        self.bottom_in = bottom_in + note_in
        height_in = self.name_in + len(row_names) * self.step_in[1] + self.bottom_in
        self.figure = Figure(figsize=(width_in, height_in))
        self._above_in, self.size_in = above_in, (width_in, height_in)
        self.axes = [[self._panel(row, column) for column in range(columns)] for row in range(len(row_names))]
        self._write_names(row_names, column_names)
        self._write_footnote(note_lines)

    def add_axes_in(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Add axes at a place given in inches from the lower left corner."""
        across, up = self.size_in
        return self.figure.add_axes((left / across, bottom / up, width / across, height / up))

    def column_left_in(self, column: int) -> float:
        """Return where a column of panels begins, in inches."""
        return self.left_in + column * self.step_in[0]

    def _panel(self, row: int, column: int) -> Axes:
        top = self.size_in[1] - self.name_in - row * self.step_in[1] - self._above_in
        return self.add_axes_in(self.column_left_in(column), top - self.panel_in[1], *self.panel_in)

    def _write_names(self, row_names: Sequence[str], column_names: Sequence[str]) -> None:
        across, up = self.size_in
        for column, name in enumerate(column_names):
            centre = self.column_left_in(column) + self.panel_in[0] / 2
            size = min(7.5, 7.5 * self.step_in[0] * 15 / max(len(name), 1))
            self.figure.text(centre / across, 1 - 0.06 / up, name, ha="center", va="top", weight="bold", fontsize=size)
        for row, name in enumerate(row_names):
            middle = up - self.name_in - row * self.step_in[1] - self._above_in - self.panel_in[1] / 2
            lines = "\n".join(line for part in name.split(" · ") for line in textwrap.wrap(part, 24)[:2])
            self.figure.text(
                0.09 / across,
                middle / up,
                lines,
                rotation=90,
                ha="left",
                va="center",
                multialignment="center",
                weight="bold",
                fontsize=7,
            )

    def _write_footnote(self, lines: list[str]) -> None:
        across, up = self.size_in
        place = {"ha": "left", "va": "bottom", "fontsize": 5.8, "color": "#444444", "linespacing": 1.25}
        self.figure.text(0.09 / across, 0.05 / up, "\n".join(lines), **place)


def grid_names(layout: StudyLayout) -> tuple[list[str], list[str]]:
    """Return the names of the rows and columns of a model x effect grid."""
    return [layout.row_name(*row) for row in layout.grid_rows], list(layout.effects)


def draw_two_floors(
    layout: StudyLayout, footnote: str, floors: Mapping[str, Callable[[Axes, tuple[str, str], StrengthAxis], None]]
) -> PanelGrid:
    """Return a model x effect grid of two panels each: floors are {label of the y axis: what draws a panel}."""
    names = [name for row in layout.grid_rows for name in (layout.row_name(*row), "")]
    style = {"width_in": layout.width_in, "panel_height_in": 0.85, "above_in": 0.17, "bottom_in": 0.16}
    grid = PanelGrid(names, list(layout.effects), footnote=footnote, **style)
    for row, place in enumerate(layout.grid_rows):
        for column, axis in enumerate(layout.effects.values()):
            for floor, (label, draw) in enumerate(floors.items()):
                axes = grid.axes[2 * row + floor][column]
                draw(axes, place, axis)
                if column == 0:
                    axes.set_ylabel(label)
    return grid


def set_strength_axis(axes: Axes, axis: StrengthAxis) -> None:
    """Put the strengths of an effect on the x axis: weakest left, logarithmic for geometric sweeps, neutral dotted."""
    low, high = axis.positions[0], axis.positions[-1]
    if axis.kind == "log":
        axes.set_xscale("log")
        ratio = (high / low) ** 0.04
        axes.set_xlim(low / ratio, high * ratio)
        _set_ticks(axes, axis, [low, (low * high) ** 0.5, high])
    else:
        margin = (high - low) * 0.04 or 0.5
        axes.set_xlim(low - margin, high + margin)
        if axis.kind == "ordinal":
            _set_ticks(axes, axis, axis.positions)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    if axis.neutral_position is not None:
        axes.axvline(axis.neutral_position, color="#BBBBBB", linewidth=0.5, linestyle=":", zorder=0)
    axes.set_xlabel(axis.label)


def _set_ticks(axes: Axes, axis: StrengthAxis, wanted: Iterable[float]) -> None:
    """Put ticks on the strengths nearest to `wanted`, at most five, written as in the tables."""
    text_at = dict(zip(axis.positions, axis.texts, strict=True))
    nearest = [min(axis.positions, key=lambda position: abs(position - goal)) for goal in wanted]
    chosen = list(dict.fromkeys(nearest))[:: max(1, len(nearest) // 5)]
    axes.xaxis.set_major_locator(FixedLocator(chosen))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda position, _: short_text(text_at.get(position, ""))))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def short_text(text: str) -> str:
    """Return a strength's text short enough for a tick: thousands as k, at most three significant digits there."""
    try:
        value = float(text)
    except ValueError:
        return text
    return f"{value / 1000:.3g}k" if abs(value) >= 1000 else text.replace("-", "\N{MINUS SIGN}")


def say_in_panel(axes: Axes, text: str) -> None:
    """Write why a panel holds no curve, and take its scales away."""
    lines = "\n".join(textwrap.wrap(text, 20))
    axes.text(0.5, 0.5, lines, transform=axes.transAxes, ha="center", va="center", color="#555555", style="italic")
    axes.set_axis_off()


def draw_band(axes: Axes, x: Sequence[float], rows: Sequence[Mapping[str, Any]], **style: Any) -> None:
    """Draw the confidence intervals of a curve as a band where the rows have them, a single one as a bar."""
    known = [(place, row["ci_low"], row["ci_high"]) for place, row in zip(x, rows, strict=True) if _has_interval(row)]
    if len(known) == 1:
        axes.vlines(*known[0], color=style["color"], linewidth=0.8)
    elif known:
        axes.fill_between(*zip(*known, strict=True), linewidth=0, **style)


def _has_interval(row: Mapping[str, Any]) -> bool:
    return row["ci_low"] is not None and row["ci_high"] is not None
