"""What every embedding model promises: rate, length rule, and float32 `(batch, samples)` to `(batch, frames, dim)`."""

import threading

import numpy as np


class Adapter:
    """One embedding model, ready to run. Same audio, same embedding: nothing in it is random.

    A subclass sets the attributes and writes `embed_checked`; `embed` checks its input and counts the clips.

    Attributes
    ----------
    sample_rate_hz : rate of the audio that `embed` takes
    dim : length of a clip's embedding
    frame_dim : length of one frame; equals `dim` unless `pool` does more than take the mean
    frame_hop_s : distance of two frames, None where a clip has one frame only
    minimum_samples : shorter clips are repeated up to this length
    length_rule : what happens to clips of other lengths, in words, for error messages
    runs_on_gpu : False where the work is done on the CPU whatever the device
    calls, clips_embedded : how often `embed` ran, and on how many clips in all
    """

    sample_rate_hz: int
    dim: int
    frame_dim: int
    frame_hop_s: float | None
    minimum_samples: int = 1
    runs_on_gpu: bool = True
    length_rule: str

    def __init__(self) -> None:
        self.calls = 0
        self.clips_embedded = 0
        self._count_lock = threading.Lock()

    def length_of(self, n_samples: int) -> int:
        """Return how many samples a clip of `n_samples` has after the length rule."""
        return max(n_samples, self.minimum_samples)

    def fit_length(self, samples: np.ndarray) -> np.ndarray:
        """Return mono `samples (n,)` at the length that `length_of` states: repeated from the start, then cut."""
        length = self.length_of(len(samples))
        if len(samples) == 0:
            raise ValueError("a clip without samples has no embedding")
        if len(samples) >= length:
            return samples[:length]
        return np.resize(samples, length)

    def embed(self, batch: np.ndarray) -> np.ndarray:
        """Return float32 frames `(batch, frames, frame_dim)` of float32 `batch (batch, samples)` at `sample_rate_hz`.

        All clips of a batch have one length, which `length_of` leaves as it is. May be called from several threads.

        Raises
        ------
        ValueError
            If the batch is not float32, not two-dimensional, or not of a length that the length rule allows.
        """
        self._check(batch)
        with self._count_lock:
            self.calls += 1
            self.clips_embedded += len(batch)
        return np.ascontiguousarray(self.embed_checked(batch), dtype=np.float32)

    def embed_checked(self, batch: np.ndarray) -> np.ndarray:
        """Return the frames of a batch that is known to be well formed."""
        raise NotImplementedError

    def pool(self, frames: np.ndarray) -> np.ndarray:
        """Return the clip's embedding `(dim,)` float32 of its `frames (frames, frame_dim)`: their mean."""
        return frames.mean(axis=0, dtype=np.float64).astype(np.float32)

    def _check(self, batch: np.ndarray) -> None:
        if batch.ndim != 2 or batch.dtype != np.float32:
            raise ValueError(f"a batch is float32 (batch, samples), found {batch.dtype} {batch.shape}")
        if self.length_of(batch.shape[1]) != batch.shape[1]:
            raise ValueError(f"apply fit_length first: found {batch.shape[1]} samples, {self.length_rule}")
