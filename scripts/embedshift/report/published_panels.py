"""Panels of published curves over ours: one panel an eraser, where model, effect and class have the same names."""

from typing import Any

from embedshift.number_text import number_text
from embedshift.published_overlay import PublishedOverlay, PublishedPanel
from embedshift.report.panels import Panel, curve_traces, names_of, neutral_line, rounded, spec_of, strength_axis
from embedshift.robustness_index import TO_CLEAN, TO_EFFECTED, WAYS, RobustnessIndex, Way
from embedshift.study_layout import StudyLayout

COLOUR_OF_WAY = {TO_EFFECTED: "@series0", TO_CLEAN: "@series1"}
DASH_OF_WAY = {TO_EFFECTED: "solid", TO_CLEAN: "dash"}
SHORT = {TO_EFFECTED: "clean to effected", TO_CLEAN: "effected to clean"}
KEY = (
    *((f"this study, {WAYS[way]}", f"var(--series{number})", style)
      for number, (way, style) in enumerate(((TO_EFFECTED, "solid"), (TO_CLEAN, "dashed")))),
    ("published (× in the colour of the way)", "currentColor", "dotted"),
)  # fmt: skip


def published_panels(table: RobustnessIndex, layout: StudyLayout, published: PublishedOverlay) -> list[Panel]:
    """Return ROC AUC against strength with the published points, for each published case and eraser."""
    return [
        _panel(table, published, found, eraser)
        for found in published.panels(table, layout)
        for eraser in found.erasers
    ]  # fmt: skip


def why_no_published_curve(published: PublishedOverlay) -> str:
    """Return in words that nothing published has the names of the study; empty where nothing is stored."""
    names = published.names()
    if not names:
        return ""
    cases = "; ".join(f"{model}, {effect}, {label}" for model, effect, label in names)
    return (
        "Published curves (Deng et al. 2025) are not drawn: none is of a model, an effect and a class of this study. "
        f"Those stored are: {cases}."
    )


def _panel(table: RobustnessIndex, published: PublishedOverlay, found: PublishedPanel, eraser: str) -> Panel:
    axis, traces, notes = found.axis, [], [f"{found.label}, {eraser}"]
    for way in WAYS:
        curve = table.curve(found.place, axis, eraser, way, found.label)
        traces += curve_traces(curve, axis, COLOUR_OF_WAY[way], f"this study, {WAYS[way]}", dash=DASH_OF_WAY[way])
        traces += _published_trace(published, found, eraser, way)
        agreed = published.agreement(found, eraser, way, curve)
        if agreed.points:
            notes.append(
                f"{SHORT[way]}: inside {agreed.inside} of {agreed.points}; ours minus published "
                f"{number_text(agreed.mean, 4)}"
            )
    for trace in traces:
        trace["marker"] = {**trace.get("marker", {}), "size": 6 if trace["mode"] == "markers" else 3}
    y_axis = {"title": {"text": "ROC AUC"}, "nticks": 6}
    spec = spec_of(traces, 240, xaxis=strength_axis(axis), yaxis=y_axis, shapes=neutral_line(axis))
    description = f"ROC AUC of this study and as published, {found.place[1]} under {axis.effect}: {'; '.join(notes)}."
    return Panel(**names_of(found.place, axis), notes=notes, description=description, spec=spec, height_px=240)


def _published_trace(published: PublishedOverlay, found: PublishedPanel, eraser: str, way: Way) -> list[dict[str, Any]]:
    points = published.curve(found.place[1], found.axis, found.label, eraser, way)
    if not points:
        return []
    x, y = zip(*points, strict=True)
    texts = [f"{found.axis.with_unit(format(at, '.6g'))}: {number_text(auc, 4)}" for at, auc in points]
    hover = {"text": texts, "hovertemplate": f"%{{text}}<extra>published, {WAYS[way]}</extra>"}
    look = {"mode": "markers", "marker": {"color": COLOUR_OF_WAY[way], "symbol": "x-thin-open", "size": 6}}
    return [{"x": list(x), "y": rounded(y), "name": "published", **look, **hover}]
