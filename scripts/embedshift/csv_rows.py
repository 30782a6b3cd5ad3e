"""Plain CSV files with a header, as rows of texts."""

import csv
from collections.abc import Iterator
from pathlib import Path


def read_csv_rows(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file by column name, all cells as texts."""
    return list(iterate_csv_rows(path))


def iterate_csv_rows(path: str | Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file one by one: a manifest of a hundred thousand clips takes 250 MB at once."""
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
