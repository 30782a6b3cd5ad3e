"""Blocks, batches, the way of a clip to the network, threads ahead, and memory that runs out."""

import threading
import time

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from embedshift import batching
from embedshift.errors import UserError


class AnyLength:
    """A length rule that changes nothing."""

    def __init__(self, sample_rate_hz):
        self.sample_rate_hz = sample_rate_hz

    def length_of(self, n_samples):
        return n_samples

    def fit_length(self, samples):
        return samples


@given(st.lists(st.integers(1, 1000), max_size=40), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_blocks_hold_every_clip_once_in_order_and_keep_their_bounds(lengths, channels):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "BLOCK_CLIPS", 7)
        patch.setattr(batching, "FIRST_BLOCK_CLIPS", 3)
        patch.setattr(batching, "BLOCK_VALUES", 1500)
        blocks = batching.plan_blocks(lengths, channels)
    assert [clip for block in blocks for clip in block] == list(range(len(lengths)))
    for place, block in enumerate(blocks):
        values = sum(lengths[clip] for clip in block) * channels
        assert len(block) <= (7 if place else 3)
        assert values <= 1500 or len(block) == 1


def test_batches_share_one_length_and_are_full_but_for_the_last():
    lengths = dict(enumerate([5, 5, 8, 5, 8, 5, 5]))
    assert batching.plan_batches(lengths, 2) == [[0, 1], [3, 5], [6], [2, 4]]


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44100, 16000), (44100, 22050), (22050, 48000), (48000, 16000)])
def test_a_clip_has_the_length_that_was_foretold(rng, from_hz, to_hz):
    rule = AnyLength(to_hz)
    for n_samples in [1, 2, 99, 1000, 44101, 47617, *rng.integers(1, 50_000, 10)]:
        clip = np.zeros((int(n_samples), 1), dtype=np.float32)
        assert len(batching.prepare_clip(clip, from_hz, rule)) == batching.network_length(len(clip), from_hz, rule)


def test_resampling_is_that_of_librosa_with_the_soxr_hq_kernel(rng):
    clip = rng.normal(0, 0.1, (44_100, 1)).astype(np.float32)
    expected = librosa.resample(clip[:, 0], orig_sr=44_100, target_sr=16_000, res_type="soxr_hq")
    np.testing.assert_array_equal(batching.prepare_clip(clip, 44_100, AnyLength(16_000)), expected)


def test_channels_are_averaged_before_anything_else(rng):
    left = rng.normal(0, 0.1, 4000).astype(np.float32)
    rule = AnyLength(16_000)
    np.testing.assert_array_equal(batching.prepare_clip(np.stack([left, -left], axis=1), 44_100, rule), 0)
    np.testing.assert_array_equal(batching.prepare_clip(np.stack([left, left], axis=1), 16_000, rule), left)


def test_results_come_in_order_and_only_so_far_ahead():
    taken = []

    def items():
        for item in range(20):
            taken.append(item)
            yield item

    def work(item):
        time.sleep(0.002 * (item % 3))
        return item, threading.current_thread()

    threads = set()
    for expected, (item, thread) in enumerate(batching.map_ahead(work, items(), threads=3, ahead=4)):
        assert item == expected
        assert len(taken) <= expected + 5
        threads.add(thread)
    assert len(taken) == 20
    assert 1 < len(threads) <= 3


def test_an_error_ahead_is_raised_at_its_place():
    results = batching.map_ahead(lambda item: 1 // (3 - item), range(10), threads=2, ahead=5)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


class Cramped:
    """A network whose memory holds so many clips; each clip's single frame is its sum."""

    def __init__(self, fits, error):
        self.fits, self.error, self.sizes = fits, error, []

    def __call__(self, batch):
        self.sizes.append(len(batch))
        if len(batch) > self.fits:
            raise self.error
        return batch.sum(axis=1)[:, None, None]


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.cuda.OutOfMemoryError("CUDA out of memory."), RuntimeError("can't allocate memory")]
)
def test_out_of_memory_halves_the_batch_and_goes_on(rng, caplog, error):
    batch = rng.normal(size=(16, 5)).astype(np.float32)
    network, limit = Cramped(3, error), batching.BatchLimit(16)
    rows = batching.embed_within_memory(network, batch, limit)
    np.testing.assert_array_equal(np.stack(rows)[:, 0, 0], batch.sum(axis=1))
    assert network.sizes == [16, 8, 4] + [2] * 8
    assert limit.clips == 2  # remembered for the batches to come
    assert "Out of memory with 16 clips a batch; going on with 8." in caplog.text


def test_two_threads_that_fail_at_once_halve_the_batch_once():
    limit = batching.BatchLimit(16)
    limit.halve(16)
    limit.halve(16)
    assert limit.clips == 8


def test_no_memory_for_one_clip_is_said_to_the_user():
    with pytest.raises(UserError, match="one clip of 5 samples"):
        batching.embed_within_memory(Cramped(0, MemoryError()), np.zeros((2, 5), np.float32), batching.BatchLimit(2))


def test_other_errors_are_not_taken_for_lack_of_memory():
    with pytest.raises(RuntimeError, match="shape mismatch"):
        batching.embed_within_memory(
            Cramped(0, RuntimeError("shape mismatch")), np.zeros((2, 5), np.float32), batching.BatchLimit(2)
        )
