"""Random Fourier features: a seeded non-linear map on which ridge regression is kernel regression, approximately."""

from dataclasses import dataclass

import numpy as np

SAMPLE = 400


@dataclass(frozen=True)
class RandomFeatures:
    """x -> sqrt(2 / D) cos((x - mean) / scale @ frequency + phase), Rahimi and Recht (2007), for a Gaussian kernel.

    Attributes
    ----------
    mean, scale : float64 arrays (dim,), standardise each dimension; one that is constant is left out
    frequency : float64 array (dim, D)
    phase : float64 array (D,)
    """

    mean: np.ndarray
    scale: np.ndarray
    frequency: np.ndarray
    phase: np.ndarray

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the features of rows (rows, dim), (rows, D)."""
        angle = ((rows - self.mean) * self.scale) @ self.frequency + self.phase
        return np.cos(angle, out=angle) * np.sqrt(2 / len(self.phase))


def fit_random_features(rows: np.ndarray, number: int, width: float, seed: int) -> RandomFeatures:
    """Return features for training rows (rows, dim); the kernel is `width` median distances wide."""
    rows = np.asarray(rows, dtype=np.float64)
    spread = rows.std(axis=0)
    constant = spread <= 1e-9 * spread.max(initial=0.0)
    scale = np.where(constant, 0.0, 1 / np.where(constant, 1.0, spread))
    rng = np.random.default_rng(seed)
    sample = rows[rng.choice(len(rows), size=min(SAMPLE, len(rows)), replace=False)]
    standard = (sample - rows.mean(axis=0)) * scale
    square = (standard**2).sum(axis=1)
    distance = np.sqrt(np.maximum(square[:, None] + square - 2 * standard @ standard.T, 0))
    typical = np.median(distance[np.triu_indices(len(distance), 1)]) if len(distance) > 1 else 0.0
    frequency = rng.standard_normal((rows.shape[1], number)) / (width * typical if typical > 0 else 1.0)
    return RandomFeatures(rows.mean(axis=0), scale, frequency, rng.uniform(0, 2 * np.pi, number))
