"""Trajectories on a map: principal components of all embeddings of one model and one effect."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from embedshift.clip_choice import choose_clips
from embedshift.least_squares import CentredRows, merge_scatter
from embedshift.sweep import Sweep

AXES = 3


@dataclass(frozen=True)
class Map:
    """A linear map to a plane or a space: (x - mean) @ axes.T; axes (up to 3, dim), share of the variance of each."""

    mean: np.ndarray
    axes: np.ndarray
    share: np.ndarray

    def place(self, embeddings: np.ndarray) -> np.ndarray:
        """Return coordinates (..., axes) of embeddings (..., dim)."""
        return (embeddings.astype(np.float64) - self.mean) @ self.axes.T


def fit_map(clean: np.ndarray, trajectories: np.ndarray) -> Map:
    """Fit principal components to every clip, clean and at all strengths (not only to the clips drawn).

    Each axis is turned so that the mean clip moves in its positive direction from clean to the last strength.
    """
    parts = [CentredRows(clean[:, None]), CentredRows(trajectories)]
    rows, dim = sum(len(part) for part in parts), parts[0].dim
    mean = sum(len(part) * part.mean for part in parts) / rows
    if rows <= dim:
        matrix = np.concatenate([part.all() + (part.mean - mean) for part in parts])
        _, size, axes = scipy.linalg.svd(matrix, full_matrices=False, check_finite=False)
        variance, axes = size[:AXES] ** 2, axes[:AXES]
        total = np.sum(size**2)
    else:
        scatter = merge_scatter([(len(part), part.mean, part.scatter()) for part in parts])
        first = max(0, dim - AXES)
        variance, vectors = scipy.linalg.eigh(scatter, subset_by_index=[first, dim - 1], check_finite=False)
        variance, axes, total = np.maximum(variance[::-1], 0), vectors.T[::-1], np.trace(scatter)
    towards = axes @ (trajectories[:, -1].mean(axis=0, dtype=np.float64) - clean.mean(axis=0, dtype=np.float64))
    axes = axes * np.where(towards < 0, -1.0, 1.0)[:, None]
    return Map(mean, axes, variance / total if total > 0 else np.zeros(len(axes)))


def trajectory_rows(
    sweep: Sweep, strength_texts: Sequence[str], clips_per_class: int, seed: int
) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of trajectories.csv: the map's shares, chosen clips, and the means of each class and of all."""
    fitted = fit_map(sweep.clean, sweep.trajectories)
    clips = len(sweep.clip_id)
    for axis, share in enumerate(fitted.share, start=1):
        yield {"label": "all", "measure": "explained_share", "variant": f"pc{axis}", "value": share, "n": clips}
    texts = ["clean", *strength_texts]
    for clip in sorted(choose_clips(sweep.clip_id, sweep.label, seed, per_class=clips_per_class)):
        path = np.concatenate([sweep.clean[clip][None], sweep.trajectories[clip]])
        yield from _path_rows(fitted.place(path), texts, sweep.label[clip], sweep.clip_id[clip], 1)
    for label in ["all", *np.unique(sweep.label)]:
        inside = np.flatnonzero((sweep.label == label) | (label == "all"))
        mean = [sweep.clean[inside].mean(axis=0, dtype=np.float64)]
        mean += [sweep.trajectories[inside, p].mean(axis=0, dtype=np.float64) for p in range(len(strength_texts))]
        yield from _path_rows(fitted.place(np.stack(mean)), texts, label, "mean", len(inside))


def _path_rows(
    coordinates: np.ndarray, texts: Sequence[str], label: str, variant: str, clips: int
) -> Iterator[Mapping[str, Any]]:
    for text, point in zip(texts, coordinates, strict=True):
        for axis, value in enumerate(point, start=1):
            yield {
                "strength": text,
                "label": str(label),
                "measure": f"pc{axis}",
                "variant": str(variant),
                "value": value,
                "n": clips,
            }
