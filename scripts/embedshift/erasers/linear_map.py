"""Linear erasers as rank-k updates: the coordinates along a few directions are taken out of every embedding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.linalg.blas import dgemm

BLOCK_VALUES = 1 << 17
"""Values of a block of rows that is updated at once: it stays in a core's cache between the two products."""


@dataclass(frozen=True)
class LinearMap:
    """The map x -> x - left' (right x - offset), in float64.

    An orthogonal projection has left = right = an orthonormal basis and the offset zero: as in the published study
    no mean is subtracted. An oblique one reads coordinates `right x` and subtracts along `left`, right left' = 1.

    Attributes
    ----------
    left, right : float64 arrays, shape (k, dim); k = 0 is the identity
    offset : float64 array, shape (k,), the coordinates at which nothing is subtracted
    """

    left: np.ndarray
    right: np.ndarray
    offset: np.ndarray
    kind: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        """Freeze the arrays, float64; a study keeps hundreds of maps, so that what cannot change is not copied."""
        left = _frozen(self.left)
        for name, array in (
            ("left", left),
            ("right", left if self.right is self.left else _frozen(self.right)),
            ("offset", _frozen(self.offset)),
        ):
            object.__setattr__(self, name, array)

    @property
    def n_dimensions(self) -> int:
        """Number of dimensions removed."""
        return len(self.right)

    @property
    def basis(self) -> np.ndarray:
        """Orthonormal basis (k, dim) of the coordinates that are the same for all embeddings afterwards."""
        if self.left is self.right or np.array_equal(self.left, self.right):
            return self.right
        return np.linalg.qr(self.right.T)[0].T

    def apply(self, embeddings: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the embeddings (n, dim) without the removed coordinates, float64.

        `out`, a C-contiguous float64 array (n, dim), is written and returned; it may be `embeddings` itself.
        """
        out = np.empty(embeddings.shape) if out is None else out
        step = max(1, BLOCK_VALUES // max(1, embeddings.shape[1]))
        for start in range(0, len(embeddings), step):
            block = out[start : start + step]
            np.copyto(block, embeddings[start : start + step])
            self._update(block)
        return out

    def _update(self, block: np.ndarray) -> None:
        """Subtract in place; BLAS sees the C-contiguous block as its transpose, which it updates without a copy."""
        if len(self.right):
            coordinates = self.right @ block.T - self.offset[:, None]
            dgemm(-1.0, self.left.T, coordinates, beta=1.0, c=block.T, overwrite_c=1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what `from_arrays` needs."""
        return {"left": self.left, "right": self.right, "offset": self.offset}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Return the map that `arrays` came from, bit for bit."""
        return cls(arrays["left"], arrays["right"], arrays["offset"])


def _frozen(array: np.ndarray) -> np.ndarray:
    """Return the array itself where it is float64, C-contiguous and nobody may write to it, else a frozen copy."""
    owner = array if array.base is None else array.base
    writeable = array.flags.writeable or not isinstance(owner, np.ndarray) or owner.flags.writeable
    if writeable or array.dtype != np.float64 or not array.flags.c_contiguous:
        array = np.array(array, dtype=np.float64, order="C")
        array.setflags(write=False)
    return array


def orthogonal_map(basis: np.ndarray) -> LinearMap:
    """Return the projection x (1 - basis' basis) for an orthonormal basis (k, dim)."""
    return LinearMap(basis, basis, np.zeros(len(basis)))


def oblique_map(left: np.ndarray, right: np.ndarray, centre: np.ndarray) -> LinearMap:
    """Return the projection that leaves `centre` (dim,) where it is and subtracts along left (k, dim)."""
    return LinearMap(left, right, right @ centre)


def whitened_map(factor: np.ndarray, directions: np.ndarray, centre: np.ndarray) -> LinearMap:
    """Return the projection that is orthogonal once a covariance G G' is whitened, G the lower triangular `factor`.

    `directions` (k, dim) are orthonormal in whitened coordinates; the map changes embeddings of that covariance
    least, in the mean square of their whitened coordinates, among all maps that remove these directions.
    """
    from scipy.linalg import solve_triangular

    right = solve_triangular(factor, directions.T, lower=True, trans="T", check_finite=False).T
    return oblique_map((factor @ directions.T).T, right, centre)


def identity_map(dim: int) -> LinearMap:
    """Return the map that removes nothing."""
    return orthogonal_map(np.zeros((0, dim)))
