"""Stale files are named with what differs, and with the command that makes them again."""

import numpy as np
import pytest

from embedshift.canonical import canonical_json
from embedshift.errors import UserError
from embedshift.output_check import check_outputs
from embedshift.store import write_arrays


def make(path, settings, code):
    write_arrays(path, {"x": np.zeros(2)}, {"settings": canonical_json(settings), "code": canonical_json(code)})
    return str(path)


def test_files_that_agree_pass(tmp_path):
    path = make(tmp_path / "a.h5", {"folds": 5}, {"a.py": "1"})
    expected = {path: [canonical_json({"folds": 5}), canonical_json({"a.py": "1"})], "missing.h5": ["{}", "{}"]}
    check_outputs(expected, "run")
    assert (tmp_path / "a.h5").exists()


def test_a_difference_is_named_with_the_command(tmp_path):
    path = make(tmp_path / "a.h5", {"folds": 5}, {"a.py": "1", "b.py": "2"})
    with pytest.raises(UserError) as told:
        check_outputs({path: [canonical_json({"folds": 4}), canonical_json({"a.py": "1", "b.py": "3"})]}, "run")
    for words in ("settings: folds: 5 there, 4 here", 'code: b.py: "2" there, "3" here', f"run --forcerun {path}"):
        assert words in str(told.value)
    assert "a.py:" not in str(told.value)


def test_a_damaged_file_is_stale(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"not HDF5")
    with pytest.raises(UserError, match="cannot be read"):
        check_outputs({str(tmp_path / "a.h5"): ["{}", "{}"]}, "run")
