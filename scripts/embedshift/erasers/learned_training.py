"""Training of the learned eraser's network: its loss, the gradient by hand, AdamW, and the learning rate's one cycle.

Written out in NumPy, because the networks are small: what automatic differentiation spends around each operation is
several times the arithmetic. The random draws are torch's, by a generator of their own.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    import torch

CLIPS_AT_ONCE = 48
LEVELS_AT_ONCE = 6
KERNEL_WIDTHS = (4.0, 1.0, 0.25)
"""Variances of the Gaussian kernels, in units of the median squared distance; each a quarter of the one before."""
PEAK_LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
RISING_SHARE, FIRST_SHARE, LAST_SHARE = 0.3, 1 / 25, 1e-4 / 25
"""Of the steps, and of the peak rate: Smith and Topin, "Super-convergence" (2019), in PyTorch's form."""
MOMENTUM, LEAST_MOMENTUM, SQUARES_DECAY, SMALLEST_ROOT = 0.95, 0.85, 0.999, 1e-8

Weights = tuple[np.ndarray, ...]
"""Six float32 arrays: w1 (q, h), b1 (h,), w2 (h, h), b2 (h,), w3 (h, q), b3 (q,)."""


def train(coordinates: np.ndarray, options: Mapping[str, Any], seed: int) -> tuple[Weights, dict[str, float]]:
    """Return the weights after `steps` steps, and the parts of the loss before the last one.

    coordinates: float32 (clips, levels, q), the clean embedding first; options: those of the eraser `learned`.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    first = _first_weights(coordinates.shape[2], options["hidden"], generator)
    values = np.concatenate([array.ravel() for array in first])
    weights = _views(values, first)
    optimiser = _AdamW(values, options["steps"])
    slope = np.empty_like(values)
    slopes = _views(slope, first)
    with threadpool_limits(1):
        for batch in _batches(coordinates, options["steps"], generator):
            distance, discrepancy = descend(weights, batch, options["independence"], slopes)
            optimiser.step(slope)
    return weights, {"last_distance_to_clean": distance, "last_discrepancy": discrepancy}


def _first_weights(q: int, hidden: int, generator: "torch.Generator") -> Weights:
    """Return weights that leave unit variances, but for the last layer, which starts near no change."""
    import torch

    weights: list[np.ndarray] = []
    for inputs, outputs, gain in ((q, hidden, 1.0), (hidden, hidden, 1.0), (hidden, q, 0.1 / np.sqrt(q))):
        drawn = torch.randn(inputs, outputs, generator=generator) * (gain / np.sqrt(inputs))
        weights += [drawn.numpy(), np.zeros(outputs, dtype=np.float32)]
    return tuple(weights)


def _views(values: np.ndarray, like: Weights) -> Weights:
    """Return arrays of these shapes that share the memory of the flat `values`."""
    ends = np.cumsum([array.size for array in like])
    parts = zip(ends, like, strict=True)
    return tuple(values[end - array.size : end].reshape(array.shape) for end, array in parts)


def _batches(coordinates: np.ndarray, steps: int, generator: "torch.Generator") -> Iterator[np.ndarray]:
    """Yield random clips at random levels, (clips, levels, q), the clean embedding always the first level."""
    import torch

    clips, levels = coordinates.shape[:2]
    for _ in range(steps):
        chosen = torch.randperm(clips, generator=generator)[:CLIPS_AT_ONCE].numpy()
        effected = 1 + torch.randperm(levels - 1, generator=generator)[: LEVELS_AT_ONCE - 1].numpy()
        yield coordinates[chosen[:, None], np.concatenate([[0], effected])]


def descend(weights: Weights, batch: np.ndarray, independence: float, slopes: Weights) -> tuple[float, float]:
    """Return the mean squared distance to the clean embedding and the discrepancy between levels.

    The gradient of distance + independence * discrepancy is written to `slopes`, arrays like the weights.
    """
    w1, b1, w2, b2, w3, b3 = weights
    rows = batch.reshape(-1, batch.shape[2])
    inputs = rows * float(np.sqrt(batch.shape[2]))
    first, first_slope = _silu(inputs @ w1 + b1)
    second, second_slope = _silu(first @ w2 + b2)
    outputs = rows + (second @ w3 + b3)
    distance, to_clean = _distance(outputs, batch)
    discrepancy, apart = _discrepancy(outputs, *batch.shape[:2])
    back = to_clean + independence * apart
    for layer, into, slope in ((2, second, second_slope), (1, first, first_slope), (0, inputs, None)):
        np.matmul(into.T, back, out=slopes[2 * layer])
        np.sum(back, axis=0, out=slopes[2 * layer + 1])
        if slope is not None:
            back = back @ weights[2 * layer].T
            back *= slope
    return distance, discrepancy


def _silu(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values / (1 + exp(-values)) and its derivative."""
    share = 1 / (1 + np.exp(-values))
    passed = values * share
    return passed, share + passed * (1 - share)


