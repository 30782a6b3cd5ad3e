"""Parallel analysis with rotated clips: exact for noise, blind to axes, and aware of what is shared only."""

import numpy as np
import pytest
from scipy.stats import kstest

from embedshift.common_motion_curves import MOST_SHARED, shared_rank_text
from embedshift.parallel_analysis import MOST_RANK, rows_to_look_at, shared_rank


def test_the_first_p_value_is_uniform_on_isotropic_noise():
    found = []
    for seed in range(120):
        noise = np.random.default_rng(seed).standard_normal((10, 3, 12))
        found.append(shared_rank(noise, rotations=19, seed=1000 + seed).p_values[0])
    jittered = np.array(found) - np.random.default_rng(0).uniform(0, 1 / 20, len(found))
    assert kstest(jittered, "uniform").pvalue > 0.01


def test_directions_of_each_clip_alone_are_not_shared(rng):
    """Every clip moves far along a line of its own: high-dimensional though each trajectory is flat."""
    own = rng.standard_normal((40, 1, 80)) * np.linspace(0.2, 1, 5)[:, None]
    assert shared_rank(own, rotations=39, seed=1).rank == 0


@pytest.mark.parametrize("aligned", [True, False])
def test_a_small_second_direction_is_found_beside_a_large_first(rng, aligned):
    basis = np.eye(60)[:2] if aligned else np.linalg.qr(rng.standard_normal((60, 2)))[0].T
    moves = rng.standard_normal((50, 4, 2)) * [30, 1.5] @ basis + 0.1 * rng.standard_normal((50, 4, 60))
    assert shared_rank(moves, rotations=39, seed=1).rank == 2


def test_fewer_dimensions_than_strengths_and_still_clips_are_no_error(rng):
    assert shared_rank(rng.standard_normal((30, 8, 4)) * [5, 1, 1, 1], rotations=19, seed=1).rank == 1
    still = shared_rank(np.zeros((30, 3, 10)), rotations=19, seed=1)
    assert (still.rank, still.p_values) == (0, ())


def test_one_clip_a_group_is_looked_at_and_not_too_many_rows():
    group = np.repeat(np.arange(900), 3)
    clips, strengths = rows_to_look_at(group, 34, seed=4)
    assert len(strengths) == 8
    assert (strengths[0], strengths[-1]) == (0, 33)
    assert len(clips) * len(strengths) <= 1536
    assert len(set(group[clips])) == len(clips) == 192


def test_where_counting_ended_the_number_says_so():
    assert MOST_SHARED == MOST_RANK
    assert [shared_rank_text({"value": value}) for value in (3.0, 32.0)] == ["3", "at least 32"]


def test_as_many_strengths_as_dimensions_are_rotated_without_loss_of_digits(rng):
    found = shared_rank(rng.standard_normal((190, 8, 8)), rotations=19, seed=0)
    assert found.rank == 0
    assert 1 / 8 < found.observed_share < 0.2
