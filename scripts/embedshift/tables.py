"""The tidy tables: one row a number, one writer, one reader, one shape."""

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from embedshift.atomic import write_atomically
from embedshift.errors import UserError

COLUMNS = (
    "dataset",
    "model",
    "effect",
    "strength",
    "label",
    "measure",
    "variant",
    "split",
    "value",
    "ci_low",
    "ci_high",
    "null_mean",
    "p_value",
    "n",
)
NUMBERS = ("value", "ci_low", "ci_high", "null_mean", "p_value")


def write_table(path: str | Path, rows: Iterable[Mapping[str, Any]], own_columns: tuple[str, ...] = ()) -> None:
    """Write rows as CSV with the shared columns first; a missing or not-a-number entry becomes an empty cell.

    Raises
    ------
    ValueError
        If a row has a key that is no column, or the table asks for more than three columns of its own.
    """
    if len(own_columns) > 3:
        raise ValueError(f"a table has at most three columns of its own, not {own_columns}")
    columns = COLUMNS + own_columns
    with write_atomically(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            unknown = set(row) - set(columns)
            if unknown:
                raise ValueError(f"not a column of this table: {sorted(unknown)}")
            writer.writerow([_cell(row.get(column)) for column in columns])


def read_table(path: str | Path) -> list[dict[str, Any]]:
    """Read a table; numbers are parsed (`n` as int), empty cells of numeric columns become None.

    Raises
    ------
    UserError
        If the shared columns are not the first ones of the file.
    """
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        found = tuple(reader.fieldnames or ())
        if found[: len(COLUMNS)] != COLUMNS:
            raise UserError(f"{path} is no embedshift table: its columns are {found}, expected {COLUMNS} first.")
        return [_parse(row) for row in reader]


def _parse(row: dict[str, str]) -> dict[str, Any]:
    parsed: dict[str, Any] = dict(row)
    for column in NUMBERS:
        parsed[column] = float(row[column]) if row[column] else None
    parsed["n"] = int(row["n"]) if row["n"] else None
    return parsed


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    number = float(value)
    return "" if math.isnan(number) else format(number, ".9g")
