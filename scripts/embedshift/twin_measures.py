"""A measure with and without a quirk on the same clips: both values, and their difference, paired.

Both sides are measured in the same resamples of groups, so that what the clips have in common cancels. The null: the
quirk changes nothing, so that with and without may be exchanged. They are exchanged for whole groups at random; the
p-value is two-sided. Directions are those fitted on each side and are held fixed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedshift.rank_correlation import resampled_spearman, signed_square, spearman
from embedshift.resampling import GroupDraws, bootstrap_means, draw_groups, p_value, percentile_interval
from embedshift.sample_wise import spearman_within

WITH, WITHOUT, DIFFERENCE, BETWEEN = "with", "without", "difference", "between"
"""Sides of a comparison; `between` is of a distance between the two."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Drawn:
    """Resamples and exchanges of the clips that both sides have.

    Attributes
    ----------
    resamples : how often each group is drawn
    exchanged : (permutations, clips) bool, where with and without change places; whole groups
    confidence : coverage of the intervals
    """

    resamples: GroupDraws
    exchanged: np.ndarray
    confidence: float

    @classmethod
    def of(cls, group: np.ndarray, *, resamples: int, permutations: int, confidence: float, seed: int) -> "Drawn":
        """Draw for clips of these groups; with one group there is nothing to resample or to exchange."""
        names, group_of = np.unique(group, return_inverse=True)
        number = permutations if len(names) > 1 else 0
        of_group = np.random.default_rng(seed).random((number, len(names))) < 0.5
        return cls(draw_groups(group, resamples, seed), of_group[:, group_of], confidence)


def mean_rows(with_quirk: np.ndarray, without: np.ndarray, drawn: Drawn) -> list[list[Row]]:
    """Return the rows (with, without, difference) of the mean over clips at each strength, and of the mean of these.

    with_quirk, without: (clips, strengths), NaN where not defined; there the clip is left out on both sides.
    """
    defined = np.isfinite(with_quirk) & np.isfinite(without)
    sides = {WITH: np.where(defined, with_quirk, np.nan), WITHOUT: np.where(defined, without, np.nan)}
    once = GroupDraws(np.ones((1, 1), dtype=np.uint8), np.zeros(len(without), dtype=int))
    values = {side: bootstrap_means(found, once)[0] for side, found in sides.items()}
    resampled = {side: bootstrap_means(found, drawn.resamples) for side, found in sides.items()}
    difference = np.where(defined, sides[WITH] - sides[WITHOUT], 0.0)
    flips = np.where(drawn.exchanged, -1.0, 1.0)
    number = np.maximum(defined.sum(axis=0), 1)
    null = flips @ difference / number
    n = defined.sum(axis=0)
    of_each = [_rows(_column(values, at), _column(resampled, at), null[:, at], int(n[at]), drawn)
               for at in range(without.shape[1])]  # fmt: skip
    over_all = _rows(_over(values), _over(resampled), null.mean(axis=1), int(n.max(initial=0)), drawn)
    return [*of_each, over_all]


def squared_spearman_rows(with_quirk: np.ndarray, without: np.ndarray, drawn: Drawn) -> list[Row]:
    """Return the rows of sign(rho) * rho^2 of projections (clips, strengths) and strengths.

    Each side is brought to a standard deviation of 1 before clips are exchanged.
    """
    sides = {WITH: _standard(with_quirk), WITHOUT: _standard(without)}
    values = {side: _squared(found) for side, found in sides.items()}
    resampled = {side: signed_square(resampled_spearman(found, drawn.resamples)) for side, found in sides.items()}
    null = np.array([_squared(np.where(swap[:, None], sides[WITHOUT], sides[WITH]))
                     - _squared(np.where(swap[:, None], sides[WITH], sides[WITHOUT]))
                     for swap in drawn.exchanged])  # fmt: skip
    return _rows(values, resampled, null, len(without), drawn)


