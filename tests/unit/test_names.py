"""A name means one thing in a results folder."""

import pytest

from embedshift.errors import UserError
from embedshift.names import check_names, differences, record_names

REVERB = {"effects": {"reverb": {"chain": [{"processor": "Reverb", "damping": 0.5}], "tail_s": 0}}}
DRIER = {"effects": {"reverb": {"chain": [{"processor": "Reverb", "damping": 0.9}], "tail_s": 0}}}


def test_another_study_may_use_the_name_for_the_same_thing(tmp_path):
    record_names(tmp_path, "one", REVERB)
    check_names(tmp_path, "two", REVERB)
    record_names(tmp_path, "two", REVERB)
    with pytest.raises(UserError, match="one"):
        check_names(tmp_path, "two", DRIER)


def test_another_study_may_not_use_the_name_for_something_else(tmp_path):
    record_names(tmp_path, "one", REVERB)
    with pytest.raises(UserError) as told:
        check_names(tmp_path, "two", DRIER)
    for word in ("effects.reverb", "study one", "0.5", "0.9", "another results_folder"):
        assert word in str(told.value)


def test_the_same_study_may_change_its_own_settings(tmp_path):
    record_names(tmp_path, "one", REVERB)
    check_names(tmp_path, "one", DRIER)
    record_names(tmp_path, "one", DRIER)
    check_names(tmp_path, "two", DRIER)


def test_a_damaged_record_stops_nobody(tmp_path):
    record_names(tmp_path, "one", REVERB)
    (tmp_path / ".names/effects/reverb.json").write_text("{")
    check_names(tmp_path, "two", DRIER)
    assert (tmp_path / ".names/effects/reverb.json").read_text() == "{"


def test_differences_name_the_key():
    assert list(differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 1.0}, "c": 3})) == ["c: 2 there, 3 here"]
