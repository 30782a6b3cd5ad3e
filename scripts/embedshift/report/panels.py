"""A panel of the page: a small plot with a heading, words for those who cannot see it, and a plotly specification.

Colours in specifications are names that begin with `@`; the page puts in those of the theme in force.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from embedshift.number_text import interval_text, number_text
from embedshift.study_layout import StrengthAxis, StudyLayout

Place = tuple[str, str]
WIDTH_PX = 292
BAND_OPACITY = 0.22


@dataclass(frozen=True)
class Panel:
    """One panel; `spec` is None where there is nothing to draw and `message` says why."""

    dataset: str
    effect: str
    model: str = ""
    notes: Sequence[str] = ()
    description: str = ""
    spec: Mapping[str, Any] | None = None
    message: str = ""
    height_px: int = 240
    scale_ends: Sequence[str] = ()


def spec_of(traces: Sequence[Mapping[str, Any]], height_px: int, **layout: Any) -> dict[str, Any]:
    """Return a plotly specification of fixed size, so that nothing jumps on any screen or on paper."""
    size = {"width": WIDTH_PX, "height": height_px, "margin": {"l": 52, "r": 10, "t": 8, "b": 42}}
    return {"data": list(traces), "layout": {**size, "showlegend": False, "hovermode": "closest", **layout}}


def rounded(values: Sequence[float], digits: int = 4) -> list[float]:
    """Return numbers with `digits` significant digits, which is all that a screen shows."""
    return [float(f"{value:.{digits}g}") for value in values]


def strength_axis(axis: StrengthAxis) -> dict[str, Any]:
    """Return the plotly x axis of an effect's strengths: weakest left, logarithmic for geometric sweeps."""
    low, high = axis.positions[0], axis.positions[-1]
    described: dict[str, Any] = {"title": {"text": axis.label}, "nticks": 5}
    if axis.kind == "log":
        ratio = (high / low) ** 0.04
        ticks = dict.fromkeys([axis.positions[0], axis.positions[len(axis.positions) // 2], axis.positions[-1]])
        texts = [number_text(tick) if tick < 1000 else f"{tick / 1000:.3g}k" for tick in ticks]
        described |= {"type": "log", "tickvals": list(ticks), "ticktext": texts}
        return described | {"range": [round(log10(low / ratio), 5), round(log10(high * ratio), 5)]}
    margin = (high - low) * 0.04 or 0.5
    if axis.kind == "ordinal":
        kept = slice(None, None, 1 + len(axis.texts) // 8)
        described |= {"tickvals": list(axis.positions[kept]), "ticktext": list(axis.texts[kept])}
    return described | {"range": [low - margin, high + margin]}


def neutral_line(axis: StrengthAxis) -> list[dict[str, Any]]:
    """Return the shape that marks the strength at which the effect changes nothing, if it lies on the axis."""
    if axis.neutral_position is None:
        return []
    ends = {"x0": axis.neutral_position, "x1": axis.neutral_position, "y0": 0, "y1": 1, "yref": "paper"}
    return [{"type": "line", **ends, "line": {"color": "@soft", "width": 1, "dash": "dot"}}]


def curve_traces(
    curve: Sequence[Mapping[str, Any]],
    axis: StrengthAxis,
    colour: str,
    name: str,
    *,
    dash: str = "solid",
    opacity: float = BAND_OPACITY,
    **further: Any,
) -> list[dict[str, Any]]:
    """Return the band of intervals, of this opacity, and the line of a curve over the strengths of an effect."""
    at = dict(zip(axis.texts, axis.positions, strict=True))
    x, y = [at[row["strength"]] for row in curve], rounded([row["value"] for row in curve])
    texts = [
        f"{axis.with_unit(row['strength'])}: {number_text(row['value'])} {interval_text(row)}".strip() for row in curve
    ]
    line = {
        "x": x,
        "y": y,
        "mode": "lines+markers",
        "line": {"color": colour, "width": 2, "dash": dash},
        "marker": {"size": 5},
    }
    hover = {"text": texts, "hovertemplate": f"%{{text}}<extra>{name}</extra>"}
    return [*_band(curve, x, colour, opacity, further), {**line, **hover, "name": name, **further}]


def _band(
    rows: Sequence[Mapping[str, Any]], x: Sequence[float], colour: str, opacity: float, further: dict[str, Any]
) -> list[Any]:
    known = [(place, row) for place, row in zip(x, rows, strict=True) if row["ci_low"] is not None]
    if not known:
        return []
    if len(known) == 1:
        place, row = known[0]
        ends = rounded([row["ci_low"], row["ci_high"]])
        bar = {"x": [place, place], "y": ends, "mode": "lines", "line": {"color": colour, "width": 1}}
        return [{**bar, "hoverinfo": "skip", **further}]
    edge = rounded([row["ci_low"] for _, row in known] + [row["ci_high"] for _, row in reversed(known)])
    outline = [place for place, _ in known] + [place for place, _ in reversed(known)]
    band = {"x": outline, "y": edge, "fill": "toself", "mode": "lines", "line": {"width": 0, "color": colour}}
    return [{**band, "fillcolor": colour, "opacity": opacity, "hoverinfo": "skip", **further}]


def each_panel(layout: StudyLayout, make: Callable[[Place, StrengthAxis], Panel]) -> list[Panel]:
    """Return `make((dataset, model), axis)` for every data set, model and effect of a study."""
    return [make(place, axis) for place in layout.grid_rows for axis in layout.effects.values()]


def names_of(place: Place, axis: StrengthAxis) -> dict[str, str]:
    """Return the names that a panel goes by."""
    return {"dataset": place[0], "model": place[1], "effect": axis.effect}


def two_floors(upper: tuple[str, str], lower: tuple[str, str], *, split: float = 0.5) -> dict[str, Any]:
    """Return the axes of two plots above each other; titles as (x, y), `split` where the upper one begins."""
    return {
        "xaxis": {"title": {"text": upper[0]}, "anchor": "y", "nticks": 6},
        "yaxis": {"title": {"text": upper[1]}, "domain": [split + 0.06, 1], "rangemode": "tozero", "nticks": 4},
        "xaxis2": {"title": {"text": lower[0]}, "anchor": "y2", "nticks": 6},
        "yaxis2": {"title": {"text": lower[1]}, "domain": [0, split - 0.1], "rangemode": "tozero", "nticks": 4},
    }
