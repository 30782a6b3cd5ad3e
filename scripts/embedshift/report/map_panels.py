"""Panels of the maps: trajectories in principal components, strength as colour."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embedshift.report.panels import Panel, Place, each_panel, names_of, rounded, spec_of
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.trajectory_maps import PRINCIPAL, MapLine, TrajectoryMap


def map_panels(
    maps: Mapping[tuple[str, str, str], TrajectoryMap],
    layout: StudyLayout,
    *,
    with_clips: bool = True,
    measures: tuple[str, str] = PRINCIPAL,
) -> list[Panel]:
    """Return a map for each data set, model and effect; without single clips it is much smaller."""
    return each_panel(
        layout, lambda place, axis: _map_panel(maps.get((*place, axis.effect)), place, axis, with_clips, measures)
    )


def _map_panel(
    panel: TrajectoryMap | None, place: Place, axis: StrengthAxis, with_clips: bool, measures: tuple[str, str]
) -> Panel:
    names = names_of(place, axis)
    if panel is None or not panel.lines:
        return Panel(**names, message="No map in the table.")
    labels = list(dict.fromkeys(line.label for line in panel.lines))
    means, clips = panel.of_means(), panel.of_clips() if with_clips else []
    traces = [trace for label in labels for trace in _lines_of(label, clips, axis, width=0.8, size=3, opacity=0.5)]
    traces += [trace for label in labels for trace in _lines_of(label, means, axis, width=2, size=6, opacity=1)]
    titles = [panel.axis_title(measure) for measure in measures]
    x_axis = {"title": {"text": titles[0]}, "nticks": 5}
    y_axis = {"title": {"text": titles[1]}, "nticks": 5, "scaleanchor": "x"}
    description = (
        f"Map of {len(clips)} clips and {len(means)} class means of {place[1]} under {axis.effect} "
        f"at {len(axis.texts)} strengths; {titles[0]}, {titles[1]}."
    )
    ends = (axis.with_unit(axis.texts[0]), axis.with_unit(axis.texts[-1])) if len(axis.texts) > 1 else ()
    spec = spec_of(traces, 290, xaxis=x_axis, yaxis=y_axis)
    return Panel(**names, description=description, spec=spec, height_px=290, scale_ends=ends)


def _lines_of(
    label: str, lines: Sequence[MapLine], axis: StrengthAxis, *, width: float, size: float, opacity: float
) -> list[dict[str, Any]]:
    """Return one trace with all lines of a class, gaps between them, and one with their clean points."""
    own = [line for line in lines if line.label == label]
    if not own:
        return []
    points = [point for line in own for point in _points(line, axis, size)]
    x, y, rank, sizes, text = (list(column) for column in zip(*points, strict=True))
    marker = {"color": rank, "cmin": 0, "cmax": 1, "colorscale": "@strength", "size": sizes, "line": {"width": 0}}
    common = {"meta": {"label": label}, "opacity": opacity, "name": label}
    path = {"x": x, "y": y, "mode": "lines+markers", "line": {"color": "@soft", "width": width}, "marker": marker}
    hover = {"text": text, "hovertemplate": f"%{{text}}<extra>{label}</extra>"}
    cross = {"symbol": "x-thin", "size": 4 + 1.5 * width, "line": {"width": 0.5 + width / 2, "color": "@ink"}}
    clean = [line.clean for line in own if line.clean is not None]
    crosses = {"x": rounded([x for x, _ in clean]), "y": rounded([y for _, y in clean]), "mode": "markers"}
    return [{**path, **hover, **common}, {**crosses, "marker": cross, "hoverinfo": "skip", **common}]


def _points(line: MapLine, axis: StrengthAxis, size: float) -> Iterator[tuple[Any, ...]]:
    """Yield x, y, rank of strength (0 to 1), marker size and hover text of a line, and a gap behind it."""
    who = "class mean" if line.is_mean else line.variant
    if line.clean is not None:
        yield (*rounded(line.clean), 0, 0, f"{who}, clean")
    for text, point in zip(line.texts, line.points, strict=True):
        rank = axis.texts.index(text) / (len(axis.texts) - 1) if len(axis.texts) > 1 else 1.0
        yield (*rounded(point), round(rank, 3), size, f"{who}, {axis.with_unit(text)}")
    yield (None, None, 0, 0, "")
