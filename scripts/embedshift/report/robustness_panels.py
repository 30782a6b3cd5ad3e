"""Panels of robustness: ROC AUC and its change with every eraser, an overview, and how well the strength is read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from embedshift.number_text import number_text, value_text
from embedshift.report.monotonicity_panels import p_phrase
from embedshift.report.panels import (
    Panel,
    curve_traces,
    names_of,
    neutral_line,
    rounded,
    spec_of,
    strength_axis,
)
from embedshift.robustness_columns import NONE
from embedshift.robustness_index import TO_EFFECTED, WAYS, ErasureNames, Place, RobustnessIndex
from embedshift.study_layout import StrengthAxis, StudyLayout

SERIES = 7
SYMBOLS = ("circle", "triangle-up", "square", "diamond")
DASH_OF_WAY = dict(zip(WAYS, ("solid", "dash"), strict=True))
CHANGE_COLOURS = [[0, "#F0A868"], [0.5, "#FFFFFF"], [1, "#74ABDF"]]
SMALLEST_SCALE = 0.01
NONE_BAND = 0.13
PROBES = {"linear": ("@accent", "circle", "linear"), "non_linear": ("@second", "square", "not linear")}


def eraser_colour(erasers: Sequence[str], name: str) -> str:
    """Return the name of an eraser's colour in specifications."""
    return "@ink" if name == NONE else f"@series{erasers.index(name) % SERIES}"


