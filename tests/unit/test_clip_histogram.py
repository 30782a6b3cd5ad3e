"""Histograms over clips against numpy's, edges included."""

import numpy as np

from embedshift.clip_histogram import LOWER_EDGES, bin_name, lower_edge, membership


def test_clips_lie_in_the_bins_of_numpy(rng):
    values = rng.uniform(-1, 1, 500)
    inside = membership(values)
    assert (inside.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(inside.sum(axis=0), np.histogram(values, np.append(LOWER_EDGES, 1.0))[0])


def test_a_perfect_order_is_in_the_last_bin_whatever_rounding_does():
    places = membership(np.array([1.0, 1.0 + 1e-12, 0.97, -1.0, 0.0, -1 - 1e-12])).argmax(axis=1)
    assert [bin_name("v", place) for place in places] == ["v/+0.95"] * 3 + ["v/-1.00", "v/+0.00", "v/-1.00"]
    assert lower_edge("sample_wise_ridge/-0.35") == -0.35
