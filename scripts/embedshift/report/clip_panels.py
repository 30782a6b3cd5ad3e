"""Panels clip by clip: histograms of single clips' rank correlations over the steps along the sweep."""

from collections.abc import Sequence
from typing import Any

from embedshift.clip_histogram import BIN_WIDTH, lower_edge
from embedshift.needs import why_missing
from embedshift.number_text import value_text
from embedshift.report.monotonicity_panels import p_phrase
from embedshift.report.panels import (
    Panel,
    Place,
    curve_traces,
    each_panel,
    names_of,
    rounded,
    spec_of,
    strength_axis,
    two_floors,
)
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import Row, TableIndex

KEY = [
    ("left-out strengths (ridge)", "var(--series0)", "solid"),
    ("in sample (CCA, as published)", "var(--second)", "solid"),
]


def clip_panels(table: TableIndex, layout: StudyLayout) -> list[Panel]:
    """Return histograms over steps for each data set, model and effect."""
    return each_panel(layout, lambda place, axis: _panel(table, place, axis))


def _panel(table: TableIndex, place: Place, axis: StrengthAxis) -> Panel:
    names = names_of(place, axis)
    shares = table.rows(*place, axis.effect, "squared_spearman_share", label="all")
    if not shares:
        return Panel(**names, message=f"No direction of single clips: {why_missing(len(axis.texts))}.")
    traces = [
        _histogram(shares, "sample_wise_ridge", "left out", {"color": "@accent"}),
        _histogram(shares, "sample_wise_directions", "in sample", {"color": "rgba(0,0,0,0)", "line": _OUTLINE}),
    ]
    steps = [row for row in table.curve(*place, axis, "relative_step", label="all") if row["value"] is not None]
    if steps:
        traces += curve_traces(steps, axis, "@accent", "step over median step", xaxis="x2", yaxis="y2")
    floors = two_floors(("squared Spearman of a clip", "share of clips"), ("", "step / median"))
    floors["xaxis"]["range"] = [-1.02, 1.02]
    floors["xaxis2"] |= strength_axis(axis)
    notes = _notes(table, place, axis)
    description = f"Single clips of {place[1]} under {axis.effect}. {'; '.join(notes)}."
    spec = spec_of(traces, 360, barmode="overlay", bargap=0, **floors)
    return Panel(**names, notes=notes, description=description, spec=spec, height_px=360)


_OUTLINE = {"color": "@second", "width": 1}


def _histogram(rows: Sequence[Row], variant: str, name: str, marker: dict[str, Any]) -> dict[str, Any]:
    own = sorted((lower_edge(row["variant"]), row["value"]) for row in rows if row["variant"].startswith(variant))
    return {
        "type": "bar",
        "x": [round(lower + BIN_WIDTH / 2, 3) for lower, _ in own],
        "y": rounded([share for _, share in own]),
        "width": BIN_WIDTH,
        "marker": marker,
        "hovertemplate": f"about %{{x}}: %{{y:.3f}} of clips<extra>{name}</extra>",
    }


def _notes(table: TableIndex, place: Place, axis: StrengthAxis) -> list[str]:
    notes = []
    mean = table.one(*place, axis.effect, "squared_spearman", variant="sample_wise_ridge", label="all")
    if mean is not None:
        notes.append(f"left out: mean {value_text(mean, 2)}, {p_phrase(mean)}")
    turn = table.one(*place, axis.effect, "turning_degrees", variant="mean", label="all")
    if turn is not None:
        notes.append(f"turn {value_text(turn, 0)}° a step")
    return notes
