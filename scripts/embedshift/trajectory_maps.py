"""The rows of trajectories.csv gathered into maps: one line a clip and one a class mean, in principal coordinates."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from embedshift.study_layout import StudyLayout

PRINCIPAL = ("pc1", "pc2")
UMAP = ("umap1", "umap2")
MEAN = "mean"
CLEAN = "clean"


@dataclass(frozen=True)
class MapLine:
    """One trajectory: `points` are coordinates at the strengths `texts`, weakest first; `clean` may be missing."""

    label: str
    variant: str
    clean: tuple[float, float] | None
    texts: tuple[str, ...]
    points: tuple[tuple[float, float], ...]

    @property
    def is_mean(self) -> bool:
        """Return whether this is the mean of a class and not a single clip."""
        return self.variant == MEAN


@dataclass(frozen=True)
class TrajectoryMap:
    """The lines of one panel and the share of variance that each principal component explains."""

    explained_share: Mapping[str, float]
    lines: tuple[MapLine, ...]

    def of_clips(self) -> list[MapLine]:
        """Return the lines of single clips."""
        return [line for line in self.lines if not line.is_mean]

    def of_means(self) -> list[MapLine]:
        """Return the lines of class means; the mean of all clips only where there is no other."""
        means = [line for line in self.lines if line.is_mean]
        return [line for line in means if line.label != "all"] or means

    def axis_title(self, component: str) -> str:
        """Return for example `PC 1 (43 %)`, or `UMAP 1`."""
        share = self.explained_share.get(component)
        name = f"{'UMAP' if component in UMAP else 'PC'} {component[-1]}"
        return name if share is None else f"{name} ({share:.0%})".replace("%", " %")


def gather_maps(
    rows: Iterable[Mapping[str, Any]], layout: StudyLayout, axes: tuple[str, str] = PRINCIPAL
) -> dict[tuple[str, str, str], TrajectoryMap]:
    """Return a map for each (dataset, model, effect) of the layout that has rows; `axes` are the measures to take."""
    grouped = defaultdict(list)
    for row in rows:
        if row["value"] is not None:
            grouped[row["dataset"], row["model"], row["effect"]].append(row)
    return {key: _map(grouped[key], layout.effects[key[2]].texts, axes) for key in grouped if key[2] in layout.effects}


def _map(rows: list[Mapping[str, Any]], texts: tuple[str, ...], axes: tuple[str, str]) -> TrajectoryMap:
    shares = {row["variant"]: row["value"] for row in rows if row["measure"] == "explained_share"}
    coordinates: dict[tuple[str, str], dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        if row["measure"] in axes:
            coordinates[row["label"], row["variant"]][row["strength"]][row["measure"]] = row["value"]
    lines = tuple(_line(label, variant, at, texts, axes) for (label, variant), at in coordinates.items())
    return TrajectoryMap(explained_share=shares, lines=lines)


def _line(
    label: str, variant: str, at: Mapping[str, Mapping[str, float]], texts: tuple[str, ...], axes: tuple[str, str]
) -> MapLine:
    first, second = axes
    complete = {text: (found[first], found.get(second, 0.0)) for text, found in at.items() if first in found}
    known = tuple(text for text in texts if text in complete)
    return MapLine(label, variant, complete.get(CLEAN), known, tuple(complete[text] for text in known))
