"""Patterns of names: they match what is declared and nothing else, and stay short."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from embedshift.name_patterns import one_condition_of, one_of

NAMES = st.lists(st.text("ab-_.01", min_size=1, max_size=6), min_size=1, max_size=12, unique=True)


@settings(deadline=None, max_examples=200)
@given(NAMES, NAMES)
def test_exactly_the_declared_names_match(names, others):
    pattern = re.compile(one_of(names))
    for name in {*names, *others}:
        assert bool(pattern.fullmatch(name)) == (name in names), (names, name)


@settings(deadline=None, max_examples=100)
@given(NAMES, NAMES)
def test_a_name_in_a_path_is_found_whole(names, others):
    path = re.compile(f"results/(?P<model>{one_of(names)})/(?P<condition>clean|{one_of(others)}).h5")
    for name in names:
        for other in others:
            found = path.fullmatch(f"results/{name}/{other}.h5")
            assert found is not None
            assert (found["model"], found["condition"]) == (name, other)


def test_without_names_nothing_matches():
    assert re.fullmatch(one_of([]), "") is None


def test_exactly_the_declared_conditions_match():
    strengths_of = {"gain": ["-1", "-10", "-1.5"], "noise": ["-1", "-10", "-1.5"], "reverb": ["0.1", "1"]}
    pattern = re.compile(one_condition_of("clean", strengths_of))
    declared = {"clean", *(f"{effect}/{strength}" for effect in strengths_of for strength in strengths_of[effect])}
    wrong = {"gain/0.1", "reverb/-1", "gain", "gain/", "clean/1", "gain/-1.50", "xgain/-1", "gain/-1/clean", "-1"}
    assert {name for name in declared | wrong if pattern.fullmatch(name)} == declared


def test_the_pattern_of_many_conditions_is_short():
    strengths = [f"{-1 - number * 0.117:.6g}" for number in range(333)]
    conditions = {f"gain{number:02d}": strengths for number in range(20)}
    listed = sum(len(f"{effect}/{strength}|") for effect in conditions for strength in conditions[effect])
    assert len(one_condition_of("clean", conditions)) < listed / 30
