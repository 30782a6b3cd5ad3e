"""Bootstrap intervals corrected for the bias of the resamples' median (Efron 1981, the BC interval)."""

import numpy as np
from scipy.stats import norm

TIED = 1e-12


def bias_corrected_interval(
    observed: np.ndarray, resampled: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper ends for values (columns,) and their resamples (resamples, columns).

    Where a share s of the resamples lies below the value, ties a half, the interval reaches between the quantiles at
    which the normal distribution has 2 z(s) -+ z((1 + confidence) / 2); half of them below: the percentile interval.
    What is not a number is left out; NaN where nothing was resampled.
    """
    ordered, number = np.sort(resampled, axis=0), np.isfinite(resampled).sum(axis=0)
    below = (resampled < observed - TIED).sum(axis=0) + 0.5 * (np.abs(resampled - observed) <= TIED).sum(axis=0)
    least = np.minimum(0.5, 0.5 / np.maximum(number, 1))
    share = np.clip(below / np.maximum(number, 1), least, 1 - least)
    reach = norm.ppf((1 + confidence) / 2)
    ends = norm.cdf(2 * norm.ppf(share) + np.array([[-reach], [reach]]))
    low, high = (_quantile(ordered, number, levels) for levels in ends)
    return low, high


def _quantile(ordered: np.ndarray, number: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the quantile of each column at a level of its own, linear between the first `number` values."""
    if not len(ordered):
        return np.full(len(levels), np.nan)
    place = levels * np.maximum(number - 1, 0)
    before, columns = np.floor(place).astype(np.int64), np.arange(len(levels))
    after = np.minimum(before + 1, np.maximum(number - 1, 0))
    values = ordered[before, columns], ordered[after, columns]
    return values[0] + (place - before) * (values[1] - values[0])
