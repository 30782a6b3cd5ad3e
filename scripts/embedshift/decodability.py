"""Is it erased? How well the strength can still be read from the embeddings of clips that nothing was fitted on.

Linear: ridge regression. Not linear: ridge regression on random Fourier features. In each fold an eraser fitted on the
other folds is applied, the penalty (and the kernel's width) is chosen on the next fold, and the fold's clips are
predicted. Reported are the R2 of these predictions and their squared Spearman correlation with the strength, with bands
from a bootstrap of groups, and the p-value of R2 under permutation of the strengths within each clip, everything
fitted and chosen again. Erasers are not fitted again to permuted strengths: after an eraser that looked at the
strengths, a large p-value says little, a small one that something is left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from embedshift.directions import strength_targets
from embedshift.errors import UserError
from embedshift.linear_eraser import linear_part
from embedshift.permuted_levels import PermutedLevels
from embedshift.random_features import fit_random_features
from embedshift.rank_correlation import resampled_spearman, signed_square, spearman
from embedshift.resampling import bootstrap_means, draw_groups, p_value, percentile_interval
from embedshift.strength_ridge import Features, choose_ridge, moments_of

FEWEST_FOLDS = 3
FEATURES = 512
WIDTHS = (0.25, 0.5, 1.0)
MOST_ROWS = 40_000

EraserOfFold = Callable[[int], Any]
"""From an outer fold to an eraser with `apply` fitted on the clips of the other folds, or None."""


@dataclass(frozen=True)
class Decoded:
    """What was read from held-out clips.

    Attributes
    ----------
    clips : int array (predicted,), their positions
    prediction : float64 array (predicted, strengths), of the target p / (P - 1)
    r2 : float64 array (1 + permutations,), first of the strengths as they are
    """

    clips: np.ndarray
    prediction: np.ndarray
    r2: np.ndarray


@dataclass(frozen=True)
class Decodability:
    """R2 and signed squared Spearman correlation, each (value, ci_low, ci_high); p-value and null mean are of R2."""

    r2: tuple[float, float, float]
    squared_spearman: tuple[float, float, float]
    p_value: float
    null_r2: float
    n: int


class LinearProbe:
    """Ridge regression of the strength; the moments of the folds are computed once and serve all linear erasers."""

    def __init__(self, sweep: np.ndarray, fold: np.ndarray, permutations: int = 200, seed: int = 0) -> None:
        """sweep (clips, strengths, dim); fold (clips,) int, at least FEWEST_FOLDS, no group in two of them."""
        self._sweep = sweep
        self._clips = _clips_of_folds(fold)
        self._levels = PermutedLevels(*sweep.shape[:2], permutations, seed)
        with threadpool_limits(1):
            self._moments = [moments_of(sweep, clips, self._levels, _as_float64) for clips in self._clips]

    def decode(self, eraser_of: EraserOfFold) -> Decoded:
        """Return what is read from all clips after erasure."""
        prediction = np.empty(self._sweep.shape[:2])
        r2 = np.zeros(self._levels.shape[2])
        with threadpool_limits(1):
            for number, clips in enumerate(self._clips):
                prediction[clips], held_out = self._decode_fold(number, eraser_of(number))
                r2 += held_out * len(clips) / len(prediction)
        return Decoded(np.arange(len(prediction)), prediction, r2)

    def _decode_fold(self, number: int, eraser: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions for the fold's clips, and R2 of each target."""
        thin = linear_part(eraser)
        if eraser is None or thin is not None:
            moments = [part.erased(thin) for part in self._moments]
        else:
            moments = [moments_of(self._sweep, clips, self._levels, eraser.apply) for clips in self._clips]
        chosen = choose_ridge(moments, number)
        weights, held_out = chosen.fit()
        erase = _erase(thin or eraser)
        return _predict(self._sweep, self._clips[number], erase, chosen.train.mean, weights[:, 0]), held_out


