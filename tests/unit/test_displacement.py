"""Displacement measures against planted displacements and direct computation."""

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from embedshift.displacement import measure_displacement


def test_a_common_translation_is_aligned_and_has_its_length(rng):
    clean = rng.standard_normal((20, 8)).astype(np.float32)
    step = np.eye(8, dtype=np.float32)[0]
    trajectories = clean[:, None] + np.array([0.5, 2.0], dtype=np.float32)[:, None] * step
    found = measure_displacement(clean, trajectories, np.arange(20) // 2)
    np.testing.assert_allclose(found.norm, np.tile([0.5, 2.0], (20, 1)), atol=1e-6)
    np.testing.assert_allclose(found.cosine_alignment, 1.0, atol=1e-6)
    assert found.clean_spread == pytest.approx(np.sqrt(clean.var(axis=0, dtype=np.float64).sum()))
    assert found.cosine_to_clean[3, 1] == pytest.approx(1 - cosine(clean[3], trajectories[3, 1]), abs=1e-6)


def test_unrelated_directions_align_to_zero_although_clips_of_a_group_move_alike():
    means = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        clean = rng.standard_normal((30, 16))
        moves = np.repeat(rng.standard_normal((6, 1, 16)), 5, axis=0)
        found = measure_displacement(clean, clean[:, None] + moves, np.repeat(np.arange(6), 5))
        means.append(found.cosine_alignment.mean())
    assert abs(np.mean(means)) < 4 * np.std(means) / np.sqrt(60)


def test_alignment_leaves_out_the_own_group(rng):
    clean = rng.standard_normal((6, 4))
    trajectories = clean[:, None] + rng.standard_normal((6, 2, 4))
    group = np.array([0, 0, 1, 1, 1, 2])
    found = measure_displacement(clean, trajectories, group)
    others = (trajectories[:, 1] - clean)[group != 1].mean(axis=0)
    assert found.cosine_alignment[3, 1] == pytest.approx(1 - cosine(trajectories[3, 1] - clean[3], others))


def test_what_is_not_defined_is_nan(rng):
    clean = rng.standard_normal((4, 3))
    still = measure_displacement(clean, clean[:, None].copy(), np.arange(4))
    assert (still.norm == 0).all()
    assert np.isnan(still.cosine_alignment).all()
    one_group = measure_displacement(clean, clean[:, None] + 1, np.zeros(4))
    assert np.isnan(one_group.cosine_alignment).all()
