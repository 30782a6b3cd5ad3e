"""Effect augmentation: no map of embeddings, but a larger training set for the classifier.

The baseline that needs no eraser: if a classifier may see effected clips, it need not be protected from the effect.
The training set is every training clip clean, and `copies` times more at strengths drawn for it alone; label, group
and fold of a copy are its clip's. There is one such classifier for each class, whatever the training condition:
robustness tables show it under train = `augmented`, tested on clean and on every strength.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from embedshift.erasers.training_clips import TrainingClips


@dataclass(frozen=True)
class AugmentationMap:
    """How to augment; as a map it is the identity.

    Attributes
    ----------
    copies : effected versions of each clip, at different strengths; all strengths where there are no more
    seed : of the draws
    """

    copies: int
    seed: int
    kind: ClassVar[str] = "augmentation"
    n_dimensions: ClassVar[int] = 0
    basis: ClassVar[None] = None

    def apply(self, embeddings: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the embeddings (n, dim) unchanged, float64."""
        out = np.empty(embeddings.shape) if out is None else out
        np.copyto(out, embeddings)
        return out

    def augment(self, clean: np.ndarray, sweep: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the training set: embeddings (rows, dim), and for each row its clip and its level, both (rows,) int.

        The rows are all clips clean (level -1), then the copies of clip 0, of clip 1 and so on, at strengths (levels
        0 to strengths - 1) drawn without replacement. What is drawn for a clip depends on the seed and on its clean
        embedding, not on its place.
        """
        levels = np.stack([self._draw(row, sweep.shape[1]) for row in np.ascontiguousarray(clean)])
        clips = np.repeat(np.arange(len(clean)), levels.shape[1])
        copies = sweep[clips, levels.ravel()]
        return (
            np.concatenate([clean, copies]),
            np.concatenate([np.arange(len(clean)), clips]),
            np.concatenate([np.full(len(clean), -1), levels.ravel()]),
        )

    def _draw(self, clean: np.ndarray, strengths: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, zlib.crc32(clean.astype(np.float32).tobytes())])
        return rng.permutation(strengths)[: self.copies]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `from_arrays` needs."""
        return {"copies": np.array([self.copies]), "seed": np.array([self.seed])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Return the map that `arrays` came from."""
        return cls(int(arrays["copies"][0]), int(arrays["seed"][0]))


def fit(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[AugmentationMap, dict[str, float]]:
    """Return the augmentation with `copies` effected versions of each clip."""
    return AugmentationMap(options["copies"], seed), {}
