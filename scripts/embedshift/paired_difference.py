"""Differences between two curves measured on the same clips: paired bootstrap with a correction over the strengths.

Both curves are measured in the same resamples of groups, so that what the clips have in common cancels. The p-values
are corrected by the largest studentised deviation over the strengths in each resample (single-step max-T of Westfall
and Young 1993): neighbouring strengths are nearly the same experiment, which Holm's correction would count as many.
What varies is the test clips; the trained classifiers are held fixed.
"""

from dataclasses import dataclass

import numpy as np

from embedshift.resampling import percentile_interval

SMALLEST_ERROR = 1e-12


@dataclass(frozen=True)
class PairedDifference:
    """Each (strengths,): difference, its interval, and two-sided p-values, for one strength and for all together."""

    value: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    p_value: np.ndarray
    p_corrected: np.ndarray


def paired_difference(
    curve: np.ndarray, reference: np.ndarray, groups: int, confidence: float = 0.95
) -> PairedDifference:
    """Return curve minus reference, both (1 + resamples, strengths), row 0 the sample, rows from the same resamples.

    groups: number of groups resampled; the bootstrap's standard error is too small by sqrt((groups - 1) / groups),
    which is mended. p = (1 + resamples whose studentised deviation is at least the observed) / (1 + resamples); 1
    where no resample differs, NaN without resamples.
    """
    difference = curve - reference
    value, resampled = difference[0], difference[1:]
    low, high = percentile_interval(resampled, confidence)
    usable = resampled[np.isfinite(resampled).all(axis=1)]
    if len(usable) < 2:
        nothing = np.full(len(value), np.nan)
        return PairedDifference(value, low, high, nothing, nothing)
    deviation = np.abs(usable - value)
    error = np.sqrt(np.mean(deviation**2, axis=0))
    varies = error > SMALLEST_ERROR
    scale = np.where(varies, error, 1.0)
    observed = np.where(varies, np.abs(value) * np.sqrt((groups - 1) / groups), 0.0) / scale
    studentised = np.where(varies, deviation, 0.0) / scale
    largest = studentised.max(axis=1, keepdims=True)
    p_value, p_corrected = ((1 + (null >= observed).sum(axis=0)) / (1 + len(usable)) for null in (studentised, largest))
    return PairedDifference(value, low, high, p_value, p_corrected)
