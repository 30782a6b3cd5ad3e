"""Plain CSV files with a header, as rows of texts."""

import csv
from pathlib import Path


def read_csv_rows(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file by column name, all cells as texts."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
