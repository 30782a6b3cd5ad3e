"""Panels of what clips have in common at each strength: one curve a measure."""

from embedshift.common_motion_curves import CURVES, shared_rank_text
from embedshift.number_text import value_text
from embedshift.report.monotonicity_panels import p_phrase
from embedshift.report.panels import (
    Panel,
    Place,
    curve_traces,
    each_panel,
    names_of,
    neutral_line,
    spec_of,
    strength_axis,
)
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import TableIndex


def common_motion_panels(table: TableIndex, layout: StudyLayout) -> list[Panel]:
    """Return mean cosine and shares in common for each data set, model and effect."""
    return each_panel(layout, lambda place, axis: _panel(table, place, axis))


def _panel(table: TableIndex, place: Place, axis: StrengthAxis) -> Panel:
    names = names_of(place, axis)
    traces = []
    for number, curve in enumerate(CURVES):
        rows = curve.rows(table, place, axis)
        traces += curve_traces(rows, axis, f"@series{number}", curve.name) if rows else []
    if not traces:
        return Panel(**names, message="Not in the table: needs at least 2 groups.")
    notes = _notes(table, place, axis)
    description = f"What clips have in common for {place[1]} under {axis.effect}. {'; '.join(notes)}."
    y_axis = {"title": {"text": "in common"}, "zeroline": True, "nticks": 6}
    spec = spec_of(traces, 230, xaxis=strength_axis(axis), yaxis=y_axis, shapes=neutral_line(axis))
    return Panel(**names, notes=notes, description=description, spec=spec, height_px=230)


def _notes(table: TableIndex, place: Place, axis: StrengthAxis) -> list[str]:
    trajectory = CURVES[1].over_all(table, place, axis)
    notes = []
    if trajectory is not None:
        notes.append(f"one trajectory explains {value_text(trajectory, 2)}, {p_phrase(trajectory)}")
    shared = table.one(*place, axis.effect, "shared_rank", label="all")
    if shared is not None:
        notes.append(f"{shared_rank_text(shared)} shared directions")
    jump = table.one(*place, axis.effect, "jump", variant="largest_step", label="all")
    if jump is not None:
        notes.append(f"longest step {value_text(jump, 1)} × the median step")
    return notes
