"""Permuted orders: uniform within clips, and the same whichever part is drawn."""

import numpy as np
import pytest

from embedshift import permuted_levels
from embedshift.least_squares import CentredRows, solve_least_squares
from embedshift.permuted_levels import PermutedLevels


def test_permutations_stay_within_the_clip_and_are_uniform():
    levels = PermutedLevels(clips=50, strengths=4, permutations=240, seed=5)[:]
    assert np.array_equal(levels[:, :, 0], np.tile(np.arange(4), (50, 1)))
    assert np.array_equal(np.sort(levels, axis=1), np.broadcast_to(np.arange(4)[None, :, None], levels.shape))
    orders = np.unique(levels[:, :, 1:].transpose(0, 2, 1).reshape(-1, 4), axis=0, return_counts=True)[1]
    assert len(orders) == 24
    assert orders.min() > 400
    assert orders.max() < 600


@pytest.fixture
def kept_and_drawn(monkeypatch):
    kept = PermutedLevels(1300, 5, 20, seed=3)
    monkeypatch.setattr(permuted_levels, "KEPT_BYTES", 0)
    return kept, PermutedLevels(1300, 5, 20, seed=3)


def test_any_part_drawn_alone_is_that_of_the_whole(kept_and_drawn, rng):
    kept, drawn = kept_and_drawn
    some = rng.permutation(1300)[:700]
    mask = rng.random(1300) < 0.3
    for asked in (slice(None), some, mask, (some, slice(1, 3)), (slice(None), slice(None), slice(0, 1)),
                  (mask, slice(None), slice(7, 12))):  # fmt: skip
        np.testing.assert_array_equal(drawn[asked], kept[asked])
    np.testing.assert_array_equal(drawn.rows(mask)[slice(5, 25)], kept[np.flatnonzero(mask)[1:5]].reshape(20, 21))


def test_clips_and_orders_do_not_follow_each_other():
    levels = PermutedLevels(2000, 9, 64, seed=0)[:].astype(float) - 4
    of_clip = levels.transpose(0, 2, 1).reshape(2000, -1)
    next_cell = (of_clip[:512, 9:] * of_clip[512:1024, 9:]).mean()
    assert abs(next_cell) < 4 * (60 / 9) / np.sqrt(of_clip[:512, 9:].size)


def test_directions_fitted_to_drawn_orders_are_those_of_kept_ones(kept_and_drawn, rng):
    kept, drawn = kept_and_drawn
    clips = np.flatnonzero(rng.random(1300) < 0.7)
    rows = CentredRows(rng.standard_normal((1300, 5, 12)), clips)
    expected = solve_least_squares(rows, kept[clips].reshape(len(rows), -1), rows.scatter()).coefficients
    found = solve_least_squares(rows, drawn.rows(clips), rows.scatter()).coefficients
    np.testing.assert_allclose(found, expected, rtol=1e-13)
