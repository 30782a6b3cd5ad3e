"""An adapter around code that embedshift did not write: what it returns is checked, and its dimension found by a try.

When it is loaded, three clips of noise show whether it keeps the promises of an adapter: the same clip gives the same
embedding, twice, alone, first or last in a batch, within 1e-5 of the largest value.
"""

import math
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from embedshift.errors import UserError
from embedshift.models.base import Adapter
from embedshift.models.user_module import mistakes_in

TOLERANCE = 1e-5
TRIED_CLIPS = 3
TRIED_LEVEL = 0.1
TRIED_SEED = 20220419


class UserAdapter(Adapter):
    """Code of a user; a subclass calls it in `call_user_code`, then `prove` has to be called once."""

    def __init__(self, name: str, folder: Path, sample_rate_hz: Any, minimum_samples: int, thread_safe: bool) -> None:
        super().__init__()
        self._name, self._folder = name, folder
        self._turn = nullcontext() if thread_safe else threading.Lock()
        self.sample_rate_hz = whole_number(sample_rate_hz, f"{name}: the sample rate in Hz")
        self.minimum_samples = whole_number(minimum_samples, f"{name}: minimum_samples")
        self.length_rule = f"any length from {self.minimum_samples} samples, shorter clips are repeated"

    def call_user_code(self, batch: np.ndarray) -> Any:
        """Return what the user's code makes of float32 `batch (batch, samples)`."""
        raise NotImplementedError

    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return `(batch, frames, dim)` float32.

        Raises
        ------
        UserError
            If the user's code fails or returns something else.
        """
        with self._turn, mistakes_in(self._folder, f"{self._name} failed on a batch of shape {batch.shape}"):
            returned = as_array(self.call_user_code(batch.copy()))  # a copy: their code may work in place
        return self._as_frames(returned, len(batch))

    def prove(self, frame_hop_s: float | None = None) -> None:
        """Set `dim`, `frame_dim` and `frame_hop_s` from a try, and hold the code to its promises.

        Raises
        ------
        UserError
            Saying which promise is broken, and by how much.
        """
        samples = self.length_of(self.sample_rate_hz)
        if self.length_of(samples) != samples:
            raise UserError(f"{self._name}: length_of({samples}) is {self.length_of(samples)}, though {samples} is a "
                            "length that it gave itself. It must leave such a length as it is.")  # fmt: skip
        noise = np.random.default_rng(TRIED_SEED).standard_normal((TRIED_CLIPS, samples))
        batch = (TRIED_LEVEL * noise).astype(np.float32)
        alone = self.embed(batch[:1])[0]
        if not np.isfinite(alone).all():
            raise UserError(f"{self._name} returns values that are not finite for noise. Correct it.")
        self._compare(alone, self.embed(batch[:1])[0], "the same clip twice")
        self._compare(alone, self.embed(batch)[0], "a clip alone and first in a batch of three")
        self._compare(alone, self.embed(batch[::-1])[-1], "a clip alone and last in a batch of three")
        self.frame_dim = alone.shape[1]
        self.dim = len(self.pool(alone))
        self.frame_hop_s = self._hop_s(frame_hop_s, samples, len(alone))
        self.calls = self.clips_embedded = 0

    def _hop_s(self, stated: Any, samples: int, frames: int) -> float | None:
        if stated is None:
            return samples / self.sample_rate_hz / frames if frames > 1 else None
        if not _is_finite_number(stated) or stated <= 0:
            raise UserError(f"{self._name}: frame_hop_s: found {stated!r}; allowed: a number of seconds above 0, or "
                            "None.")  # fmt: skip
        return float(stated)

    def _compare(self, one: np.ndarray, other: np.ndarray, what: str) -> None:
        if one.shape != other.shape:
            raise UserError(f"{self._name}: {what} give frames of shapes {one.shape} and {other.shape}. One length "
                            "must always give one shape.")  # fmt: skip
        difference = np.abs(one - other).max() / max(np.abs(one).max(), np.finfo(np.float32).tiny)
        if not difference <= TOLERANCE:
            raise UserError(f"{self._name}: {what} differ by {difference:.2g} of the largest value; allowed: "
                            f"{TOLERANCE:g}. Take out what is random, and what depends on the rest of the batch or on "
                            "earlier calls.")  # fmt: skip

    def _as_frames(self, returned: np.ndarray, clips: int) -> np.ndarray:
        if returned.dtype.kind not in "fiu":
            raise UserError(f"{self._name} returns {returned.dtype}; allowed: real numbers, which become float32.")
        frames = returned[:, np.newaxis] if returned.ndim == 2 else returned
        if frames.ndim != 3 or len(frames) != clips or 0 in frames.shape:
            raise UserError(f"{self._name} returns an array of shape {returned.shape} for {clips} clips; allowed: "
                            f"({clips}, dim), or ({clips}, frames, dim).")  # fmt: skip
        if frames.shape[2] != getattr(self, "frame_dim", frames.shape[2]):
            raise UserError(f"{self._name} returned {self.frame_dim} values a frame before and {frames.shape[2]} now. "
                            "The dimension must not depend on the length of a clip.")  # fmt: skip
        return frames.astype(np.float32)


def as_array(returned: Any) -> np.ndarray:
    """Return a NumPy array of what may be a tensor of torch, on whatever device, with or without a gradient."""
    return np.asarray(returned.detach().float().cpu() if hasattr(returned, "detach") else returned)


def whole_number(value: Any, what: str) -> int:
    """Return a user's `value` as a whole number from 1.

    Raises
    ------
    UserError
        If it is none, saying `what` it was meant to be.
    """
    if not _is_finite_number(value) or value != int(value) or value < 1:
        raise UserError(f"{what}: found {value!r}; allowed: a whole number from 1.")
    return int(value)


def _is_finite_number(value: Any) -> bool:
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return number and math.isfinite(value)
