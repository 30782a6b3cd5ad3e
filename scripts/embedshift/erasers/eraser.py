"""An eraser: a fitted, frozen map of embeddings, with what it removes and what it was fitted on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from embedshift.erasers.training_clips import FittedOn, TrainingClips


class Map(Protocol):
    """What every kind of map offers; linear, learned, augmentation."""

    kind: ClassVar[str]

    @property
    def n_dimensions(self) -> int:
        """Number of dimensions removed (or, for a map that is not linear, changed)."""

    @property
    def basis(self) -> np.ndarray | None:
        """Orthonormal basis of what a linear map removes, None for others."""

    def apply(self, embeddings: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return embeddings (n, dim) float64."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what the map is made of."""


@dataclass(frozen=True)
class EnergyRemoved:
    """Shares removed from the clips that the eraser was fitted on; NaN where there was nothing to remove.

    Attributes
    ----------
    clean : 1 - variance of the clean embeddings after / before, summed over dimensions
    displacement : 1 - mean squared length of the displacements (clean and effected both erased) after / before
    """

    clean: float
    displacement: float


@dataclass(frozen=True)
class Eraser:
    """One fitted eraser; the same `apply` serves clean and effected embeddings, training and test.

    Attributes
    ----------
    name : its name in the study
    method : its name in the catalogue
    options, seed : what it was fitted with
    map : the fitted map
    energy_removed, fitted_on : see there
    details : numbers of the fit that help to judge it, by name
    """

    name: str
    method: str
    options: Mapping[str, Any]
    seed: int
    map: Map
    energy_removed: EnergyRemoved
    fitted_on: FittedOn
    details: Mapping[str, float] = field(default_factory=dict)

    @property
    def n_dimensions(self) -> int:
        """Number of dimensions removed (or, for a map that is not linear, changed)."""
        return self.map.n_dimensions

    @property
    def basis(self) -> np.ndarray | None:
        """Orthonormal basis (k, dim) of what a linear eraser removes, None for others."""
        return self.map.basis

    @property
    def is_map(self) -> bool:
        """False for the augmentation, which changes the classifier's training set instead of embeddings."""
        return self.map.kind != "augmentation"

    def apply(self, embeddings: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return embeddings (n, dim) of any clips and condition without what the eraser removes, float64.

        `out`, a C-contiguous float64 array (n, dim), is written and returned where given.
        """
        return self.map.apply(embeddings, out)


def measure_energy_removed(fitted: Map, clips: TrainingClips) -> EnergyRemoved:
    """Return the shares that a map removes from the clips that it was fitted on."""
    erased_clean = fitted.apply(clips.clean)
    before, after = 0.0, 0.0
    for at, part in clips.blocks():
        effected = part.reshape(-1, clips.dim).astype(np.float64)
        erased = fitted.apply(effected).reshape(part.shape) - erased_clean[at, None]
        after += float(np.sum(erased**2))
        before += float(np.sum((effected.reshape(part.shape) - clips.clean[at, None]) ** 2))
    variance = np.var(clips.clean, axis=0, dtype=np.float64).sum()
    return EnergyRemoved(
        clean=_share_removed(variance, np.var(erased_clean, axis=0).sum()),
        displacement=_share_removed(before, after),
    )


def _share_removed(before: float, after: float) -> float:
    return float(1 - after / before) if before > 0 else np.nan