def _distance(outputs: np.ndarray, batch: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean over rows of the squared distance to the clip's clean embedding, and its gradient."""
    away = (outputs.reshape(batch.shape) - batch[:, :1]).reshape(outputs.shape)
    return float(np.vdot(away, away) / len(away)), away * (2 / len(away))


def _discrepancy(outputs: np.ndarray, clips: int, levels: int) -> tuple[float, np.ndarray]:
    """Return the sum over levels of squared kernel distances between a level's outputs and all, and its gradient.

    The kernels' width follows the outputs, and is held fixed in the gradient.
    """
    lengths = np.einsum("rq,rq->r", outputs, outputs)
    squared = outputs @ outputs.T
    squared *= -2
    squared += lengths[:, None]
    squared += lengths
    np.maximum(squared, 0, out=squared)
    middle = (squared.size - 1) // 2
    median = max(float(np.partition(squared.ravel(), middle)[middle]), 1e-12)
    kernel, steepness = _kernels(squared, median)
    between = kernel.reshape(clips, levels, clips, levels).mean(axis=(0, 2))
    share = (np.eye(levels, dtype=np.float32) - np.float32(1 / levels)) / np.float32(clips**2)
    steepness.reshape(clips, levels, clips, levels)[:] *= share[:, None]
    gradient = 4 * (steepness.sum(axis=1)[:, None] * outputs - steepness @ outputs)
    return float(np.trace(between) - between.mean() * levels), gradient


def _kernels(squared: np.ndarray, median: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of the Gaussian kernels of squared distances and its derivative."""
    narrower = np.exp(squared * (-1 / (KERNEL_WIDTHS[0] * median)))
    kernel, steepness = narrower.copy(), narrower * (-1 / (KERNEL_WIDTHS[0] * median))
    for width in KERNEL_WIDTHS[1:]:
        narrower *= narrower  # a quarter of the width is the fourth power
        narrower *= narrower
        kernel += narrower
        steepness += narrower * (-1 / (width * median))
    return kernel, steepness


class _AdamW:
    """AdamW (Loshchilov and Hutter 2019) on one flat array, the rate rising and falling once, momentum against it."""

    def __init__(self, values: np.ndarray, steps: int) -> None:
        self._values, self._steps, self._taken = values, steps, 0
        self._mean, self._square = np.zeros_like(values), np.zeros_like(values)

    def step(self, slope: np.ndarray) -> None:
        """Update the values by a gradient (values,)."""
        rate, momentum = self._cycle()
        self._taken += 1
        self._mean += (1 - momentum) * (slope - self._mean)
        self._square *= SQUARES_DECAY
        self._square += (1 - SQUARES_DECAY) * slope * slope
        root = np.sqrt(self._square)
        root /= float(np.sqrt(1 - SQUARES_DECAY**self._taken))
        root += SMALLEST_ROOT
        self._values *= 1 - rate * WEIGHT_DECAY
        self._values -= rate / (1 - momentum**self._taken) * self._mean / root

    def _cycle(self) -> tuple[float, float]:
        """Return the learning rate and the momentum of the next step."""
        peak, last = RISING_SHARE * self._steps - 1, self._steps - 1
        if self._taken <= peak:
            at, start, end = self._taken / peak, (FIRST_SHARE, MOMENTUM), (1.0, LEAST_MOMENTUM)
        else:
            at = (self._taken - peak) / (last - peak)
            start, end = (1.0, LEAST_MOMENTUM), (LAST_SHARE, MOMENTUM)
        rate, momentum = (b + (a - b) / 2 * (1 + np.cos(np.pi * at)) for a, b in zip(start, end, strict=True))
        return float(PEAK_LEARNING_RATE * rate), float(momentum)
