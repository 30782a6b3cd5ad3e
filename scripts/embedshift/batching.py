"""Clips in batches: fixed blocks in clip order, prepared ahead of the network, smaller when memory runs out.

A network's numbers depend, in the last bits, on how many clips share a batch (matrix products of other shapes use
other kernels). So batches never cross the border of a block, and blocks are fixed by the clips alone: a run that
goes on after a kill makes the same batches as one that was not disturbed.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np
import soxr

from embedshift.device import is_out_of_memory, release_memory
from embedshift.errors import UserError

LOGGER = logging.getLogger("embedshift")

BLOCK_CLIPS = 256
FIRST_BLOCK_CLIPS = 32
"""The first block is small, because the network waits while it is read and hashed."""
BLOCK_VALUES = 1 << 26
"""Float32 values of audio a block (256 MB) unless one clip alone has more: bounds the memory for long recordings."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class LengthRule(Protocol):
    """The part of an adapter that decides how long a clip is when the network sees it."""

    sample_rate_hz: int

    def length_of(self, n_samples: int) -> int:
        """Return the length after the rule."""

    def fit_length(self, samples: np.ndarray) -> np.ndarray:
        """Return mono samples at that length."""


def plan_blocks(n_samples: Sequence[int], channels: int) -> list[range]:
    """Return consecutive ranges of clips, of 256 clips (the first one 32) or 256 MB of audio at most.

    Parameters
    ----------
    n_samples : length of each clip in samples, in the manifest's order
    """
    blocks, start, values = [], 0, 0
    for index, length in enumerate(n_samples):
        size = int(length) * channels
        most = BLOCK_CLIPS if blocks else FIRST_BLOCK_CLIPS
        if index > start and (index - start == most or values + size > BLOCK_VALUES):
            blocks.append(range(start, index))
            start, values = index, 0
        values += size
    return [*blocks, range(start, len(n_samples))] if len(n_samples) else []


def plan_batches(lengths: dict[int, int], batch_size: int) -> list[list[int]]:
    """Return the clips of one block in batches of equal length.

    Parameters
    ----------
    lengths : `{clip: length}`; clips in order, lengths as the network sees them
    """
    groups: dict[int, list[int]] = {}
    for clip, length in lengths.items():
        groups.setdefault(length, []).append(clip)
    return [group[i : i + batch_size] for group in groups.values() for i in range(0, len(group), batch_size)]


def resampled_length(n_samples: int, from_hz: int, to_hz: int) -> int:
    """Return `n_samples * to_hz / from_hz`, rounded half up, 1 at least."""
    return max(1, (2 * n_samples * to_hz + from_hz) // (2 * from_hz))


def network_length(n_samples: int, from_hz: int, rule: LengthRule) -> int:
    """Return the length, in samples at the model's rate, at which the network sees a clip."""
    return rule.length_of(resampled_length(n_samples, from_hz, rule.sample_rate_hz))


def prepare_clip(samples: np.ndarray, from_hz: int, rule: LengthRule) -> np.ndarray:
    """Return mono float32 samples at the model's rate and length: mean over channels, soxr HQ, length rule.

    Parameters
    ----------
    samples : shape (samples, channels), float32, at `from_hz`
    """
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
    if from_hz != rule.sample_rate_hz:
        length = resampled_length(len(mono), from_hz, rule.sample_rate_hz)
        resampled = soxr.resample(np.ascontiguousarray(mono), from_hz, rule.sample_rate_hz, quality="HQ")[:length]
        mono = np.pad(resampled, (0, length - len(resampled)))
    return rule.fit_length(np.ascontiguousarray(mono, dtype=np.float32))


def map_ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int,
    ahead: int,
    at_start: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """Yield `function(item)` in the order of `items`, worked out by `threads` threads at most `ahead` items ahead.

    `items` is consumed by the calling thread, so that it may itself be such an iterator. `at_start` is called once
    in each thread. An exception of `function` is raised where its result would have been yielded.
    """
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, initializer=at_start) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


class BatchLimit:
    """How many clips may go through the network at once: halved, for all threads, when memory runs out."""

    def __init__(self, clips: int) -> None:
        self.clips = clips
        self._lock = threading.Lock()

    def halve(self, tried: int) -> None:
        """Lower the limit to half of the `tried` number of clips, unless another thread did so before."""
        with self._lock:
            if tried // 2 < self.clips:
                self.clips = tried // 2
                LOGGER.warning("Out of memory with %d clips a batch; going on with %d.", tried, self.clips)


def embed_within_memory(
    embed: Callable[[np.ndarray], np.ndarray], batch: np.ndarray, limit: BatchLimit
) -> list[np.ndarray]:
    """Return the frames of each clip of `batch (clips, samples)`, in pieces that fit the memory.

    Raises
    ------
    UserError
        If the memory does not suffice for a single clip.
    """
    rows: list[np.ndarray] = []
    while len(rows) < len(batch):
        piece = batch[len(rows) : len(rows) + limit.clips]
        frames = _try_embed(embed, piece)
        if frames is not None:
            rows.extend(frames)
            continue
        if len(piece) == 1:
            raise UserError(
                f"Out of memory with a batch of one clip of {batch.shape[1]} samples. Use shorter clips (preparation: "
                "length_rule: cut), a device with more memory (embedding: device: cpu), or fewer jobs at a time."
            )
        release_memory()
        limit.halve(len(piece))
    return rows


def _try_embed(embed: Callable[[np.ndarray], np.ndarray], piece: np.ndarray) -> np.ndarray | None:
    """Return None when memory ran out; outside of the handler the failed call's own memory is free again."""
    try:
        return embed(piece)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return None
