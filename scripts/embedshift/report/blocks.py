"""Panels in the order of the page: one block a data set and model, what cannot be drawn named below it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedshift.report.panels import Panel
from embedshift.study_layout import StudyLayout


@dataclass(frozen=True)
class Block:
    """The panels of one data set and model: those drawn with the number of their specification, and those empty."""

    title: str
    drawn: Sequence[tuple[int, Panel]]
    empty: Sequence[Panel]


def arrange(panels: Sequence[Panel], layout: StudyLayout, specs: list[Mapping[str, Any]]) -> list[Block]:
    """Return the blocks of a figure; the specifications of its panels are appended to `specs`."""
    blocks = []
    for dataset, model in dict.fromkeys((panel.dataset, panel.model) for panel in panels):
        own = [panel for panel in panels if (panel.dataset, panel.model) == (dataset, model)]
        drawn = [panel for panel in own if panel.spec]
        numbered = list(enumerate(drawn, len(specs)))
        specs += [panel.spec for panel in drawn]
        blocks.append(Block(_title(dataset, model, layout), numbered, [panel for panel in own if not panel.spec]))
    return blocks


def _title(dataset: str, model: str, layout: StudyLayout) -> str:
    if model:
        return layout.row_name(dataset, model)
    return dataset if len(layout.datasets) > 1 else ""
