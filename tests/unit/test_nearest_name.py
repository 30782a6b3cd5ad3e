"""Hints at misspelt names: the right one where one is near, none where none is."""

import pytest

from embedshift.nearest_name import did_you_mean, nearest_names


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("sead", " Did you mean seed?"),
        ("SEED", " Did you mean seed?"),
        ("bootstraps", " Did you mean bootstrap?"),
        ("roomsize", " Did you mean room_size?"),
        ("xyzzy", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_a_near_name_is_asked_for(word, expected):
    assert did_you_mean(word, ["seed", "bootstrap", "room_size"]) == expected


def test_several_names_come_best_first():
    words = ["LowShelfFilter", "LowpassFilter", "Reverb"]
    assert nearest_names("lowpas_filter", words, 3) == ["LowpassFilter", "LowShelfFilter"]
    assert did_you_mean("lowpas_filter", words, 3) == " Did you mean LowpassFilter or LowShelfFilter?"
