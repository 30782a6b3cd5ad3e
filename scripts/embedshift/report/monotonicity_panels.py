"""Panels of monotonicity: held-out projections against strength, and the same measure class by class."""

from embedshift.number_text import MISSING, number_text, p_text, value_text
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
from embedshift.scores import LEAST_SQUARES, held_out_score, in_sample_score, score_ceiling, why_no_held_out
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import Row, TableIndex


def monotonicity_panels(table: TableIndex, layout: StudyLayout) -> list[Panel]:
    """Return held-out projections against strength for each data set, model and effect."""
    return each_panel(layout, lambda place, axis: _projection_panel(table, place, axis))


def class_panels(table: TableIndex, layout: StudyLayout) -> list[Panel]:
    """Return held-out squared Spearman correlations by class, where the table has them."""
    panels = each_panel(layout, lambda place, axis: _class_panel(table, place, axis))
    return [panel for panel in panels if panel.spec is not None]


def _projection_panel(table: TableIndex, place: Place, axis: StrengthAxis) -> Panel:
    curve = table.curve(*place, axis, "held_out_projection", split="held_out", label="all")
    if not curve:
        return Panel(**names_of(place, axis), message=f"No held-out value: {why_no_held_out(table, place, axis)}.")
    traces = curve_traces(curve, axis, "@accent", "mean projection")
    y_axis = {"title": {"text": "held-out projection (sd)"}, "zeroline": True, "nticks": 6}
    notes = monotonicity_notes(table, place, axis)
    description = (
        f"Mean held-out projection against {axis.label} for {place[1]} under {axis.effect}. {'; '.join(notes)}."
    )
    spec = spec_of(traces, 230, xaxis=strength_axis(axis), yaxis=y_axis, shapes=neutral_line(axis))
    return Panel(**names_of(place, axis), notes=notes, description=description, spec=spec, height_px=230)


def monotonicity_notes(table: TableIndex, place: Place, axis: StrengthAxis) -> list[str]:
    """Return the held-out squared Spearman correlation, its ceiling, its null and the published one in words."""
    held_out, in_sample = held_out_score(table, place, axis), in_sample_score(table, place, axis)
    notes = [f"held-out ρ² {value_text(held_out, 2)}{_ceiling_phrase(score_ceiling(table, place, axis))}"]
    if held_out is not None and held_out["null_mean"] is not None:
        notes.append(f"null {number_text(held_out['null_mean'], 2)}, {p_phrase(held_out)}")
    if in_sample is not None:
        null = in_sample["null_mean"]
        notes.append(f"in sample {number_text(in_sample['value'], 2)} (as published{_null_phrase(null)})")
    return notes


def p_phrase(row: Row | None) -> str:
    """Return `p = 0.005`, `p < 0.001`, or `p not given`."""
    text = p_text(row)
    if text == MISSING:
        return "p not given"
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _ceiling_phrase(ceiling: Row | None) -> str:
    return "" if ceiling is None else f" of at most {number_text(ceiling['value'], 2)}"


def _null_phrase(null_mean: float | None) -> str:
    return "" if null_mean is None else f"; its null {number_text(null_mean, 2)}"


def _class_panel(table: TableIndex, place: Place, axis: StrengthAxis) -> Panel:
    rows = table.rows(*place, axis.effect, "squared_spearman", variant=LEAST_SQUARES, split="held_out")
    rows = sorted((row for row in rows if row["label"] != "all" and row["value"] is not None), key=_value, reverse=True)
    if not rows:
        return Panel(**names_of(place, axis))
    labels = [row["label"] for row in rows]
    marks = {
        "y": labels,
        "x": rounded(list(map(_value, rows))),
        "mode": "markers",
        "marker": {"color": "@accent", "size": 7},
    }
    texts = [_class_text(row, score_ceiling(table, place, axis, row["label"])) for row in rows]
    bars = {
        "x": [end for row in rows if row["ci_low"] is not None for end in (row["ci_low"], row["ci_high"], None)],
        "y": [row["label"] for row in rows if row["ci_low"] is not None for _ in range(3)],
        "mode": "lines",
        "line": {"color": "@accent", "width": 1.2},
        "hoverinfo": "skip",
    }
    hover = {"text": texts, "hovertemplate": "%{text}<extra></extra>"}
    height = 70 + 20 * len(rows)
    margin = {"l": 12 + 7 * min(max(map(len, labels)), 20), "r": 10, "t": 8, "b": 42}
    x_axis = {"title": {"text": "held-out ρ²"}, "range": [min(0, *marks["x"]) - 0.05, 1.03], "zeroline": True}
    y_axis = {"autorange": "reversed", "type": "category"}
    spec = spec_of([bars, {**marks, **hover}], height, margin=margin, xaxis=x_axis, yaxis=y_axis)
    return Panel(**names_of(place, axis), description="; ".join(texts), spec=spec, height_px=height)


def _class_text(row: Row, ceiling: Row | None) -> str:
    return f"{row['label']}: {value_text(row, 2)}{_ceiling_phrase(ceiling)}, {p_phrase(row)}"


def _value(row: Row) -> float:
    return row["value"]
