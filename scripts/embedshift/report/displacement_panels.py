"""Panels of displacement: size over alignment, one curve a model."""

from typing import Any

from embedshift.number_text import value_text
from embedshift.report.panels import Panel, curve_traces, neutral_line, spec_of, strength_axis, two_floors
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import TableIndex

SERIES = 7
DASHES = ("solid", "dash", "dot", "dashdot")


def displacement_panels(table: TableIndex, layout: StudyLayout) -> list[Panel]:
    """Return size over alignment for each data set and effect, one curve a model."""
    return [
        _displacement_panel(table, dataset, layout, axis)
        for dataset in layout.datasets
        for axis in layout.effects.values()
    ]


def _displacement_panel(table: TableIndex, dataset: str, layout: StudyLayout, axis: StrengthAxis) -> Panel:
    names = {"dataset": dataset, "effect": axis.effect}
    curves = [_curves_of_model(table, (dataset, model), axis, number) for number, model in enumerate(layout.models)]
    traces = [trace for curve in curves for trace in curve]
    if not traces:
        return Panel(**names, message="Not in the table.")
    floors = two_floors(("", "relative displacement"), ("", "cosine alignment"))
    floors["xaxis"] |= {**strength_axis(axis), "title": {"text": ""}}
    floors["xaxis2"] |= strength_axis(axis)
    description = (
        f"Relative displacement at the strongest strength of {axis.effect}: {_strongest(table, dataset, layout, axis)}."
    )
    return Panel(
        **names, description=description, spec=spec_of(traces, 380, shapes=neutral_line(axis), **floors), height_px=380
    )


def _curves_of_model(
    table: TableIndex, place: tuple[str, str], axis: StrengthAxis, number: int
) -> list[dict[str, Any]]:
    colour, name = f"@series{number % SERIES}", place[1]
    look = {"dash": DASHES[number // SERIES % len(DASHES)], "meta": {"model": name}}
    size = table.curve(*place, axis, "displacement_norm", variant="relative", label="all")
    alignment = table.curve(*place, axis, "cosine_alignment", label="all")
    upper = curve_traces(size, axis, colour, name, **look) if size else []
    lower = curve_traces(alignment, axis, colour, name, xaxis="x2", yaxis="y2", **look) if alignment else []
    return upper + lower


def _strongest(table: TableIndex, dataset: str, layout: StudyLayout, axis: StrengthAxis) -> str:
    measure = {"measure": "displacement_norm", "variant": "relative", "label": "all"}
    rows = {model: table.strongest(dataset, model, axis, **measure) for model in layout.models}
    return ", ".join(f"{model} {value_text(row)}" for model, row in rows.items())
