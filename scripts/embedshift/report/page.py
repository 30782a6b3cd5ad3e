"""The page: one HTML file with everything in it, made from tables, study.json and sound examples."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from embedshift.atomic import write_text
from embedshift.number_text import count_text, number_text
from embedshift.report.blocks import Block, arrange
from embedshift.report.captions import read_captions
from embedshift.report.claims import claims
from embedshift.report.clip_panels import KEY as CLIP_KEY
from embedshift.report.clip_panels import clip_panels
from embedshift.report.common_motion_panels import common_motion_panels
from embedshift.report.dimensions import dimensions
from embedshift.report.directions import directions
from embedshift.report.displacement_panels import displacement_panels
from embedshift.report.distance_panels import KEY as DISTANCE_KEY
from embedshift.report.distance_panels import distance_panels
from embedshift.report.erasure_tables import PageTable
from embedshift.report.map_panels import map_panels
from embedshift.report.monotonicity_panels import class_panels, monotonicity_panels
from embedshift.report.panels import Panel
from embedshift.report.robustness_sections import Robustness
from embedshift.report.sounds import read_sounds, within_budget
from embedshift.report.spectrum_panels import spectra_panels
from embedshift.report.summary import heat_maps, summary_rows
from embedshift.report.theme import css_colours, themes
from embedshift.report.twins import read_twins
from embedshift.study_layout import StudyLayout, read_layout
from embedshift.table_index import TableIndex
from embedshift.tables import read_table
from embedshift.trajectory_maps import UMAP, gather_maps

# plotly takes 4.8 million of the 15 that a page may have
SOUND_CHARACTERS = 5_000_000
PANEL_CHARACTERS = 4_000_000
MANY_PANELS = 24
CLASSES_LEFT_OUT = "Single classes are left out here to keep the page small; the figure robustness_by_class has them."


@dataclass(frozen=True)
class Figure:
    """One section of interactive panels; `name` is that of its caption and of the static figure.

    key: (name, CSS colour, CSS border style) of each kind of curve, where the page does not know them. table: numbers
    that have no panel.
    """

    name: str
    title: str
    blocks: Sequence[Block]
    by_class: Sequence[Block] = ()
    note: str = ""
    key: Sequence[tuple[str, str, str]] = ()
    table: PageTable | None = None


def build_report(
    *,
    sensitivity: str,
    trajectories: str,
    description: str,
    examples: Sequence[str],
    captions: Sequence[str],
    template: str,
    css: str,
    script: str,
    settings: str,
    page: str,
    robustness: str | None = None,
    published: Sequence[str] = (),
    twins: str | None = None,
) -> None:
    """Write the page of a study; the same inputs give the same bytes.

    robustness: its table, where it is studied; published: files of published curves to draw over ours;
    twins: the table of twins, where the study has some.
    """
    layout, config = read_layout(settings), json.loads(settings)
    table = TableIndex(read_table(sensitivity))
    coordinates = read_table(trajectories)
    erased = None if robustness is None else Robustness.read(robustness, published, settings, layout)
    figures, packed = _figures_that_fit(table, coordinates, layout, erased)
    sounds, sounds_left_out = within_budget(read_sounds(examples, layout), SOUND_CHARACTERS)
    context = {
        "title": (config.get("report") or {}).get("title") or layout.study,
        "layout": layout,
        "captions": {name: Markup(text) for name, text in read_captions(captions, config).items()},
        "strengths": sum(len(axis.texts) for axis in layout.effects.values()),
        "heat_maps": heat_maps(table, layout),
        "summary": summary_rows(table, layout),
        "claims": claims(table, layout),
        "robustness_claims": [] if erased is None else erased.claims(),
        "dimensions": dimensions(table, layout),
        "directions": directions(table, layout),
        "twins": [] if twins is None else read_twins(twins, layout),
        "figures": figures,
        "many_panels": len(layout.grid_rows) * len(layout.effects) > MANY_PANELS,
        "erasers": [] if erased is None else erased.names.erasers,
        "classes": sorted({row["label"] for row in coordinates} - {"all", ""}),
        "sounds": sounds,
        "sounds_left_out": sounds_left_out,
        "study": json.loads(Path(description).read_text(encoding="utf-8")),
        "colours": {name: Markup(css_colours(name, layout.colour_map)) for name in ("light", "dark")},
        "themes": _as_json(themes(layout.colour_map)),
        "packed_panels": packed,
        **_assets(css, script),
    }
    write_text(page, _environment().from_string(Path(template).read_text(encoding="utf-8")).render(context))


def _figures_that_fit(
    table: TableIndex, trajectories: list[dict[str, Any]], layout: StudyLayout, erased: Robustness | None
) -> tuple[list[Figure], str]:
    """Return the figures and their packed specifications; single clips and classes leave where they take too much."""
    maps, by_umap = gather_maps(trajectories, layout), gather_maps(trajectories, layout, UMAP)
    by_umap = by_umap if any(panel.lines for panel in by_umap.values()) else {}
    for with_clips, with_classes in ((True, True), (True, False), (False, False)):
        specs: list[Mapping[str, Any]] = []
        umap_panels = map_panels(by_umap, layout, measures=UMAP) if by_umap and with_clips else []
        figures = _figures(table, map_panels(maps, layout, with_clips=with_clips), umap_panels, layout, specs)
        figures += [] if erased is None else _robustness_figures(erased, layout, specs, with_classes=with_classes)
        packed = pack(specs)
        if len(packed) <= PANEL_CHARACTERS:
            break
    note = "" if with_clips else "Single clips are left out here to keep the page small; the static figure has them."
    return [replace(figures[0], note=note), *figures[1:]], packed


def _figures(
    table: TableIndex,
    maps: Sequence[Panel],
    umap_panels: Sequence[Panel],
    layout: StudyLayout,
    specs: list[Mapping[str, Any]],
) -> list[Figure]:
    def blocks(panels: Sequence[Panel]) -> list[Block]:
        return arrange(panels, layout, specs)

    return [
        Figure("trajectories", "Maps of trajectories", blocks(maps)),
        *([Figure("umap", "Maps by UMAP", blocks(umap_panels))] if umap_panels else []),
        Figure(
            "monotonicity",
            "Monotonicity",
            blocks(monotonicity_panels(table, layout)),
            by_class=blocks(class_panels(table, layout)),
        ),
        Figure("spectra", "Dimensionality", blocks(spectra_panels(table, layout))),
        Figure("clip_by_clip", "Clip by clip", blocks(clip_panels(table, layout)), key=CLIP_KEY),
        Figure("common_motion", "Common motion", blocks(common_motion_panels(table, layout))),
        Figure("distances", "Distances and dimensions", blocks(distance_panels(table, layout)), key=DISTANCE_KEY),
        Figure("displacement", "Size and alignment", blocks(displacement_panels(table, layout))),
    ]


def _robustness_figures(
    erased: Robustness, layout: StudyLayout, specs: list[Mapping[str, Any]], *, with_classes: bool
) -> list[Figure]:
    """Return the sections on robustness and erasure; the numbers of their panels go on from those in `specs`."""
    figures = []
    for name, title, panels, of_classes in erased.sections():
        by_class = arrange(of_classes(), layout, specs) if with_classes else ()
        notes = [CLASSES_LEFT_OUT] if name == "robustness" and not with_classes else []
        note = " ".join([*notes, erased.note_of(name)]).strip()
        blocks = arrange(panels(), layout, specs)
        figures.append(Figure(name, title, blocks, by_class, note, erased.key_of(name), erased.table_of(name)))
    return figures


def pack(specs: Sequence[Mapping[str, Any]]) -> str:
    """Return specifications as JSON, compressed with gzip, in base64; the page unpacks them."""
    text = json.dumps(specs, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode("utf-8"), mtime=0)).decode("ascii")


def _assets(css: str, script: str) -> dict[str, Markup]:
    plotly = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    return {
        "css": Markup(Path(css).read_text(encoding="utf-8")),
        "script": Markup(Path(script).read_text(encoding="utf-8")),
        "plotly": Markup(plotly.replace("</script", "<\\/script")),
    }


def _as_json(value: Any) -> Markup:
    """Return JSON that may stand inside a script element."""
    return Markup(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))


def _environment() -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "chain": chain_text,
        "duration": duration_text,
        "number": number_text,
        "pretty_json": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    }
    environment.globals["count"] = count_text
    return environment


def chain_text(chain: Sequence[Mapping[str, Any]]) -> str:
    """Return a chain of processors in words, such as `Reverb (room_size swept, damping 0.5)`."""
    return " → ".join(_processor_text(item) for item in chain)


def _processor_text(item: Mapping[str, Any]) -> str:
    parameters = [
        f"{key} swept" if value == "sweep" else f"{key} {value}" for key, value in item.items() if key != "processor"
    ]
    parameters.sort(key=lambda text: not text.endswith(" swept"))
    return f"{item['processor']} ({', '.join(parameters)})" if parameters else item["processor"]


def duration_text(seconds: float | None) -> str:
    """Return seconds as `45 s`, `12 min` or `3.4 h`."""
    if seconds is None:
        return number_text(None)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
