"""A table is read back as it was written, and the csv module alone reads it too."""

import csv
import math

import pytest

from embedshift.errors import UserError
from embedshift.tables import COLUMNS, read_table, write_table

ROW = {"dataset": "d", "model": "m", "effect": "e", "strength": "0.5", "measure": "x", "value": 1 / 3, "n": 7}


def test_rows_return_with_numbers_parsed(tmp_path):
    write_table(tmp_path / "t.csv", [{**ROW, "p_value": math.nan}])
    (row,) = read_table(tmp_path / "t.csv")
    assert row["value"] == pytest.approx(1 / 3, rel=1e-8)
    assert row["n"] == 7
    assert row["p_value"] is None
    assert row["strength"] == "0.5"


def test_columns_are_the_shared_ones_and_then_the_tables_own(tmp_path):
    write_table(tmp_path / "t.csv", [{**ROW, "eraser": "none"}], own_columns=("eraser",))
    with open(tmp_path / "t.csv") as file:
        assert tuple(next(csv.reader(file))) == (*COLUMNS, "eraser")


def test_an_unknown_key_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(ValueError, match="valeu"):
        write_table(tmp_path / "t.csv", [{"valeu": 1}])
    assert list(tmp_path.iterdir()) == []


def test_another_csv_is_told_apart(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no embedshift table"):
        read_table(tmp_path / "t.csv")
