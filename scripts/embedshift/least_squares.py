"""Least squares from embeddings to strength targets, for one or many targets at once.

The canonical direction of a single target is ordinary least squares on centred rows, and the minimum-norm solution
where there are no more rows than dimensions (scikit-learn's CCA with one component does one step with the
pseudo-inverse). The fast way factors the smaller of the two Gram matrices, refines the solution on the rows
themselves, and serves all permutations of the targets as columns of one product; ill-conditioned rows go through
an orthogonal factorisation with the cut-off of scikit-learn.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np
import scipy.linalg
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from embedshift.permuted_levels import LevelRows

CUT_OFF = 1e6 * np.finfo(np.float64).eps
"""Singular values below this share of the largest count as zero, as in sklearn.cross_decomposition._pls."""
LARGEST_CONDITION = 1e6
"""Beyond it the Gram matrix, whose condition is the square, has lost the digits that refinement needs."""
WELL_CONDITIONED = 100.0
FAR = 1e9
"""Condition of rows up to which every singular value is far above the cut-off, which lies at a condition of 4.5e9."""
SUBSPACE = 8
SUBSPACE_STEPS = 10
PANEL = 64
BLOCK_VALUES = 1 << 20
Targets = np.ndarray | LevelRows
Map = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Solution:
    """Coefficients (dim, targets) float64, and the condition number of the centred rows they were solved with.

    `method` is gram (the fast way) or orthogonal. With gram, the condition number is LAPACK's estimate (1-norm) after
    scaling of columns (or of rows); with orthogonal it is the ratio of the largest to the smallest singular value
    that is kept (where all surely are, an estimate that is a few per cent too low).
    """

    coefficients: np.ndarray
    condition_number: float
    method: str


class CentredRows:
    """The pooled rows of chosen clips, centred in float64, read in blocks so that no second sweep is needed.

    Row `i * strengths + p` is chosen clip `i` at strength `p`. The scatter of several blocks is computed side by side
    in `threads` and summed in their order: its bits do not depend on the number of threads.
    """

    def __init__(self, trajectories: np.ndarray, clips: np.ndarray | None = None, threads: int = 1) -> None:
        self._threads = threads
        self._trajectories = trajectories
        self._clips = None if clips is None else np.asarray(clips)
        self._clip_count = len(trajectories if clips is None else clips)
        self.strengths, self.dim = trajectories.shape[1:]
        self._clips_per_block = max(1, BLOCK_VALUES // (self.strengths * self.dim))
        total = sum(part.sum(axis=(0, 1), dtype=np.float64) for _, part in self._parts())
        self.mean = total / len(self)

    def __len__(self) -> int:
        """Return the number of rows, clips times strengths."""
        return self._clip_count * self.strengths

    def _parts(self) -> Iterator[tuple[slice, np.ndarray]]:
        for start in range(0, self._clip_count, self._clips_per_block):
            at = slice(start, min(start + self._clips_per_block, self._clip_count))
            part = self._trajectories[at if self._clips is None else self._clips[at]]
            yield slice(at.start * self.strengths, at.stop * self.strengths), part

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield (slice of rows, centred rows (rows, dim) float64); a block is overwritten by the next one."""
        buffer = np.empty((min(self._clips_per_block, self._clip_count) * self.strengths, self.dim))
        for at, part in self._parts():
            yield at, np.subtract(part.reshape(-1, self.dim), self.mean, out=buffer[: at.stop - at.start])

    def scatter(self) -> np.ndarray:
        """Return the sum of outer products of the centred rows, (dim, dim)."""
        return self.scatter_and_product(np.zeros((len(self), 0)), np.zeros(0))[0]

    def scatter_and_product(self, targets: Targets, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the scatter (dim, dim) and rows.T @ (targets - centre) (dim, targets) in one pass."""
        scatter, product = np.zeros((self.dim, self.dim)), np.zeros((self.dim, len(centre)))

        def of_part(at: slice, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            block = part.reshape(-1, self.dim) - self.mean
            return block.T @ block, block.T @ (targets[at] - centre)

        with threadpool_limits(1), ThreadPoolExecutor(self._threads) as pool:
            parts = self._parts()
            while group := list(islice(parts, self._threads)):  # so many at a time: each holds dim x dim values
                for part_scatter, part_product in pool.map(of_part, *zip(*group, strict=True)):
                    scatter += part_scatter
                    product += part_product
        return scatter, product

    def all(self) -> np.ndarray:
        """Return all centred rows at once, (rows, dim); only for few rows."""
        return np.concatenate([block.copy() for _, block in self.blocks()])

    def times(self, coefficients: np.ndarray) -> np.ndarray:
        """Return centred rows @ coefficients, (rows, targets)."""
        return np.concatenate([block @ coefficients for _, block in self.blocks()])


def merge_scatter(parts: Sequence[tuple[int, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the scatter of the union of row sets, each given as (rows, mean, scatter) (Chan et al. 1979).

    Only non-negative terms are added, so nothing cancels; the folds of a cross-validation share one pass this way.
    """
    mean = sum(rows * mean for rows, mean, _ in parts) / sum(rows for rows, _, _ in parts)
    total = sum(scatter for _, _, scatter in parts)
    shifts = np.stack([np.sqrt(rows) * (part_mean - mean) for rows, part_mean, _ in parts])
    return total + shifts.T @ shifts


def solve_least_squares(rows: CentredRows, targets: Targets, scatter: np.ndarray | None = None) -> Solution:
    """Return pinv(rows) @ targets for targets (rows, k), any numeric type, whose columns are centred here.

    Targets that are drawn where they are read need a scatter, and more rows than dimensions. `scatter` is the scatter
    of the rows where the caller already has it; it is not needed for few rows.
    """
    centre = targets.mean(axis=0, dtype=np.float64)
    if len(rows) <= rows.dim:
        matrix = rows.all()
        centred = targets - centre
        return _solve_wide(matrix, centred) or _solve_by_svd(matrix, centred)
    return _solve_tall(rows, targets, centre, scatter) or _solve_by_qr(rows, targets, centre)


def _solve_wide(matrix: np.ndarray, targets: np.ndarray) -> Solution | None:
    """Solve through the Gram matrix of the rows; None where that would be inaccurate.

    Centred rows sum to zero, so their Gram matrix is singular along the vector of ones; the targets are orthogonal to
    it, and adding a multiple of its outer product makes the matrix regular without a change of the solution.
    """
    gram = matrix @ matrix.T
    gram += np.trace(gram) / len(gram) ** 2
    factor, condition = _factor(gram)
    if factor is None:
        return None
    solution = matrix.T @ scipy.linalg.cho_solve(factor, targets, check_finite=False)
    for _ in range(_refinements(condition)):
        residual = targets - matrix @ solution
        solution += matrix.T @ scipy.linalg.cho_solve(factor, residual, check_finite=False)
    return Solution(solution, condition, "gram")


def _solve_tall(rows: CentredRows, targets: Targets, centre: np.ndarray, scatter: np.ndarray | None) -> Solution | None:
    """Solve through the scatter of the rows, its columns scaled to unit length; None where that would be inaccurate.

    Dimensions that never move get the weight zero, as in the minimum-norm solution. Scaling changes nothing while no
    singular value falls below the cut-off, which is one of the rows as they are.
    """
    if scatter is None:
        scatter, product = rows.scatter_and_product(targets, centre)
    else:
        product = _times_residual(rows, targets, centre, np.zeros((rows.dim, targets.shape[1])))
    length = np.sqrt(np.diag(scatter))
    moving = length > CUT_OFF * length.max()
    if not moving.any():
        return None
    scale = 1.0 / length[moving, None]
    moved = scatter[np.ix_(moving, moving)]
    factor, condition = _factor(moved * scale * scale.T)
    if factor is None:
        return None
    inverse = partial(scipy.linalg.cho_solve, factor, check_finite=False)
    bound = condition * length.max() / length[moving].min()  # up to LAPACK's estimate, which is seldom 3 times too low
    if not bound < FAR / 10:
        whole = partial(np.matmul, moved)
        if not _condition_of(whole, lambda some: scale * inverse(scale * some), len(moved)) < FAR:
            return None
    solution = np.zeros_like(product)
    for _ in range(_refinements(condition)):
        solution[moving] += scale * inverse(scale * product[moving])
        product = _times_residual(rows, targets, centre, solution)
    solution[moving] += scale * inverse(scale * product[moving])
    return Solution(solution, condition, "gram")


def _times_residual(rows: CentredRows, targets: Targets, centre: np.ndarray, solution: np.ndarray) -> np.ndarray:
    """Return rows.T @ (targets - centre - rows @ solution) in one pass."""
    total = np.zeros_like(solution)
    for at, block in rows.blocks():
        total += block.T @ (targets[at] - centre - block @ solution)
    return total


def _factor(matrix: np.ndarray) -> tuple[tuple[np.ndarray, bool] | None, float]:
    """Return the Cholesky factor and the condition of the rows behind the Gram matrix; (None, inf) if too large."""
    norm = np.abs(matrix).sum(axis=0).max()
    try:
        factor = scipy.linalg.cho_factor(matrix, lower=True, check_finite=False)
    except scipy.linalg.LinAlgError:
        return None, np.inf
    reciprocal, _ = lapack.dpocon(factor[0], norm, uplo="L")
    if reciprocal < LARGEST_CONDITION**-2:
        return None, np.inf
    return factor, float(reciprocal**-0.5)


def _refinements(condition: float) -> int:
    return 0 if condition < WELL_CONDITIONED else 1 if condition < 1e4 else 3


def _solve_by_svd(matrix: np.ndarray, targets: np.ndarray) -> Solution:
    left, size, right = scipy.linalg.svd(matrix, full_matrices=False, check_finite=False)
    kept = size > CUT_OFF * size[0]
    if not kept.any():
        return Solution(np.zeros((matrix.shape[1], targets.shape[1])), np.inf, "orthogonal")
    solution = right[kept].T @ ((left[:, kept].T @ targets) / size[kept, None])
    return Solution(solution, float(size[0] / size[kept][-1]), "orthogonal")


def _solve_by_qr(rows: CentredRows, targets: Targets, centre: np.ndarray) -> Solution:
    """Reduce the rows block by block to a triangle, and the targets with them; then solve that, small as it is.

    A block costs what its own rows do, since the triangle above it stays one (LAPACK's tpqrt). The SVD, which costs
    more than all the rest, is needed only where a singular value may lie below the cut-off.
    """
    solution = np.zeros((rows.dim, len(centre)))
    length = np.sqrt(sum(np.einsum("nd,nd->d", block, block) for _, block in rows.blocks()))
    moving = length > CUT_OFF * length.max()
    if not moving.any():
        return Solution(solution, np.inf, "orthogonal")
    triangle, reduced = _reduce(rows, moving, targets, centre)
    found = _solve_triangle(triangle, reduced) or _solve_by_svd(triangle, reduced)
    solution[moving] = found.coefficients
    return Solution(solution, found.condition_number, "orthogonal")


def _reduce(
    rows: CentredRows, moving: np.ndarray, targets: Targets, centre: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return R (moving, moving) and Q'(targets - centre) of the rows' orthogonal factorisation Q R."""
    dim = int(moving.sum())
    triangle, reduced = np.zeros((dim, dim), order="F"), np.zeros((dim, len(centre)), order="F")
    for at, block in rows.blocks():
        moved = np.asfortranarray(block[:, moving])
        triangle, reflections, factors, _ = lapack.dtpqrt(0, min(PANEL, dim), triangle, moved, overwrite_a=True)
        centred = targets[at] - centre
        reduced, _, _ = lapack.dtpmqrt(0, reflections, factors, reduced, centred, trans="T", overwrite_a=True)
    return np.triu(triangle), reduced


def _solve_triangle(triangle: np.ndarray, targets: np.ndarray) -> Solution | None:
    """Solve by substitution; None where a singular value may lie below the cut-off."""
    if np.abs(np.diag(triangle)).min() < CUT_OFF**2 * np.abs(triangle).max():  # nor may anything overflow
        return None
    inverse = partial(scipy.linalg.solve_triangular, triangle, check_finite=False)
    condition = _condition_of(
        lambda some: triangle.T @ (triangle @ some), lambda some: inverse(inverse(some, trans=1)), len(triangle)
    )
    return Solution(inverse(targets), condition, "orthogonal") if condition < FAR else None


def _condition_of(gram: Map, inverse: Map, dim: int) -> float:
    """Return the largest over the smallest singular value of rows, by their Gram matrix and its inverse as maps."""
    return float(np.sqrt(_largest_eigenvalue(gram, dim) * _largest_eigenvalue(inverse, dim)))


def _largest_eigenvalue(apply: Map, dim: int) -> float:
    """Return the largest eigenvalue of a symmetric positive map of rows (dim, vectors), by subspace iteration.

    Halko et al. 2011; it comes from below to some per cent.
    """
    rows = np.random.default_rng(0).standard_normal((dim, min(dim, SUBSPACE)))
    for _ in range(SUBSPACE_STEPS):
        rows = apply(np.linalg.qr(rows)[0])
    return float(np.linalg.norm(rows, 2))
