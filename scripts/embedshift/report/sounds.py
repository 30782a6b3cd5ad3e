"""The sounds of the page: examples arranged as one row a clip and effect, strengths as columns, within a budget."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedshift.study_layout import StrengthAxis, StudyLayout

CLEAN = "clean"


@dataclass(frozen=True)
class SoundRow:
    """One clip under one effect: `sounds` are the records of its examples, clean first, then weak to strong.

    after: the clip that sounds on in this one (empty: none), None where the effect has no quirk.
    """

    dataset: str
    effect: str
    clip_id: str
    label: str
    sounds: Sequence[Mapping[str, Any]]
    after: str | None = None

    @property
    def size(self) -> int:
        """Return how many characters the sounds take in the page."""
        return sum(len(sound["audio_base64"]) for sound in self.sounds)


def read_sounds(paths: Iterable[str | Path], layout: StudyLayout) -> list[SoundRow]:
    """Return the examples in the order of the study; paths end in `{dataset}/{effect}.json`."""
    by_place = {(Path(path).parent.name, Path(path).stem): Path(path) for path in paths}
    places = [(dataset, effect) for dataset in layout.datasets for effect in layout.effects]
    return [
        row
        for place in places
        if place in by_place
        for row in _rows(json.loads(by_place[place].read_text(encoding="utf-8")), place, layout.effects[place[1]])
    ]


def _rows(examples: list[dict[str, Any]], place: tuple[str, str], axis: StrengthAxis) -> list[SoundRow]:
    clips = {example["clip_id"]: (example["label"], example.get("after")) for example in examples}
    rank = {CLEAN: -1, **{text: number for number, text in enumerate(axis.texts)}}
    return [
        SoundRow(*place, clip_id, label, _of_clip(examples, clip_id, rank, axis), after)
        for clip_id, (label, after) in clips.items()
    ]


def _of_clip(
    examples: list[dict[str, Any]], clip_id: str, rank: Mapping[str, int], axis: StrengthAxis
) -> list[dict[str, Any]]:
    own = sorted((example for example in examples if example["clip_id"] == clip_id), key=lambda x: rank[x["strength"]])
    return [{**example, "heading": _heading(example["strength"], axis)} for example in own]


def _heading(strength: str, axis: StrengthAxis) -> str:
    if strength == CLEAN:
        return CLEAN
    return axis.with_unit(strength) if len(axis.texts) > 1 else axis.effect


def within_budget(rows: Sequence[SoundRow], characters: int) -> tuple[list[SoundRow], int]:
    """Return rows that fit into so many characters, and how many were left out.

    The first clip of every effect comes first, then the second ones, so that no effect loses its only example to
    another's second.
    """
    place_in_effect: dict[tuple[str, str], int] = {}
    turns = []
    for number, row in enumerate(rows):
        turn = place_in_effect.setdefault((row.dataset, row.effect), 0)
        place_in_effect[row.dataset, row.effect] += 1
        turns.append((turn, number))
    kept, used = set(), 0
    for _, number in sorted(turns):
        if used + rows[number].size <= characters:
            kept.add(number)
            used += rows[number].size
    return [row for number, row in enumerate(rows) if number in kept], len(rows) - len(kept)
