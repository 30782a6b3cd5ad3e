"""A learned, non-linear eraser: a small network that takes every condition of a clip back to its clean embedding.

Linear erasers leave what an effect does non-linearly (a changed length, a displacement that depends on the clip), or
take a whole subspace away with everything else in it. Here a residual network on the leading principal coordinates is
trained with two terms. Contrastive: all conditions of a clip are pulled to the clip's own clean embedding, which keeps
clips, hence classes, apart. Adversarial, with the adversary in closed form: the kernel two-sample discrepancy (Gretton
et al., JMLR 13, 2012, Gaussian kernels of three widths) between the outputs at different levels, clean included, is
made small, so that no smooth function tells levels apart. Last, a LEACE eraser of all levels is fitted on the
outputs: what is left linearly, also outside the principal coordinates, goes.

Trained on one thread with a generator of its own: the same clips and seed give the same weights on any number of
cores (`learned_training`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from embedshift.erasers.displacement_pca import leading_eigenvectors
from embedshift.erasers.leace import fit_to_moments
from embedshift.erasers.learned_map import LearnedMap, ResidualNetwork
from embedshift.erasers.learned_training import train
from embedshift.erasers.ledoit_wolf import merge_rows
from embedshift.erasers.linear_map import LinearMap
from embedshift.erasers.training_clips import TrainingClips
from embedshift.least_squares import CentredRows


def fit(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LearnedMap, dict[str, float]]:
    """Return the trained network and the linear eraser behind it; `details` has the parts of the loss at the end."""
    mean, components = _principal_axes(clips, options["components"])
    coordinates = _coordinates(clips, mean, components)
    scale = max(float(np.sqrt(np.mean(np.sum(coordinates**2, axis=2)))), float(np.finfo(np.float32).tiny))
    weights, details = train(coordinates / np.float32(scale), options, seed)
    network = ResidualNetwork(mean, components, scale, weights)
    return LearnedMap(network, _fit_linear(clips, network)), details


def _principal_axes(clips: TrainingClips, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (dim,) and the leading principal axes (q, dim) of clean and effected rows together."""
    mean, covariance = merge_rows([clips.effected, clips.clean_rows], [clips.effected_scatter, clips.clean_scatter])
    return mean, leading_eigenvectors(covariance, min(number, clips.dim))[1]


def _coordinates(clips: TrainingClips, mean: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Return principal coordinates (clips, 1 + strengths, q) float32, clean first."""
    coordinates = np.empty((len(clips), 1 + clips.strengths, len(components)), dtype=np.float32)
    coordinates[:, 0] = (clips.clean - mean) @ components.T
    for at, part in clips.blocks():
        coordinates[at, 1:] = (part - mean) @ components.T
    return coordinates


class _ErasedRows(CentredRows):
    """The pooled rows after the network, without an array of the size of the sweep."""

    def __init__(self, network: ResidualNetwork, trajectories: np.ndarray, clips: np.ndarray, threads: int) -> None:
        self._network = network
        super().__init__(trajectories, clips, threads)

    def _parts(self) -> Iterator[tuple[slice, np.ndarray]]:
        for at, part in super()._parts():
            rows = part.reshape(-1, self.dim).astype(np.float64)
            self._network.add_change(rows)
            yield at, rows.reshape(part.shape)

    def level_means(self) -> np.ndarray:
        """Return the mean of the rows of each level, (levels, dim)."""
        total = sum(block.reshape(-1, self.strengths, self.dim).sum(axis=0) for _, block in self.blocks())
        return self.mean + total * self.strengths / len(self)


def _fit_linear(clips: TrainingClips, network: ResidualNetwork) -> LinearMap:
    """Return LEACE of all levels, clean included, fitted on the network's outputs."""
    effected = _ErasedRows(network, clips.sweep, clips.chosen, clips.threads)
    clean = _ErasedRows(network, clips.clean[:, None], np.arange(len(clips)), clips.threads)
    levels = np.concatenate([clean.level_means(), effected.level_means()])
    scatters = [effected.scatter(), clean.scatter()]
    return fit_to_moments([effected, clean], scatters, levels, np.eye(len(levels)), "ledoit_wolf")
