"""Steps, jumps and turns: closed forms, and what noise gives."""

import numpy as np
import pytest

from embedshift.resampling import draw_groups
from embedshift.sweep_shape import common_jump, measure_shape


def test_a_straight_line_a_circle_and_a_jump_have_their_closed_forms(rng):
    direction = rng.standard_normal(20)
    line = np.arange(9)[:, None] * direction
    angle = np.radians(20) * np.arange(9)
    circle = np.zeros((9, 20))
    circle[:, :2] = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    jumping = line + 6 * direction * (np.arange(9) >= 4)[:, None]
    found = measure_shape(np.stack([line, circle, jumping]))
    assert found.turning_degrees[0] == pytest.approx(0, abs=1e-4)
    assert found.turning_degrees[1] == pytest.approx(20)
    assert found.straightness[[0, 2]] == pytest.approx(1)
    assert found.straightness[1] == pytest.approx(2 * np.sin(np.radians(80)) / (8 * 2 * np.sin(np.radians(10))))
    assert found.jump == pytest.approx([1, 1, 7])
    assert int(found.relative_step[2].argmax()) == 3


def test_noise_around_a_point_turns_by_120_degrees(rng):
    found = measure_shape(rng.standard_normal((50, 12, 800)))
    assert found.turning_degrees.mean() == pytest.approx(120, abs=0.5)


def test_a_jump_of_all_clips_at_one_strength_is_told_from_jumps_anywhere(rng):
    steps = rng.uniform(0.9, 1.1, (40, 10))
    scattered = steps.copy()
    scattered[np.arange(40), rng.integers(0, 10, 40)] = 5
    draws = draw_groups(np.arange(40), 3, seed=1)
    assert common_jump(scattered, draws, 199, 1)[3] > 0.01
    together = steps.copy()
    together[:, 6] = 5
    value, resampled, null, p = common_jump(together, draws, 199, 1)
    assert (value, p) == (pytest.approx(5), 1 / 200)
    assert resampled == pytest.approx(5)
    assert null.mean() < 2.5


def test_a_still_clip_has_no_shape_and_hinders_none(rng):
    found = measure_shape(np.zeros((1, 5, 3)))
    assert np.isnan(found.jump).all()
    assert np.isnan(common_jump(found.relative_step, draw_groups([0], 2, seed=1), 19, 1)[0])
