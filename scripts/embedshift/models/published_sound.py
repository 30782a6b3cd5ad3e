"""What the network hears as a published study had it: channels in a row, or resampled with kaiser_best.

Deng, Wang, Richard and McFee (ICASSP 2025) gave stereo files to msclap, which puts the right channel behind the left
one, and to openl3, which resamples the mean of the channels with kaiser_best of resampy 0.2. Takes the place of
`batching.network_length` and `batching.prepare_clip` for models with a compatibility (see `compatibility.py`).
"""

from collections.abc import Sequence

import numpy as np

from embedshift.batching import LengthRule, prepare_clip, resampled_length
from embedshift.models.kaiser_best import kaiser_best_length, resample_kaiser_best


class PublishedSound:
    """From a prepared clip to what the network sees, with the quirks asked for."""

    def __init__(self, quirks: Sequence[str], channels: int) -> None:
        self._in_a_row = channels if "channels_in_a_row" in quirks else 1
        self._kaiser_best = "kaiser_best" in quirks

    def network_length(self, n_samples: int, from_hz: int, rule: LengthRule) -> int:
        """Return the length, in samples at the model's rate, at which the network sees a clip of `n_samples`."""
        length_at = kaiser_best_length if self._kaiser_best else resampled_length
        return rule.length_of(length_at(n_samples * self._in_a_row, from_hz, rule.sample_rate_hz))

    def prepare_clip(self, samples: np.ndarray, from_hz: int, rule: LengthRule) -> np.ndarray:
        """Return float32 samples at the model's rate and length of a clip (samples, channels)."""
        if self._in_a_row > 1:
            samples = samples.T.reshape(-1, 1)
        if not self._kaiser_best or from_hz == rule.sample_rate_hz:
            return prepare_clip(samples, from_hz, rule)
        mono = samples.mean(axis=1, dtype=np.float64)
        return rule.fit_length(resample_kaiser_best(mono, from_hz, rule.sample_rate_hz).astype(np.float32))
