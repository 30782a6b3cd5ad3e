"""Which part of a recording a clip is, in samples: the rules cut, pad and whole."""

import math
from dataclasses import dataclass

import numpy as np


class UnusableClip(Exception):
    """A clip that cannot be used; `kind` is the category counted in notes, `detail` says what was found."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True)
class Excerpt:
    """The stretch of a recording asked for, and what to do where it is too short.

    Attributes
    ----------
    start_s : where the stretch begins in the recording, seconds.
    duration_s : its length in seconds; None is up to the end of the recording.
    length_rule : `cut` takes exactly `length_s` from the start and refuses a shorter stretch, `pad` fills a shorter one
        with zeros at its end, `whole` takes the stretch as it is.
    length_s : the length of the clip for `cut` and `pad`, seconds.
    """

    start_s: float
    duration_s: float | None
    length_rule: str
    length_s: float | None

    def source_range(self, sample_rate_hz: int) -> tuple[int, int | None]:
        """Return the first and the past-the-end sample at the recording's own rate; None is its end."""
        first = round(self.start_s * sample_rate_hz)
        ends = []
        if self.duration_s is not None:
            ends.append(first + round(self.duration_s * sample_rate_hz))
        if self.length_rule != "whole":
            # rounded up: the last output sample must not want a source sample that was not read
            ends.append(first + math.ceil(self.length_s * sample_rate_hz))
        return first, min(ends) if ends else None

    def clip_samples(self, sample_rate_hz: int) -> int | None:
        """Return the length of the clip at the output rate, `round(length_s * rate)`; None for `whole`."""
        return None if self.length_rule == "whole" else round(self.length_s * sample_rate_hz)

    def fit(self, samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """Return `samples (n, channels)` cut or padded with zeros to the length of the clip.

        Raises
        ------
        UnusableClip
            If the rule is `cut` and there are fewer samples than the clip needs.
        """
        wanted = self.clip_samples(sample_rate_hz)
        if wanted is None or len(samples) == wanted:
            return samples
        if len(samples) > wanted:
            return samples[:wanted]
        if self.length_rule == "cut":
            raise UnusableClip("too short", self._shortage(len(samples), wanted, sample_rate_hz))
        return np.concatenate([samples, np.zeros((wanted - len(samples), samples.shape[1]), samples.dtype)])

    def _shortage(self, found: int, wanted: int, sample_rate_hz: int) -> str:
        return (
            f"{found / sample_rate_hz:.6g} s ({found} samples) from {self.start_s:.6g} s on, but length_rule 'cut' "
            f"takes {self.length_s:.6g} s ({wanted} samples); 'pad' would fill it with silence"
        )
