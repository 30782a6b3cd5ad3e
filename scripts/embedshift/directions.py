"""Directions of an effect: unit vectors along which the projection follows the strength.

Deng et al. (ICASSP 2025) take the first direction of scikit-learn's CCA(n_components=1, scale=False) between
embeddings and the strength's rank. With one target that is least squares, normalised; see `least_squares`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from threadpoolctl import threadpool_limits

from embedshift.least_squares import CUT_OFF, CentredRows, solve_least_squares

CHUNK_VALUES = 1 << 18
"""Values of a chunk of trajectories: small enough that its float64 copy stays in a core's cache."""
BLOCK_VALUES = 1 << 21
"""Values of a block of directions: enough rows that their Gram matrix is worth a product."""
LARGEST_RESIDUAL = 1e-10


@dataclass(frozen=True)
class Direction:
    """A unit vector (dim,) float64, zero where nothing moves; condition number and method as in `Solution`."""

    vector: np.ndarray
    condition_number: float
    method: str


def strength_targets(strengths: int) -> np.ndarray:
    """Return the published target y_p = p / (P - 1), p the position in the order written (papers.md, A4)."""
    return np.arange(strengths) / (strengths - 1)


def global_direction(trajectories: np.ndarray, clips: np.ndarray | None = None, threads: int = 1) -> Direction:
    """Return the one direction of all pooled rows of trajectories (clips, strengths, dim), strengths >= 2.

    Equal to `x_weights_` of scikit-learn's CCA but for the sign, which is chosen so that the projection rises with
    the strength. `clips` selects rows of the first axis.
    """
    rows = CentredRows(trajectories, clips, threads)
    targets = np.tile(strength_targets(rows.strengths), len(rows) // rows.strengths)
    solution = solve_least_squares(rows, targets[:, None])
    return Direction(unit(solution.coefficients[:, 0]), solution.condition_number, solution.method)


def unit(vector: np.ndarray) -> np.ndarray:
    """Return the vector (or each row of a matrix) at length one; zero stays zero."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.divide(vector, length, out=np.zeros_like(vector), where=length > 0)


def sample_wise_directions(trajectories: np.ndarray, threads: int = 1) -> np.ndarray:
    """Return one direction for each clip from its own trajectory alone, (clips, dim) float64, unit rows.

    Equal to a loop of scikit-learn's CCA over the clips, with the sign of `global_direction`. Each chunk is solved
    through the batched Gram matrices of the centred trajectories with one refinement; clips for which that does
    not reproduce the targets (coinciding strengths, or fewer dimensions than strengths) are solved again by SVD with
    scikit-learn's cut-off. Chunks are independent: the result is the same for any number of threads.
    """
    return np.concatenate(list(sample_wise_blocks(trajectories, threads)))


def sample_wise_blocks(trajectories: np.ndarray, threads: int = 1) -> Iterator[np.ndarray]:
    """Yield the `sample_wise_directions` of blocks of clips, (clips of the block, dim)."""
    clips, strengths, dim = trajectories.shape
    step = max(1, CHUNK_VALUES // (strengths * dim))
    at_once = max(threads, BLOCK_VALUES // (step * dim))
    starts = iter(range(0, clips, step))

    def solve(start: int) -> np.ndarray:
        return _directions_of_chunk(trajectories[start : start + step])

    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        while some := list(islice(starts, at_once)):
            yield np.concatenate(list(pool.map(solve, some)))


def _directions_of_chunk(trajectories: np.ndarray) -> np.ndarray:
    rows = trajectories.astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    targets = strength_targets(rows.shape[1]) - 0.5
    weights, residual = _solve_by_gram(rows, targets)
    for clip in np.flatnonzero(~(residual < LARGEST_RESIDUAL)):
        weights[clip] = _solve_by_svd(rows[clip], targets)
    return unit(weights)


def _solve_by_gram(rows: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (clips, dim) with rows @ weights = targets, and the largest residual of each clip.

    See `least_squares._solve_wide` for the constant that is added to the Gram matrices.
    """
    clips, strengths, dim = rows.shape
    gram = rows @ rows.transpose(0, 2, 1)
    gram += np.trace(gram, axis1=1, axis2=2)[:, None, None] / strengths**2
    weights = np.zeros((clips, 1, dim))
    residual = np.broadcast_to(targets[:, None], (clips, strengths, 1))
    try:
        for _ in range(2):
            weights += np.linalg.solve(gram, residual).transpose(0, 2, 1) @ rows
            residual = targets[:, None] - rows @ weights.transpose(0, 2, 1)
    except np.linalg.LinAlgError:
        return weights[:, 0], np.full(clips, np.inf)
    return weights[:, 0], np.abs(residual).max(axis=(1, 2))


def _solve_by_svd(rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    left, size, right = np.linalg.svd(rows, full_matrices=False)
    kept = size > max(CUT_OFF * size[0], np.finfo(np.float64).tiny)
    return ((left[:, kept].T @ targets) / size[kept]) @ right[kept]
