"""ROC AUC against strength: trained clean and tested effected, and the other way round, with every eraser."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from embedshift.figures.eraser_style import LINE_OF_WAY, MARK_EVERY, KeyedGrid, eraser_style, light_band
from embedshift.figures.style import draw_band, say_in_panel, set_strength_axis
from embedshift.robustness_columns import NONE
from embedshift.robustness_index import TO_EFFECTED, WAYS, ErasureNames, Place, RobustnessIndex
from embedshift.study_layout import StrengthAxis, StudyLayout

FOOTNOTE = (
    "Area under the ROC curve of one-against-rest logistic regression on clips of groups that neither probe nor eraser "
    "saw, {what}; bands: group bootstrap, probes held fixed, those of erasers light. The mark at the neutral strength, "
    "or left of the weakest, is training and testing clean. 0.5 is chance."
)

PanelRow = tuple[Place, str, str, Sequence[str]]
"""Data set and model, class, name, and the erasers that are drawn beside `none`."""


def draw_robustness(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> Figure:
    """Draw a model x effect grid of the mean over the classes."""
    return _draw(table, layout, names, _of_all(layout, names), "mean over classes", panel_height_in=1.5)


def draw_robustness_by_class(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> Figure:
    """Draw the same class by class: one row of panels for each model and class."""
    rows = [
        (place, label, f"{layout.row_name(*place)} · {label}", names.erasers)
        for place in layout.grid_rows
        for label in table.labels
    ]
    return _draw(table, layout, names, rows, "class by class", panel_height_in=0.95)


def draw_robustness_by_eraser(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> Figure:
    """Draw the mean over the classes with one eraser a row of panels, beside erasing nothing, both with their bands."""
    rows = [
        (place, "all", f"{layout.row_name(*place)} · {eraser}", (eraser,))
        for place in layout.grid_rows
        for eraser in names.erasers
    ]
    return _draw(table, layout, names, rows or _of_all(layout, names), "mean over classes", panel_height_in=0.95)


def _of_all(layout: StudyLayout, names: ErasureNames) -> list[PanelRow]:
    return [(place, "all", layout.row_name(*place), names.erasers) for place in layout.grid_rows]


def _draw(
    table: RobustnessIndex,
    layout: StudyLayout,
    names: ErasureNames,
    rows: Sequence[PanelRow],
    what: str,
    panel_height_in: float,
) -> Figure:
    axes_of = {effect: layout.effects[effect] for effect in names.effects}
    grid = KeyedGrid(
        [name for _, _, name, _ in rows],
        list(axes_of),
        width_in=layout.width_in,
        panel_height_in=panel_height_in,
        erasers=(NONE, *names.erasers),
        ways=tuple(WAYS),
        footnote=FOOTNOTE.format(what=what),
    )
    for row, (place, label, _, shown) in enumerate(rows):
        for column, axis in enumerate(axes_of.values()):
            axes = grid.axes[row][column]
            _draw_panel(axes, table, (place, label), axis, names.erasers, shown)
            if column == 0:
                axes.set_ylabel("ROC AUC")
    return grid.figure


def _draw_panel(
    axes: Axes,
    table: RobustnessIndex,
    of: tuple[Place, str],
    axis: StrengthAxis,
    erasers: Sequence[str],
    shown: Sequence[str],
) -> None:
    """Draw `none` and the erasers shown; `erasers` are all of the study, in whose order styles are given."""
    place, label = of
    at = dict(zip(axis.texts, axis.positions, strict=True))
    if not table.curve(place, axis, NONE, TO_EFFECTED, label):
        say_in_panel(axes, "not in the table")
        return
    set_strength_axis(axes, axis)
    for eraser in (NONE, *shown):
        style = eraser_style(erasers, eraser)
        for way, line in LINE_OF_WAY.items():
            curve = table.curve(place, axis, eraser, way, label)
            x = [at[row["strength"]] for row in curve]
            look = {**style, "linestyle": line, "linewidth": 0.8, "markevery": MARK_EVERY}
            axes.plot(x, [row["value"] for row in curve], **look)
            draw_band(axes, x, curve, color=style["color"], alpha=0.13 if eraser == NONE else light_band(shown))
        _mark_clean(axes, table.clean_point(place, axis.effect, eraser, label), axis, style)
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _mark_clean(axes: Axes, row: Mapping[str, Any] | None, axis: StrengthAxis, style: Mapping[str, Any]) -> None:
    """Mark training and testing clean at the neutral strength, or on the left edge where it has no place."""
    if row is None:
        return
    left, right = axes.get_xlim()
    x = left if axis.neutral_position is None else axis.neutral_position
    axes.plot([x], [row["value"]], marker="o", markersize=2.6, color=style["color"], clip_on=False, zorder=6)
    axes.set_xlim(left, right)
