"""Strength grids against numpy, decimal fractions and the values that were published."""

import numpy as np
import pytest

from embedshift.errors import UserError
from embedshift.strengths import expand, text_of

# Cut-offs read back from a published figure of study A (hertz), every value of the grid.
PUBLISHED_LOWPASS_HZ = """1600.000 1735.498 1882.470 2041.889 2214.808 2402.372 2605.819 2826.496 3065.860 3325.496
3607.119 3912.592 4243.933 4603.335 4993.174 5416.026 5874.687 6372.191 6911.827 7497.162 8132.067 8820.740 9567.733
10377.986 11256.857 12210.155 13244.185 14365.783 15582.364 16901.972 18333.333"""


def test_step_grid_is_the_decimal_fractions_one_would_write():
    grid = expand({"start": 0.01, "stop": 1.0, "step": 0.03})
    assert grid == [(1 + 3 * k) / 100 for k in range(34)]
    assert grid[-1] == 1.0


def test_accumulated_steps_would_have_missed_the_end():
    assert np.arange(0.01, 1.0, 0.03)[-1] != 1.0  # what the exact grid is for
    assert len(expand({"start": 0.1, "stop": 0.7, "step": 0.1})) == 7
    assert expand({"start": 0.1, "stop": 0.7, "step": 0.1})[2] == 0.3


def test_gain_grid_of_study_a():
    grid = expand({"start": -40, "stop": 5, "step": 1.5})
    assert grid == [-40 + 1.5 * k for k in range(31)]
    assert 0.0 not in grid


def test_lowpass_grid_of_study_a_descending_and_rounded():
    spec = {"start": 18333.333333333332, "stop": 1600, "number": 31, "spacing": "geometric", "round_decimals": 3}
    published = [float(text) for text in PUBLISHED_LOWPASS_HZ.split()]
    assert expand(spec) == published[::-1]
    assert expand(spec) == [round(float(value), 3) for value in np.geomspace(22000 / 1.2, 1600, 31)]


@pytest.mark.parametrize("number", [2, 3, 31, 32, 100])
@pytest.mark.parametrize(("start", "stop"), [(50, 10000), (10000, 50), (0.01, 0.99), (-40, 5), (5, -40)])
def test_number_grids_equal_numpy(start, stop, number):
    linear = expand({"start": start, "stop": stop, "number": number})
    np.testing.assert_allclose(linear, np.linspace(start, stop, number), rtol=1e-14, atol=1e-14)
    assert (linear[0], linear[-1]) == (start, stop)
    if min(start, stop) > 0:
        geometric = expand({"start": start, "stop": stop, "number": number, "spacing": "geometric"})
        np.testing.assert_allclose(geometric, np.geomspace(start, stop, number), rtol=1e-13)
        assert (geometric[0], geometric[-1]) == (start, stop)


def test_sign_of_a_step_follows_the_direction():
    assert expand({"start": 15, "stop": 4, "step": 1}) == list(range(15, 3, -1))
    assert expand({"start": 15, "stop": 4, "step": -1}) == list(range(15, 3, -1))


def test_step_that_misses_the_end_stops_before_it():
    assert expand({"start": 0, "stop": 1, "step": 0.4}) == [0.0, 0.4, 0.8]
    assert expand({"start": 1, "stop": 10, "step": 2, "spacing": "geometric"}) == [1, 2, 4, 8]


@pytest.mark.parametrize("ratio", [2, 10, 1.1, 0.5])
def test_geometric_step_includes_an_end_that_it_meets(ratio):
    grid = expand({"start": 3, "stop": 3 * ratio**7, "step": ratio, "spacing": "geometric"})
    np.testing.assert_allclose(grid, [3 * ratio**k for k in range(8)], rtol=1e-13)


def test_lists_keep_their_order():
    assert expand([4, 0.5, -3]) == [4.0, 0.5, -3.0]


@pytest.mark.parametrize(
    ("strength", "text"),
    [
        (-0.0, "0"),
        (0, "0"),
        (-1e-320, "-9.99989e-321"),
        (1735.498, "1735.5"),
        (0.1, "0.1"),
        (-40, "-40"),
        (1e6, "1e+06"),
    ],
)
def test_text(strength, text):
    assert text_of(strength) == text


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ([], "empty"),
        (3, "strengths"),
        ("0.5", "0.5"),
        ([1, "2"], r"strengths\[1\]"),
        ([1, True], r"strengths\[1\]"),
        ([1, float("nan")], r"strengths\[1\]"),
        ([0.0, -0.0], "same text '0'"),
        ([1000000.1, 1000000.2], "same text"),
        (list(range(10_001)), "10001 strengths, at most 10000"),
        ({"start": 1, "stop": 2}, "neither"),
        ({"start": 1, "stop": 2, "step": 1, "number": 2}, "both"),
        ({"stop": 2, "step": 1}, "start is missing"),
        ({"start": 1, "stop": 2, "steps": 1}, "'steps'"),
        ({"start": 1, "stop": 2, "step": 0}, r"strengths\.step"),
        ({"start": 1, "stop": 2, "number": 0}, r"strengths\.number"),
        ({"start": 1, "stop": 2, "number": 2.0}, r"strengths\.number"),
        ({"start": 1, "stop": 2, "number": 1}, r"strengths\.number"),
        ({"start": 0, "stop": 2, "number": 3, "spacing": "geometric"}, "above 0"),
        ({"start": 1, "stop": 2, "step": 1, "spacing": "geometric"}, "ratio"),
        ({"start": 1, "stop": 2, "number": 3, "spacing": "log"}, "geometric"),
        ({"start": 0, "stop": 1, "step": 1e-9}, "at most"),
        ({"start": 0, "stop": 1, "number": 5, "round_decimals": 0.5}, "round_decimals"),
        ({"start": 0, "stop": 0.001, "number": 5, "round_decimals": 3}, "same text"),
    ],
)
def test_mistakes_are_told(spec, told):
    with pytest.raises(UserError, match=told):
        expand(spec)
