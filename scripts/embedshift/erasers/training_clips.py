"""What an eraser is fitted on: the clips of the training groups, clean and at every strength, and their moments.

Moments are accumulated in blocks in float64 and kept, so that several erasers fitted on the same clips share the
passes over the sweep and no float64 copy of the sweep is ever made.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from embedshift.canonical import canonical_json, digest_text
from embedshift.directions import sample_wise_directions
from embedshift.erasers.displacement_rows import DisplacementRows
from embedshift.errors import UserError
from embedshift.least_squares import CentredRows

BLOCK_VALUES = 1 << 20
SMALLEST_DIFFERENCE = 1e-12


@dataclass(frozen=True)
class FittedOn:
    """What an eraser was fitted on: names, numbers of clips, groups and strengths, and a digest of the groups."""

    dataset: str
    model: str
    effect: str
    label: str
    clips: int
    groups: int
    strengths: int
    groups_digest: str


class TrainingClips:
    """Training clips of one model and one effect, in an order that follows from their embeddings.

    So no bit of a fitted eraser depends on the order in which the clips are given. `chosen` holds the rows in that
    order; `clean`, `labels`, `groups` and whatever has one row a clip follow it.

    Parameters
    ----------
    sweep : float array, shape (clips, strengths, dim), strengths from the weakest to the strongest; never copied
    clean : float array, shape (clips, dim), the same clips unchanged
    labels, groups : str arrays, shape (clips,)
    strengths : the parameter's values in the order of the sweep
    all_clean : clean embeddings (any clips, dim) of the training clips of all classes; the published study fits on the
        clips of one class, but compares with all in one method. By default the clean embeddings of the chosen clips.
    clips : rows of the first axis to fit on, all by default
    dataset, model, effect, label : recorded as what the eraser was fitted on
    threads : for the accumulation of moments; the bits of the result do not depend on it

    Raises
    ------
    UserError
        If shapes disagree, there are no clips, or fewer than two strengths.
    """

    def __init__(
        self,
        sweep: np.ndarray,
        clean: np.ndarray,
        labels: Sequence[str],
        strengths: Sequence[float],
        groups: Sequence[str],
        *,
        all_clean: np.ndarray | None = None,
        clips: np.ndarray | None = None,
        dataset: str = "",
        model: str = "",
        effect: str = "",
        label: str = "all",
        threads: int = 1,
    ) -> None:
        chosen = np.arange(len(clean)) if clips is None else np.asarray(clips)
        _check_shapes(sweep, clean, labels, strengths, groups, chosen)
        chosen = _in_order(sweep, clean, chosen)
        self.sweep, self.chosen, self.threads = sweep, chosen, threads
        self.clean = np.asarray(clean)[chosen]
        self.all_clean = self.clean if all_clean is None else np.asarray(all_clean)
        self.labels, self.groups = np.asarray(labels)[chosen], np.asarray(groups)[chosen]
        self.strengths, self.dim = len(strengths), clean.shape[1]
        names = sorted(set(self.groups.tolist()))
        self.fitted_on = FittedOn(
            dataset=dataset,
            model=model,
            effect=effect,
            label=label,
            clips=len(chosen),
            groups=len(names),
            strengths=self.strengths,
            groups_digest=digest_text(canonical_json(names)),
        )

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self.chosen)

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield (slice of clips, their trajectories (clips, strengths, dim)) in the numeric type of the sweep."""
        step = max(1, BLOCK_VALUES // (self.strengths * self.dim))
        for start in range(0, len(self), step):
            at = slice(start, min(start + step, len(self)))
            yield at, self.sweep[self.chosen[at]]

    def rows_of(self, clips: np.ndarray) -> CentredRows:
        """Return the pooled rows of some of the clips, given by position among the chosen."""
        return CentredRows(self.sweep, self.chosen[clips], self.threads)

    @cached_property
    def effected(self) -> CentredRows:
        """The pooled rows of all strengths, centred."""
        return self.rows_of(np.arange(len(self)))

    @cached_property
    def effected_scatter(self) -> np.ndarray:
        """The sum of outer products of the centred pooled rows, (dim, dim)."""
        return self.effected.scatter()

    @cached_property
    def clean_rows(self) -> CentredRows:
        """The clean embeddings of the chosen clips, centred."""
        return CentredRows(self.clean[:, None], None, self.threads)

    @cached_property
    def clean_scatter(self) -> np.ndarray:
        """The sum of outer products of the centred clean rows, (dim, dim)."""
        return self.clean_rows.scatter()

    @cached_property
    def displacements(self) -> DisplacementRows:
        """The displacements of all clips and strengths, pooled and centred."""
        return DisplacementRows(self.clean, self.sweep, self.chosen, self.threads)

    @cached_property
    def displacement_scatter(self) -> np.ndarray:
        """The sum of outer products of the centred displacements, (dim, dim)."""
        return self.displacements.scatter()

    @cached_property
    def level_means(self) -> np.ndarray:
        """The mean over clips of the clean embeddings and of those at each strength, (1 + strengths, dim)."""
        total = np.zeros((self.strengths, self.dim))
        for _, part in self.blocks():
            total += part.sum(axis=0, dtype=np.float64)
        return np.concatenate([self.clean_rows.mean[None], total / len(self)])

    @cached_property
    def rounding(self) -> float:
        """The length below which a difference of means is rounding noise, in units of the embedding."""
        squares = np.trace(self.effected_scatter) / len(self.effected) + self.effected.mean @ self.effected.mean
        return float(SMALLEST_DIFFERENCE * np.sqrt(squares))

    @cached_property
    def sample_wise_directions(self) -> np.ndarray:
        """One direction for each clip from its own trajectory, (clips, dim), in the order of the chosen."""
        directions = np.empty((len(self), self.dim))
        for at, part in self.blocks():
            directions[at] = sample_wise_directions(part, self.threads)
        return directions

    @cached_property
    def sample_wise_axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Singular values (rank,), largest first, and right singular vectors (rank, dim) of these directions, frozen.

        Not centred. Erasers of several thresholds share the vectors.
        """
        size, vectors = _right_singular_vectors(self.sample_wise_directions)
        vectors.setflags(write=False)
        return size, vectors


def _right_singular_vectors(directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return singular values, largest first, and right singular vectors (rank, dim) of directions (clips, dim).

    Vectors whose value is far below the thresholds in use need no care: they are never removed.
    """
    if len(directions) <= directions.shape[1]:
        _, size, vectors = np.linalg.svd(directions, full_matrices=False)
    else:
        triangle = np.linalg.qr(directions, mode="r")
        _, size, vectors = np.linalg.svd(triangle, full_matrices=False)
    moving = size > 0
    return size[moving], vectors[moving]


def _in_order(sweep: np.ndarray, clean: np.ndarray, clips: np.ndarray) -> np.ndarray:
    """Return the clips sorted by the bytes of their embeddings, clean and at the strongest."""

    def key(clip: int) -> bytes:
        return clean[clip].tobytes() + sweep[clip, -1].tobytes()

    return np.array(sorted(clips.tolist(), key=key), dtype=np.int64)


def _check_shapes(
    sweep: np.ndarray,
    clean: np.ndarray,
    labels: Sequence[str],
    strengths: Sequence[float],
    groups: Sequence[str],
    chosen: np.ndarray,
) -> None:
    expected = (len(clean), len(strengths), *clean.shape[1:])
    if clean.ndim != 2 or sweep.shape != expected or not len(labels) == len(groups) == len(clean):
        raise UserError(
            f"An eraser needs a sweep (clips, strengths, dim), clean embeddings (clips, dim), and one label and one "
            f"group a clip; found {sweep.shape}, {clean.shape}, {len(labels)} labels, {len(groups)} groups and "
            f"{len(strengths)} strengths. Fit on a sweep made by build_sweep."
        )
    if not len(chosen) or len(strengths) < 2:
        raise UserError(
            f"An eraser needs at least one clip and two strengths; found {len(chosen)} clips and {len(strengths)} "
            "strengths. Give the effect more strengths, or choose a split with training clips."
        )
