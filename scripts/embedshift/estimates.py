"""An estimate with its bootstrap and null values, and the cells of a table that they become."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embedshift.resampling import p_value, percentile_interval


@dataclass(frozen=True)
class Estimate:
    """A value, its bootstrap values (resamples,), and values under the null (number,), either of them may be empty."""

    value: float
    resampled: np.ndarray = field(default_factory=lambda: np.zeros(0))
    null: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def centred(self, lowest: float = 1.0) -> "Estimate":
        """Return the estimate with resamples moved so that their median is the value, none below `lowest`.

        For measures that every resample of groups lowers because it holds copies: only its spread is of use.
        """
        if not np.isfinite(self.resampled).any() or not np.isfinite(self.value):
            return self
        moved = self.resampled - np.nanmedian(self.resampled) + self.value
        return Estimate(self.value, np.maximum(moved, lowest), self.null)

    def cells(self, confidence: float, *, low_is_strong: bool = False) -> dict[str, Any]:
        """Return value, interval, mean of the null and p-value as cells of a table.

        The p-value counts null values at least as high as the value, or as low where `low_is_strong`.
        """
        low, high = percentile_interval(self.resampled, confidence)
        null = self.null[np.isfinite(self.null)]
        side = -1.0 if low_is_strong else 1.0
        return {
            "value": self.value,
            "ci_low": float(low),
            "ci_high": float(high),
            "null_mean": float(null.mean()) if len(null) else np.nan,
            "p_value": p_value(side * self.value, side * null),
        }