class NonLinearProbe:
    """Ridge regression of the strength on random Fourier features of at most MOST_ROWS rows, drawn by whole clips."""

    def __init__(
        self, sweep: np.ndarray, fold: np.ndarray, permutations: int = 200, seed: int = 0, most_rows: int = MOST_ROWS
    ) -> None:
        """sweep (clips, strengths, dim); fold (clips,) int, at least FEWEST_FOLDS, no group in two of them."""
        self._sweep, self._seed = sweep, seed
        drawn = np.zeros(len(fold), dtype=bool)
        drawn[np.random.default_rng(seed).permutation(len(fold))[: max(1, most_rows // sweep.shape[1])]] = True
        self._clips = [clips[drawn[clips]] for clips in _clips_of_folds(fold)]
        self._levels = PermutedLevels(*sweep.shape[:2], permutations, seed)

    def decode(self, eraser_of: EraserOfFold) -> Decoded:
        """Return what is read from the drawn clips after erasure."""
        predicted = np.concatenate(self._clips)
        prediction = np.full(self._sweep.shape[:2], np.nan)
        r2 = np.zeros(self._levels.shape[2])
        with threadpool_limits(1):
            for number, clips in enumerate(self._clips):
                eraser = eraser_of(number)
                prediction[clips], held_out = self._decode_fold(number, _erase(linear_part(eraser) or eraser))
                r2 += held_out * len(clips) / len(predicted)
        predicted = np.sort(predicted)
        return Decoded(predicted, prediction[predicted], r2)

    def _decode_fold(self, number: int, erase: Features) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions for the fold's clips, and R2 of each target with the width that its validation prefers."""
        train = np.concatenate([clips for k, clips in enumerate(self._clips) if k != number])
        shown = np.concatenate([erase(self._sweep[train, p]) for p in (0, self._sweep.shape[1] // 2, -1)])
        maps = [fit_random_features(shown, FEATURES, width, self._seed) for width in WIDTHS]
        features = [lambda rows, f=f: f(erase(rows)) for f in maps]
        choices = []
        for of_width in features:
            moments = [moments_of(self._sweep, clips, self._levels, of_width) for clips in self._clips]
            choices.append(choose_ridge(moments, number))
        best = np.stack([chosen.validation for chosen in choices]).argmax(axis=0)
        held_out = np.empty(len(best))
        for width in np.unique(best):
            weights, held_out[best == width] = choices[width].fit(best == width)
            if width == best[0]:
                of_true = features[width], choices[width].train.mean, weights[:, 0]
        return _predict(self._sweep, self._clips[number], *of_true), held_out


def measure_decodability(
    decoded: Decoded, group: np.ndarray, *, resamples: int = 1000, confidence: float = 0.95, seed: int = 0
) -> Decodability:
    """Return how well the strength is read; group (clips,) of all clips.

    R2 is negative where predictions are worse than the mean of the strengths.
    """
    clips, strengths = decoded.prediction.shape
    targets = strength_targets(strengths)
    error = ((decoded.prediction - targets) ** 2).mean(axis=1) / ((targets - 0.5) ** 2).mean()
    draws = draw_groups(np.asarray(group)[decoded.clips], resamples, seed)
    resampled = 1 - bootstrap_means(error[:, None], draws)[:, 0]
    level = np.tile(np.arange(strengths), clips)[:, None]
    rho = signed_square(spearman(decoded.prediction.reshape(-1, 1), level))[0]
    rhos = signed_square(resampled_spearman(decoded.prediction, draws))
    null = decoded.r2[1:]
    return Decodability(
        (float(1 - error.mean()), *_ends(resampled, confidence)),
        (float(rho), *_ends(rhos, confidence)),
        p_value(float(decoded.r2[0]), null),
        float(null.mean()) if len(null) else np.nan,
        clips,
    )


def _ends(resampled: np.ndarray, confidence: float) -> tuple[float, float]:
    low, high = percentile_interval(resampled[:, None], confidence)
    return float(low[0]), float(high[0])


def _clips_of_folds(fold: np.ndarray) -> list[np.ndarray]:
    folds = int(fold.max()) + 1
    if folds < FEWEST_FOLDS:
        raise UserError(
            f"Whether the strength can be decoded needs {FEWEST_FOLDS} folds of whole groups (to fit, to choose the "
            f"penalty, to test), and the clips allow {folds}. Use a data set with more groups, or leave this out."
        )
    return [np.flatnonzero(fold == number) for number in range(folds)]


def _predict(
    sweep: np.ndarray, clips: np.ndarray, features: Features, mean: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return predictions (clips, strengths) of a target by weights (dim,) about the mean of the training rows."""
    by_strength = [(features(sweep[clips, p]) - mean) @ weights for p in range(sweep.shape[1])]
    return 0.5 + np.stack(by_strength, axis=1)


def _erase(eraser: Any) -> Features:
    return _as_float64 if eraser is None else eraser.apply


def _as_float64(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64)
