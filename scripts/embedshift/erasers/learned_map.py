"""The learned eraser's map: a small residual network on the leading principal coordinates, then a linear eraser."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.special import expit

from embedshift.erasers.linear_map import LinearMap

BLOCK_ROWS = 1024


@dataclass(frozen=True)
class ResidualNetwork:
    """Coordinates s -> s + scale * network(s / scale), two hidden layers of SiLU units.

    Attributes
    ----------
    mean : (dim,) float64, of the embeddings
    components : (q, dim) float64, orthonormal principal axes; what is orthogonal to them is left as it is
    scale : root-mean-square length of the coordinates
    weights : six float32 arrays, w1 (q, h), b1 (h,), w2 (h, h), b2 (h,), w3 (h, q), b3 (q,)
    """

    mean: np.ndarray
    components: np.ndarray
    scale: float
    weights: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        for array in (self.mean, self.components, *self.weights):
            array.setflags(write=False)

    def add_change(self, block: np.ndarray) -> None:
        """Add the network's change to embeddings (n, dim) float64 in place."""
        w1, b1, w2, b2, w3, b3 = (array.astype(np.float64) for array in self.weights)
        coordinates = (block - self.mean) @ self.components.T
        hidden = _silu(coordinates * (np.sqrt(len(self.components)) / self.scale) @ w1 + b1)
        change = _silu(hidden @ w2 + b2) @ w3 + b3
        block += (self.scale * change) @ self.components


def _silu(values: np.ndarray) -> np.ndarray:
    return values * expit(values)


@dataclass(frozen=True)
class LearnedMap:
    """The network, then a linear eraser fitted on what it leaves."""

    network: ResidualNetwork
    linear: LinearMap
    kind: ClassVar[str] = "learned"
    basis: ClassVar[None] = None

    @property
    def n_dimensions(self) -> int:
        """Number of principal coordinates that the network may change."""
        return len(self.network.components)

    def apply(self, embeddings: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the erased embeddings (n, dim) float64, written to `out` where given."""
        out = np.empty(embeddings.shape) if out is None else out
        for start in range(0, len(embeddings), BLOCK_ROWS):
            block = out[start : start + BLOCK_ROWS]
            np.copyto(block, embeddings[start : start + BLOCK_ROWS])
            self.network.add_change(block)
        return self.linear.apply(out, out)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `from_arrays` needs."""
        network = self.network
        weights = {f"weights_{number}": array for number, array in enumerate(network.weights)}
        frame = {"mean": network.mean, "components": network.components, "scale": np.array([network.scale])}
        return weights | frame | self.linear.arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Return the map that `arrays` came from, bit for bit."""
        weights = tuple(arrays[f"weights_{number}"] for number in range(6))
        network = ResidualNetwork(arrays["mean"], arrays["components"], float(arrays["scale"][0]), weights)
        return cls(network, LinearMap.from_arrays(arrays))
