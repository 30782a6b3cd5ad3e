"""Panels of spectra: variance shares of the displacements over singular values as published."""

from collections.abc import Sequence

from embedshift.needs import why_missing
from embedshift.number_text import value_text
from embedshift.report.panels import Panel, Place, each_panel, names_of, rounded, spec_of, two_floors
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import Row, TableIndex


def spectra_panels(table: TableIndex, layout: StudyLayout) -> list[Panel]:
    """Return variance shares over singular values for each data set, model and effect."""
    return each_panel(layout, lambda place, axis: _spectrum_panel(table, place, axis))


def _spectrum_panel(table: TableIndex, place: Place, axis: StrengthAxis) -> Panel:
    names = names_of(place, axis)
    shares = _by_rank(table.rows(*place, axis.effect, "displacement_variance_share", label="all"))
    singular = table.rows(*place, axis.effect, "singular_value", label="all")
    if not shares and not singular:
        return Panel(**names, message=f"No spectrum: {why_missing(len(axis.texts))}.")
    bars = {"type": "bar", "x": list(range(1, len(shares) + 1)), "y": shares, "marker": {"color": "@accent"}}
    traces = [{**bars, "hovertemplate": "component %{x}: %{y:.3f}<extra></extra>"}]
    for kind, name, line in (
        ("clean", "clean embeddings", {"color": "@soft", "dash": "dash"}),
        ("sample_wise_directions", "sample-wise directions", {"color": "@second"}),
    ):
        own = _by_rank([row for row in singular if row["variant"].startswith(kind)])
        curve = {"x": list(range(1, len(own) + 1)), "y": own, "mode": "lines", "line": {"width": 2, **line}}
        hover = {"hovertemplate": f"rank %{{x}}: %{{y:.3f}}<extra>{name}</extra>"}
        traces.append({**curve, **hover, "name": name, "xaxis": "x2", "yaxis": "y2"})
    ratio = table.one(*place, axis.effect, "participation_ratio", variant="displacements", label="all")
    notes = [f"participation ratio {value_text(ratio, 1)}"]
    description = f"Displacement variance shares and singular values of {place[1]} under {axis.effect}; {notes[0]}."
    floors = two_floors(("component", "share of variance"), ("rank", "singular value"))
    floors["yaxis2"]["range"] = [0, 1.05]
    spec = spec_of(traces, 360, **floors)
    return Panel(**names, notes=notes, description=description, spec=spec, height_px=360)


def _by_rank(rows: Sequence[Row]) -> list[float]:
    return rounded([row["value"] for row in sorted(rows, key=lambda row: row["variant"]) if row["value"] is not None])
