"""In how many dimensions displacements move: unbiased, freed from noise, with intervals.

The participation ratio of a sample is too low where there are few clips, and each resample of groups lowers it again.
Here three answers stand beside each other, all of uncentred displacements, so that a common translation is one
dimension. Between groups: both sums of the ratio are taken over pairs of rows from different groups, which makes them
unbiased at any number of clips. Components for a share of the squared length: as in a PCA. Noise-corrected: the
components that parallel analysis finds shared, each freed from the inflation by isotropic noise.
"""

from collections.abc import Iterator

import numpy as np
import scipy.linalg

from embedshift.estimates import Estimate
from embedshift.group_pairs import Groups

AXES = 64
BLOCK_ROWS = 2048
BLOCK_GROUPS = 256


class DisplacementScatter:
    """The second moments of displacements about zero, whole and by group, from one or two passes over the sweep.

    clean (clips, dim) and trajectories (clips, strengths, dim) are read in blocks; no second sweep is made.
    """

    def __init__(self, clean: np.ndarray, trajectories: np.ndarray, groups: Groups) -> None:
        self._clean, self._trajectories, self.groups = clean, trajectories, groups
        self.strengths, self.dim = trajectories.shape[1:]
        self.rows = len(clean) * self.strengths
        few = self.rows <= self.dim
        self._matrix = self._block(slice(None)) if few else None
        self._scatter = None if few else self._sum_of_outer_products()
        self.variances, self.axes = self._principal()
        self._of_group()

    def _block(self, at: slice) -> np.ndarray:
        rows = self._trajectories[at].astype(np.float64) - self._clean[at, None]
        return rows.reshape(-1, self.dim)

    def _blocks(self) -> list[slice]:
        step = max(1, BLOCK_ROWS // self.strengths)
        return [slice(start, start + step) for start in range(0, len(self._clean), step)]

    def _sum_of_outer_products(self) -> np.ndarray:
        scatter = np.zeros((self.dim, self.dim))
        for at in self._blocks():
            rows = self._block(at)
            scatter += rows.T @ rows
        return scatter

    def _principal(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean squared coordinates, largest first, and up to 64 axes (dim, axes)."""
        if self._matrix is None:
            size, axes = scipy.linalg.eigh(self._scatter, check_finite=False)
            return np.maximum(size[::-1], 0.0) / self.rows, axes[:, ::-1][:, :AXES]
        size, left = scipy.linalg.eigh(self._matrix @ self._matrix.T, check_finite=False)
        size, left = np.maximum(size[::-1], 0.0), left[:, ::-1][:, :AXES]
        kept = size[: left.shape[1]] > 1e-12 * max(size[0], 1e-300)
        axes = self._matrix.T @ (left[:, kept] / np.sqrt(size[: left.shape[1]][kept]))
        return size / self.rows, axes

    def _of_group(self) -> None:
        """Gather for each group squared length and product of its scatter with all others'.

        `along` is the scatter along the axes, (1 + resamples, axes, axes), of the sample and each resample. It is
        summed over blocks of groups: kept for each group it would be the largest array of all.
        """
        number, axes = len(self.groups), self.axes.shape[1]
        self.energy, whole, within = np.zeros(number), np.zeros(number), np.zeros(number)
        weights = _weights(self.groups)
        self.along = np.zeros((len(weights), axes * axes))
        order = np.argsort(self.groups.of_clip, kind="stable")
        first_clip = np.concatenate([[0], np.cumsum(self.groups.size.astype(int))])
        for some in self._blocks_of_groups(first_clip):
            rows = self._block(order[first_clip[some.start] : first_clip[some.stop]])
            starts = (first_clip[some.start : some.stop] - first_clip[some.start]) * self.strengths
            self.energy[some] = np.add.reduceat(np.einsum("nd,nd->n", rows, rows), starts)
            whole[some] = np.add.reduceat(self._products_with_whole(rows), starts)
            coordinates, along = rows @ self.axes, np.empty((len(starts), axes * axes))
            for one, stop in enumerate([*starts[1:], len(rows)]):
                own, turned = rows[starts[one] : stop], coordinates[starts[one] : stop]
                small = own @ own.T if len(own) <= self.dim else own.T @ own
                within[some.start + one] = np.einsum("ij,ij->", small, small)
                along[one] = (turned.T @ turned).ravel()
            self.along += weights[:, some] @ along
        self.along = self.along.reshape(len(weights), axes, axes)
        self.with_others = whole - within

    def _blocks_of_groups(self, first_clip: np.ndarray) -> Iterator[slice]:
        """Yield slices of groups that follow each other, with `BLOCK_ROWS` rows or one group in each."""
        start = 0
        while start < len(first_clip) - 1:
            most = first_clip[start] + BLOCK_ROWS // self.strengths
            stop = max(start + 1, int(np.searchsorted(first_clip, most, side="right")) - 1)
            yield slice(start, min(stop, start + BLOCK_GROUPS))
            start = min(stop, start + BLOCK_GROUPS)

    def _products_with_whole(self, rows: np.ndarray) -> np.ndarray:
        """Return x' S x for each of rows (n, dim), with S the scatter of all rows."""
        if self._matrix is not None:
            return np.sum((rows @ self._matrix.T) ** 2, axis=1)
        return np.einsum("nd,nd->n", rows @ self._scatter, rows)


def participation_between_groups(found: DisplacementScatter) -> Estimate:
    """Return (tr C)^2 / tr(C^2), both from pairs of different groups; NaN where that is not positive.

    The resamples take tr(C^2) to first order in the frequencies of groups, with each group's product with all others.
    """
    size, weights = found.groups.size * found.strengths, _weights(found.groups)
    trace = weights @ found.energy
    pairs = (weights @ size) ** 2 - (weights**2) @ size**2
    squared_trace = trace**2 - (weights**2) @ found.energy**2
    others = size.sum() - size
    level = _ratio(weights @ found.with_others, weights @ (size * others))
    moment = _ratio(level**2, np.full_like(level, level[0]))
    ratio = _ratio(_ratio(squared_trace, pairs), moment)
    return Estimate(float(ratio[0]), ratio[1:])


def components_for_share(found: DisplacementScatter, share: float) -> Estimate:
    """Return how many components hold `share` of the mean squared displacement; between integers, interpolated.

    Resamples are taken in the 64 leading axes; what lies beyond them keeps its spectrum and follows its total.
    """
    leading = found.axes.shape[1]
    beyond = found.variances[leading:]
    weights = _weights(found.groups)
    total = weights @ found.energy
    spectra = np.maximum(_spectra(found, leading), 0.0)
    outside = np.maximum(total - np.einsum("raa->r", found.along), 0.0)
    tail = np.outer(outside, beyond / beyond.sum() if beyond.sum() > 0 else beyond)
    counted = [_interpolated_count(found.variances, share)]
    counted += [_interpolated_count(np.concatenate(pair), share) for pair in zip(spectra, tail[1:], strict=True)]
    return Estimate(counted[0], np.array(counted[1:])).centred()


def noise_corrected(found: DisplacementScatter, rank: int) -> tuple[Estimate, Estimate]:
    """Return participation ratio and components for 90 % of the `rank` shared components, freed from noise.

    What the other components hold is taken for isotropic noise of variance s in each dimension. A component whose
    true variance is v then has (v + s)(1 + g s / v) in a sample, g = dimensions / rows (Baik & Silverstein 2006),
    which is solved for v. Both are NaN for rank 0.
    """
    rank = min(rank, found.axes.shape[1])
    if rank == 0:
        nothing = Estimate(np.nan, np.zeros(0))
        return nothing, nothing
    weights = _weights(found.groups)
    rows = weights @ (found.groups.size * found.strengths)
    sizes = np.concatenate([found.variances[None, :rank], _spectra(found, rank) / rows[1:, None]])
    noise = np.maximum(weights @ found.energy / rows - sizes.sum(axis=1), 0.0) / max(1, found.dim - rank)
    freed = _freed(sizes, noise[:, None], found.dim / found.rows)
    ratio = _ratio(freed.sum(axis=1) ** 2, (freed**2).sum(axis=1))
    counted = np.array([_interpolated_count(np.sort(one)[::-1], 0.9) for one in freed])
    return Estimate(float(ratio[0]), ratio[1:]).centred(), Estimate(counted[0], counted[1:]).centred(0.0)


def _freed(sizes: np.ndarray, noise: np.ndarray, shape: float) -> np.ndarray:
    """Return v of sizes = (v + s)(1 + g s / v); 0 where noise alone could be as large."""
    middle = sizes - noise * (1 + shape)
    root = middle**2 - 4 * shape * noise**2
    return np.where((middle > 0) & (root >= 0), (middle + np.sqrt(np.maximum(root, 0.0))) / 2, 0.0)


def _weights(groups: Groups) -> np.ndarray:
    return np.concatenate([np.ones((1, len(groups))), groups.draws])


def _spectra(found: DisplacementScatter, axes: int) -> np.ndarray:
    """Return eigenvalues, largest first, of the scatter along the first axes in each resample, (resamples, axes)."""
    resampled = found.along[1:, :axes, :axes]
    if not len(resampled) or not axes:
        return np.zeros((len(resampled), axes))
    return np.linalg.eigvalsh(resampled)[:, ::-1]


def _interpolated_count(variances: np.ndarray, share: float) -> float:
    total = np.cumsum(variances)
    if not len(total) or total[-1] <= 0:
        return np.nan
    return float(np.interp(share * total[-1], np.concatenate([[0.0], total]), np.arange(len(total) + 1)))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
