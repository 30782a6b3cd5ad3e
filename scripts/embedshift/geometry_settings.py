"""What the geometry of a sweep is measured with: settings, and subsets of clips with their groups and resamples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedshift.group_pairs import Groups, groups_of
from embedshift.resampling import GroupDraws, draw_groups
from embedshift.sweep import Sweep


@dataclass(frozen=True)
class GeometrySettings:
    """Numbers from the config: those of `sensitivity`, those of `geometry`, and the seed (see config.schema.yaml)."""

    seed: int
    folds: int
    permutations: int
    bootstrap: int
    confidence: float
    ridge_share: float
    neighbours: int
    rotations: int
    most_clips: int

    @classmethod
    def of(cls, wanted: Mapping[str, Any]) -> "GeometrySettings":
        """Return the settings of a job."""
        return cls(seed=wanted["seed"], **wanted["sensitivity"], **wanted["geometry"])


@dataclass(frozen=True)
class Subset:
    """Some clips: `clips` are positions in the sweep, `draws` their resamples."""

    label: str
    clips: np.ndarray
    group: np.ndarray
    draws: GroupDraws
    groups: Groups

    @classmethod
    def of(cls, label: str, clips: np.ndarray, group: np.ndarray, chosen: GeometrySettings) -> "Subset":
        """Return the subset of clips with these groups, with resamples of whole groups."""
        draws = draw_groups(group, chosen.bootstrap, chosen.seed)
        return cls(label, clips, group, draws, groups_of(draws))

    def fewer(self, most: int, seed: int) -> "Subset":
        """Return the subset with at most `most` clips: whole groups, chosen by the seed; itself where it is smaller."""
        if len(self.clips) <= most:
            return self
        order = np.random.default_rng(seed).permutation(len(self.groups))
        taken = order[np.cumsum(self.groups.size[order]) <= most]
        inside = np.isin(self.groups.of_clip, taken if len(taken) else order[:1])
        draws = self.draws.among(inside)
        return Subset(self.label, self.clips[inside], self.group[inside], draws, groups_of(draws))


def read_subsets(sweep: Sweep, chosen: GeometrySettings) -> list[Subset]:
    """Return all clips and, where there are several classes, each class."""
    return [Subset.of(label, clips, sweep.group[clips], chosen) for label, clips in sweep.subsets()]
