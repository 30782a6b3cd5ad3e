"""Can the strength still be read? R2 on held-out clips before and after each eraser, linear and not."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from embedshift.figures.style import ACCENT, MUTED, SECOND, PanelGrid, say_in_panel
from embedshift.robustness_columns import NONE
from embedshift.robustness_index import ErasureNames, Place, RobustnessIndex
from embedshift.study_layout import StudyLayout

FOOTNOTE = (
    "R² of the rank of strength, predicted for clips of groups that neither probe nor eraser (fitted on all classes) "
    "saw, with group-bootstrap intervals. Blue dots: ridge regression; orange squares: ridge regression on random "
    "Fourier features, which reads what is not linear; ticks: mean of the null (strengths permuted within each clip). "
    "Below 0 is worse than the mean; values below −0.5 are drawn at the left edge."
)
PROBES = {"linear": (ACCENT, "o", -0.15), "non_linear": (SECOND, "s", 0.15)}
LOWEST = -0.5


class _NamedLinesGrid(PanelGrid):
    """Room for the names of erasers beside the first column."""

    left_in = 1.9


def draw_decodability(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> Figure:
    """Draw a model x effect grid; one line an eraser, one mark a probe."""
    erasers = [NONE, *(name for name in names.erasers if name != names.augmentation)]
    row_names = [layout.row_name(*place) for place in layout.grid_rows]
    height_in = 0.3 + 0.13 * len(erasers)
    grid = _NamedLinesGrid(row_names, list(names.effects), width_in=layout.width_in, panel_height_in=height_in,
                     footnote=FOOTNOTE)  # fmt: skip
    for row, place in enumerate(layout.grid_rows):
        for column, effect in enumerate(names.effects):
            _draw_panel(grid.axes[row][column], table, place, effect, erasers, named=column == 0)
    return grid.figure


def _draw_panel(
    axes: Axes, table: RobustnessIndex, place: Place, effect: str, erasers: list[str], *, named: bool
) -> None:
    if table.decodability(place, effect, NONE, "linear") is None:
        say_in_panel(axes, "needs at least three groups")
        return
    for line, eraser in enumerate(erasers):
        for probe, (colour, marker, offset) in PROBES.items():
            row = table.decodability(place, effect, eraser, probe)
            if row is not None:
                y = line + offset
                axes.plot([row["ci_low"], row["ci_high"]], [y, y], color=colour, linewidth=0.7)
                axes.plot([max(row["value"], LOWEST)], [y], marker=marker, markersize=2.8, color=colour)
                axes.plot([row["null_mean"]], [y], marker="|", markersize=4, color=MUTED)
    axes.axvline(0, color="#BBBBBB", linewidth=0.5, zorder=0)
    axes.set_xlim(max(axes.get_xlim()[0], LOWEST), 1.03)
    axes.set_ylim(len(erasers) - 0.5, -0.5)
    axes.set_yticks(range(len(erasers)), erasers if named else [""] * len(erasers))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel("R² of the strength")
