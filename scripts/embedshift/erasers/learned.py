"""A learned, non-linear eraser: a small network that takes every condition of a clip back to its clean embedding.

Linear erasers leave what an effect does non-linearly (a changed length, a displacement that depends on the clip), or
take a whole subspace away with everything else in it. Here a residual network on the leading principal coordinates is
trained with two terms. Contrastive: all conditions of a clip are pulled to the clip's own clean embedding, which keeps
clips, hence classes, apart. Adversarial, with the adversary in closed form: the kernel two-sample discrepancy (Gretton
et al., JMLR 13, 2012, Gaussian kernels of three widths) between the outputs at different levels, clean included, is
made small, so that no smooth function tells levels apart. Last, a LEACE eraser of all levels is fitted on the
outputs: what is left linearly, also outside the principal coordinates, goes.

Trained on one thread with a generator of its own: the same clips and seed give the same weights on any number of
cores.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from embedshift.device import one_thread_each
from embedshift.erasers.displacement_pca import leading_eigenvectors
from embedshift.erasers.leace import fit_to_moments
from embedshift.erasers.learned_map import LearnedMap, ResidualNetwork
from embedshift.erasers.ledoit_wolf import merge_rows
from embedshift.erasers.linear_map import LinearMap
from embedshift.erasers.training_clips import TrainingClips
from embedshift.least_squares import CentredRows

if TYPE_CHECKING:
    import torch

CLIPS_AT_ONCE = 48
LEVELS_AT_ONCE = 6
KERNEL_WIDTHS = (0.25, 1.0, 4.0)
"""Variances of the Gaussian kernels, in units of the median squared distance."""
PEAK_LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2


def fit(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LearnedMap, dict[str, float]]:
    """Return the trained network and the linear eraser behind it; `details` has the parts of the loss at the end."""
    mean, components = _principal_axes(clips, options["components"])
    coordinates = _coordinates(clips, mean, components)
    scale = max(float(np.sqrt(np.mean(np.sum(coordinates**2, axis=2)))), float(np.finfo(np.float32).tiny))
    weights, details = _train(coordinates / np.float32(scale), options, seed)
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


def _train(
    coordinates: np.ndarray, options: Mapping[str, Any], seed: int
) -> tuple[tuple[np.ndarray, ...], dict[str, float]]:
    """Return the six arrays of weights after `steps` steps with a rising, then falling learning rate."""
    import torch

    with one_thread_each():
        generator = torch.Generator().manual_seed(seed)
        weights = _first_weights(coordinates.shape[2], options["hidden"], generator)
        optimiser = torch.optim.AdamW(weights, lr=PEAK_LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_LEARNING_RATE, total_steps=options["steps"])
        for batch in _batches(torch.from_numpy(coordinates), options["steps"], generator):
            outputs = _erase(weights, batch)
            distance = (outputs - batch[:, :1]).square().sum(dim=2).mean()
            discrepancy = _discrepancy(outputs)
            optimiser.zero_grad()
            (distance + options["independence"] * discrepancy).backward()
            optimiser.step()
            schedule.step()
    arrays = tuple(array.detach().numpy().copy() for array in weights)
    return arrays, {"last_distance_to_clean": distance.item(), "last_discrepancy": discrepancy.item()}


def _first_weights(q: int, hidden: int, generator: "torch.Generator") -> list["torch.Tensor"]:
    """Return weights that leave unit variances, but for the last layer, which starts near no change."""
    import torch

    weights = []
    for inputs, outputs, gain in ((q, hidden, 1.0), (hidden, hidden, 1.0), (hidden, q, 0.1 / np.sqrt(q))):
        drawn = torch.randn(inputs, outputs, generator=generator) * (gain / np.sqrt(inputs))
        weights += [drawn.requires_grad_(), torch.zeros(outputs, requires_grad=True)]
    return weights


def _batches(coordinates: "torch.Tensor", steps: int, generator: "torch.Generator") -> Iterator["torch.Tensor"]:
    """Yield random clips at random levels, (clips, levels, q), the clean embedding always the first level."""
    import torch

    clips, levels = coordinates.shape[:2]
    for _ in range(steps):
        chosen = torch.randperm(clips, generator=generator)[:CLIPS_AT_ONCE]
        effected = 1 + torch.randperm(levels - 1, generator=generator)[: LEVELS_AT_ONCE - 1]
        yield coordinates[chosen][:, torch.cat([torch.zeros(1, dtype=torch.long), effected])]


def _erase(weights: list["torch.Tensor"], batch: "torch.Tensor") -> "torch.Tensor":
    """Return batch + network(batch), as `ResidualNetwork` does in units of its scale."""
    from torch.nn.functional import silu

    w1, b1, w2, b2, w3, b3 = weights
    return batch + silu(silu(batch * np.sqrt(batch.shape[2]) @ w1 + b1) @ w2 + b2) @ w3 + b3


def _discrepancy(outputs: "torch.Tensor") -> "torch.Tensor":
    """Return the sum over levels of squared kernel distances between a level's outputs and all, a scalar."""
    import torch

    clips, levels, q = outputs.shape
    rows = outputs.reshape(-1, q)
    lengths = rows.square().sum(dim=1)
    squared = (lengths[:, None] + lengths[None] - 2 * rows @ rows.T).clamp_min(0)
    median = squared.detach().median().clamp_min(1e-12)
    kernel = sum(torch.exp(-squared / (width * median)) for width in KERNEL_WIDTHS)
    between = kernel.reshape(clips, levels, clips, levels).mean(dim=(0, 2))
    return torch.diagonal(between).sum() - between.mean() * levels


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