def within_clip_rows(with_quirk: np.ndarray, without: np.ndarray, drawn: Drawn) -> list[Row]:
    """Return the rows of the mean over clips of Spearman's rho within a clip, from projections (clips, strengths)."""
    levels = np.broadcast_to(np.arange(without.shape[1])[None, :, None], (*without.shape, 1))
    return mean_rows(*(spearman_within(side[:, :, None], levels) for side in (with_quirk, without)), drawn)[0]


def distance_rows(
    distance: np.ndarray, reference: np.ndarray, spread: float, drawn: Drawn
) -> Iterator[tuple[str, Row]]:
    """Yield (variant, row) of the mean distance between twins (clips,) at one strength: relative, share of reference.

    relative: in units of `spread`; share: over the mean of reference (clips,), how far the effect moves clips without
    the quirk. There is no null: equal twins are at distance 0 exactly.
    """
    both = np.stack([distance, reference], axis=1)
    mean, resampled = both.mean(axis=0), bootstrap_means(both, drawn.resamples)
    relative = mean[0] / spread if spread > 0 else np.nan
    yield "relative", _row(relative, resampled[:, 0] / spread if spread > 0 else resampled[:0, 0], len(both), drawn)
    if reference.any():
        share = np.divide(resampled[:, 0], resampled[:, 1], out=np.full(len(resampled), np.nan),
                          where=resampled[:, 1] > 0)  # fmt: skip
        yield "share_of_displacement", _row(mean[0] / mean[1], share, len(both), drawn)


def unpaired_rows(with_quirk: Mapping[str, Any], without: Mapping[str, Any]) -> list[Row]:
    """Return the rows of two numbers of the tables: both as they are, and a difference without interval and p-value."""
    kept = ("value", "ci_low", "ci_high", "n")
    sides = [
        {"side": side, **{key: row[key] for key in kept}} for side, row in ((WITH, with_quirk), (WITHOUT, without))
    ]
    return [*sides, {"side": DIFFERENCE, "value": with_quirk["value"] - without["value"], "n": with_quirk["n"]}]


def _rows(
    values: Mapping[str, float], resampled: Mapping[str, np.ndarray], null: np.ndarray, n: int, drawn: Drawn
) -> list[Row]:
    rows = [{"side": side, **_row(values[side], resampled[side], n, drawn)} for side in (WITH, WITHOUT)]
    value = values[WITH] - values[WITHOUT]
    differing = _row(value, resampled[WITH] - resampled[WITHOUT], n, drawn)
    # without a difference in any clip an exchange changes nothing, and all nulls equal it: p is 1
    tested = {"null_mean": float(null.mean()) if len(null) else np.nan, "p_value": p_value(abs(value), np.abs(null))}
    return [*rows, {"side": DIFFERENCE, **differing, **tested}]


def _row(value: float, resampled: np.ndarray, n: int, drawn: Drawn) -> Row:
    low, high = percentile_interval(resampled, drawn.confidence) if len(resampled) else (np.nan, np.nan)
    return {"value": float(value), "ci_low": float(low), "ci_high": float(high), "n": n}


def _column(found: Mapping[str, np.ndarray], at: int) -> dict[str, Any]:
    return {side: values[..., at] for side, values in found.items()}


def _over(found: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the mean over strengths; NaN where it is defined at none of them."""
    return {side: _mean(values) for side, values in found.items()}


def _mean(values: np.ndarray) -> Any:
    defined = np.isfinite(values)
    number = defined.sum(axis=-1)
    return np.where(defined, values, 0.0).sum(axis=-1) / np.where(number > 0, number, np.nan)


def _standard(projection: np.ndarray) -> np.ndarray:
    deviation = projection.std()
    return projection / deviation if deviation > 0 else projection


def _squared(projection: np.ndarray) -> float:
    levels = np.tile(np.arange(projection.shape[1]), len(projection))[:, None]
    return float(signed_square(spearman(projection.reshape(-1, 1), levels))[0])