def eraser_symbol(erasers: Sequence[str], name: str) -> str:
    """Return the plotly symbol of an eraser: other shapes for the eighth and later ones."""
    return SYMBOLS[0 if name == NONE else erasers.index(name) // SERIES % len(SYMBOLS)]


def eraser_key(names: ErasureNames) -> list[tuple[str, str]]:
    """Return (name, CSS colour) of every eraser, `none` first, for the key of a figure."""
    marks = {"circle": "", "triangle-up": " (▲)", "square": " (■)", "diamond": " (◆)"}
    erasers = names.erasers
    coloured = [(name, f"var(--series{number % SERIES})") for number, name in enumerate(erasers)]
    return [
        (NONE, "currentColor"),
        *((name + marks[eraser_symbol(erasers, name)], colour) for name, colour in coloured),
    ]


def robustness_panels(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> list[Panel]:
    """Return ROC AUC against strength, mean over classes, for each data set, model and effect."""
    return _each(layout, names, lambda place, axis: _auc_panel(table, place, axis, names, "all"))


def robustness_class_panels(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> list[Panel]:
    """Return the same class by class."""
    found = [
        _auc_panel(table, place, layout.effects[effect], names, label)
        for place in layout.grid_rows
        for effect in names.effects
        for label in table.labels
    ]
    return [panel for panel in found if panel.spec is not None]


def erasure_panels(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> list[Panel]:
    """Return the change of AUC against `none` over the strengths."""
    return _each(layout, names, lambda place, axis: _change_panel(table, place, axis, names))


def erasure_overview_panels(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> list[Panel]:
    """Return heat maps, erasers by ways, of the mean change over the strengths."""
    return _each(layout, names, lambda place, axis: _heat_panel(table, place, axis, names))


def decodability_panels(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> list[Panel]:
    """Return R2 of the strength before and after each eraser."""
    return _each(layout, names, lambda place, axis: _decodability_panel(table, place, axis, names))


def _each(layout: StudyLayout, names: ErasureNames, make: Callable[[Place, StrengthAxis], Panel]) -> list[Panel]:
    return [make(place, layout.effects[effect]) for place in layout.grid_rows for effect in names.effects]


def _auc_panel(table: RobustnessIndex, place: Place, axis: StrengthAxis, names: ErasureNames, label: str) -> Panel:
    traces: list[dict[str, Any]] = []
    for eraser in (*reversed(names.erasers), NONE):
        for way in WAYS:
            curve = table.curve(place, axis, eraser, way, label)
            traces += _eraser_traces(curve, axis, names, eraser, WAYS[way], DASH_OF_WAY[way]) if curve else []
        traces += _clean_mark(table.clean_point(place, axis.effect, eraser, label), axis, names, eraser)
    if not traces:
        return Panel(**names_of(place, axis), message="No probe in the table.")
    weakest = table.curve(place, axis, NONE, TO_EFFECTED, label)
    clean = table.clean_point(place, axis.effect, NONE, label)
    notes = [] if label == "all" else [label]
    notes += [f"none: clean to clean {value_text(clean, 3)}, at the strongest strength {value_text(weakest[-1], 3)}"]
    y_axis = {"title": {"text": "ROC AUC"}, "nticks": 6}
    spec = spec_of(_bands_first(traces), 260, xaxis=strength_axis(axis), yaxis=y_axis, shapes=neutral_line(axis))
    description = f"ROC AUC against {axis.label} for {place[1]} under {axis.effect}, {label}. {'; '.join(notes)}."
    return Panel(**names_of(place, axis), notes=notes, description=description, spec=spec, height_px=260)


def _eraser_traces(
    curve: Sequence[Mapping[str, Any]], axis: StrengthAxis, names: ErasureNames, eraser: str, way: str, dash: str
) -> list[dict[str, Any]]:
    """Return the band, light but for `none`, and a thin line; the page shows one eraser alone where it is chosen."""
    colour, symbol = eraser_colour(names.erasers, eraser), eraser_symbol(names.erasers, eraser)
    opacity = NONE_BAND if eraser == NONE else max(0.02, min(0.06, 0.3 / len(names.erasers)))
    of_eraser = {} if eraser == NONE else {"meta": {"eraser": eraser}}
    *band, line = curve_traces(curve, axis, colour, f"{eraser}, {way}", dash=dash, opacity=opacity, **of_eraser)
    line["line"]["width"] = 2 if eraser == NONE else 1.3
    line["marker"] = {"size": 5 if symbol != "circle" else 3, "symbol": symbol}
    return [*band, line]


def _bands_first(traces: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the traces with the bands below all lines."""
    return sorted(traces, key=lambda trace: "fill" not in trace)


def _clean_mark(
    row: Mapping[str, Any] | None, axis: StrengthAxis, names: ErasureNames, eraser: str
) -> list[dict[str, Any]]:
    """Return the mark of clean to clean: at the neutral strength, or on the edge beside the weakest."""
    if row is None:
        return []
    low, high = min(axis.positions), max(axis.positions)
    first = axis.positions[0]
    outwards = -0.035 if first == low else 0.035
    beside = first * (high / low) ** outwards if axis.kind == "log" else first + outwards * (high - low)
    x = beside if axis.neutral_position is None else axis.neutral_position
    mark = {"x": rounded([x], 6), "y": rounded([row["value"]]), "mode": "markers", "cliponaxis": False}
    look = {"color": eraser_colour(names.erasers, eraser), "size": 7, "symbol": "circle-open"}
    hover = {"text": [value_text(row)], "hovertemplate": f"%{{text}}<extra>{eraser}, clean to clean</extra>"}
    of_eraser = {} if eraser == NONE else {"meta": {"eraser": eraser}}
    return [{**mark, "marker": look, **hover, **of_eraser}]


def _change_panel(table: RobustnessIndex, place: Place, axis: StrengthAxis, names: ErasureNames) -> Panel:
    traces: list[dict[str, Any]] = []
    differing = 0
    for eraser in names.erasers:
        for way in WAYS:
            curve = table.differences(place, axis, eraser, way)
            if curve:
                *band, line = _eraser_traces(curve, axis, names, eraser, WAYS[way], DASH_OF_WAY[way])
                is_one = [row["p_value"] is not None and row["p_value"] <= names.alpha for row in curve]
                line["marker"]["size"] = [9 if one else 2 for one in is_one]
                line["text"] = [f"{text}, {p_phrase(row)}" for text, row in zip(line["text"], curve, strict=True)]
                traces += [*band, line]
                differing += sum(is_one)
    if not traces:
        return Panel(**names_of(place, axis), message="No eraser in the table.")
    notes = [f"{differing} points differ from 0 at p ≤ {names.alpha:g} (corrected over strengths)"]
    y_axis = {"title": {"text": "change of ROC AUC"}, "zeroline": True, "zerolinewidth": 2, "nticks": 6}
    spec = spec_of(_bands_first(traces), 260, xaxis=strength_axis(axis), yaxis=y_axis, shapes=neutral_line(axis))
    description = f"Change of ROC AUC by each eraser for {place[1]} under {axis.effect}. {notes[0]}."
    return Panel(**names_of(place, axis), notes=notes, description=description, spec=spec, height_px=260)


def _heat_panel(table: RobustnessIndex, place: Place, axis: StrengthAxis, names: ErasureNames) -> Panel:
    rows = [[table.mean_difference(place, axis.effect, eraser, way) for way in WAYS] for eraser in names.erasers]
    known = [row for pair in rows for row in pair if row is not None]
    if not known:
        return Panel(**names_of(place, axis), message="No eraser in the table.")
    scale = max(SMALLEST_SCALE, *(abs(row["value"]) for row in known))
    heat = {
        "type": "heatmap",
        "x": [test for _, test in WAYS],
        "y": list(names.erasers),
        "z": [[None if row is None else rounded([row["value"]], 3)[0] for row in pair] for pair in rows],
        "text": [[_short_text(row, names.alpha) for row in pair] for pair in rows],
        "hovertext": [[_change_text(row, names.alpha) for row in pair] for pair in rows],
        "texttemplate": "%{text}",
        "textfont": {"size": 11, "color": "#222222"},
        "colorscale": CHANGE_COLOURS,
        "zmin": -scale,
        "zmax": scale,
        "showscale": False,
        "hovertemplate": "%{y}, %{x}: %{hovertext}<extra></extra>",
    }
    height = 60 + 26 * len(names.erasers)
    margin = {"l": 12 + 6 * max(map(len, names.erasers)), "r": 6, "t": 6, "b": 42}
    y_axis = {"autorange": "reversed", "tickfont": {"size": 10}}
    spec = spec_of([heat], height, margin=margin, yaxis=y_axis, xaxis={"title": {"text": "tested on"}, "tickangle": 0})
    told = "; ".join(f"{eraser}: {heat['hovertext'][line][0]}" for line, eraser in enumerate(names.erasers))
    return Panel(**names_of(place, axis), description=f"Mean change, clean to effected: {told}", spec=spec,
                 height_px=height)  # fmt: skip


def _short_text(row: Mapping[str, Any] | None, alpha: float) -> str:
    return "" if row is None else f"{number_text(row['value'], 3)}{_star(row, alpha)}"


def _change_text(row: Mapping[str, Any] | None, alpha: float) -> str:
    return "" if row is None else f"{value_text(row, 3)}, {p_phrase(row)}{_star(row, alpha)}"


def _star(row: Mapping[str, Any], alpha: float) -> str:
    return "*" if row["p_value"] is not None and row["p_value"] <= alpha else ""


def _decodability_panel(table: RobustnessIndex, place: Place, axis: StrengthAxis, names: ErasureNames) -> Panel:
    erasers = [NONE, *(name for name in names.erasers if name != names.augmentation)]
    traces = [trace for probe in PROBES for trace in _decodability_traces(table, place, axis.effect, erasers, probe)]
    if not traces:
        return Panel(**names_of(place, axis), message="Decoding the strength needs at least three groups.")
    before = table.decodability(place, axis.effect, NONE, "linear")
    notes = [f"before erasing, linear: {value_text(before, 2)}, {p_phrase(before)}"]
    height = 70 + 22 * len(erasers)
    margin = {"l": 12 + 6 * max(map(len, erasers)), "r": 10, "t": 8, "b": 42}
    x_axis = {"title": {"text": "held-out R²"}, "zeroline": True, "nticks": 5}
    y_axis = {"autorange": "reversed", "type": "category", "tickfont": {"size": 10}}
    spec = spec_of(traces, height, margin=margin, xaxis=x_axis, yaxis=y_axis)
    told = "; ".join(text for trace in traces for text in trace.get("text", ()))
    return Panel(**names_of(place, axis), notes=notes, description=told, spec=spec, height_px=height)


def _decodability_traces(
    table: RobustnessIndex, place: Place, effect: str, erasers: Sequence[str], probe: str
) -> list[dict[str, Any]]:
    """Return the intervals, and the values with the mean of the null in the hover text."""
    colour, symbol, words = PROBES[probe]
    found = {eraser: table.decodability(place, effect, eraser, probe) for eraser in erasers}
    rows = {eraser: row for eraser, row in found.items() if row is not None}
    if not rows:
        return []
    bounded = [(eraser, row) for eraser, row in rows.items() if row["ci_low"] is not None]
    bars = {
        "x": [end for _, row in bounded for end in (*rounded([row["ci_low"], row["ci_high"]]), None)],
        "y": [eraser for eraser, _ in bounded for _ in range(3)],
        "mode": "lines",
        "line": {"color": colour, "width": 1.2},
        "hoverinfo": "skip",
    }
    marks = {
        "x": rounded([row["value"] for row in rows.values()]),
        "y": list(rows),
        "mode": "markers",
        "marker": {"color": colour, "size": 7, "symbol": symbol},
        "text": [
            f"{eraser}, {words}: {value_text(row, 2)}, null {number_text(row['null_mean'], 2)}, {p_phrase(row)}"
            for eraser, row in rows.items()
        ],
        "hovertemplate": "%{text}<extra></extra>",
    }
    null = {**marks, "x": [row["null_mean"] for row in rows.values()], "hoverinfo": "skip"}
    null |= {"marker": {"color": "@soft", "size": 9, "symbol": "line-ns-open"}}
    for key in ("text", "hovertemplate"):
        null.pop(key)
    return [bars, null, marks]
