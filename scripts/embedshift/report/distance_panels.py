"""Panels of the distances between the clean and the effected cloud: four plots above each other, one strength axis."""

from typing import Any

from embedshift.cloud_distances import CURVES, DISTANCES
from embedshift.number_text import number_text, value_text
from embedshift.report.monotonicity_panels import p_phrase
from embedshift.report.panels import (
    Panel,
    Place,
    curve_traces,
    each_panel,
    names_of,
    neutral_line,
    rounded,
    spec_of,
    strength_axis,
)
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import Row, TableIndex

HEIGHT_PX = 470
GAP = 0.05
MARGIN_PX = {"l": 62, "r": 10, "t": 8, "b": 42}
KEY = tuple((curve.name, f"var(--series{number})", "solid") for number, curve in enumerate(CURVES))


def distance_panels(table: TableIndex, layout: StudyLayout) -> list[Panel]:
    """Return Fréchet, kernel and alignment distances for each data set, model and effect."""
    return each_panel(layout, lambda place, axis: _panel(table, place, axis))


def _panel(table: TableIndex, place: Place, axis: StrengthAxis) -> Panel:
    names = names_of(place, axis)
    traces = [trace for number in range(len(DISTANCES)) for trace in _traces_of_floor(table, place, axis, number)]
    if not traces:
        return Panel(**names, message="Not in the table: needs at least 2 groups and 4 clips.")
    notes = _notes(table, place, axis)
    at_end = _values_at_strongest(table, place, axis)
    description = f"Distances between clean and effected clips for {place[1]} under {axis.effect}. {at_end}."
    bottom = strength_axis(axis) | {"anchor": f"y{len(DISTANCES)}"}
    spec = spec_of(traces, HEIGHT_PX, margin=MARGIN_PX, xaxis=bottom, shapes=neutral_line(axis), **_floors())
    return Panel(**names, notes=notes, description=description, spec=spec, height_px=HEIGHT_PX)


def _floors() -> dict[str, Any]:
    """Return the y axes, the first on top."""
    step, axes = 1 / len(DISTANCES), {}
    for number, distance in enumerate(DISTANCES):
        domain = [round(1 - (number + 1) * step + (GAP if number + 1 < len(DISTANCES) else 0), 4), 1 - number * step]
        limits = {"range": [-0.08, 1.05]} if distance.bounded else {"rangemode": "tozero"}
        title = {"text": "<br>".join(distance.title), "font": {"size": 11}, "standoff": 3}
        axes[f"yaxis{number + 1 if number else ''}"] = {"title": title, "domain": domain, "nticks": 4, **limits}
    return axes


def _traces_of_floor(table: TableIndex, place: Place, axis: StrengthAxis, number: int) -> list[dict[str, Any]]:
    traces, on = [], {"yaxis": f"y{number + 1}"} if number else {}
    for curve in DISTANCES[number].curves:
        rows, colour = curve.rows(table, place, axis), f"@series{CURVES.index(curve)}"
        if rows:
            traces += _null_trace(rows, axis, colour, curve.name, on)
            traces += curve_traces(rows, axis, colour, curve.name, **on)
    return traces


def _null_trace(
    rows: list[Row], axis: StrengthAxis, colour: str, name: str, on: dict[str, str]
) -> list[dict[str, Any]]:
    at = dict(zip(axis.texts, axis.positions, strict=True))
    known = [row for row in rows if row.get("null_mean") is not None]
    if not known:
        return []
    texts = [f"{axis.with_unit(row['strength'])}: {number_text(row['null_mean'])}, {p_phrase(row)}" for row in known]
    places = {"x": [at[row["strength"]] for row in known], "y": rounded([row["null_mean"] for row in known])}
    look = {"mode": "lines+markers", "line": {"color": colour, "width": 1, "dash": "dot"}, "marker": {"size": 3}}
    return [{**places, **look, "text": texts, "hovertemplate": f"%{{text}}<extra>null of {name}</extra>", **on}]


def _notes(table: TableIndex, place: Place, axis: StrengthAxis) -> list[str]:
    """Return in short what stands at the strongest strength."""
    last = {curve.name: rows[-1] for curve in CURVES if (rows := curve.rows(table, place, axis))}
    _, limit, cubic, gaussian, *_ = (last.get(curve.name) for curve in CURVES)
    notes = []
    if limit is not None:
        notes.append(f"Fréchet at the strongest, limit {value_text(limit)}")
    if cubic is not None and gaussian is not None:
        notes.append(f"MMD² there {p_phrase(cubic)} (cubic), {p_phrase(gaussian)} (Gaussian)")
    return notes


def _values_at_strongest(table: TableIndex, place: Place, axis: StrengthAxis) -> str:
    ends = [(curve.name, rows[-1]) for curve in CURVES if (rows := curve.rows(table, place, axis))]
    return "At the strongest strength: " + "; ".join(f"{name} {value_text(row)}" for name, row in ends)
