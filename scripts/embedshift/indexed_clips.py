"""The rows of index.csv: which stretch of which file is a clip, and what it is an example of."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from embedshift.atomic import write_text


class IndexedClip(NamedTuple):
    """One clip before its sound is read; times in seconds, `duration_s` None is up to the end of the file."""

    clip_id: str
    file: str
    start_s: float
    duration_s: float | None
    label: str
    group: str
    split: str
    sha256: str


COLUMNS = IndexedClip._fields
EXCLUDED_COLUMNS = ("clip_id", "file", "reason")


def write_index(path: str | Path, clips: Sequence[IndexedClip]) -> None:
    """Write index.csv atomically; an absent `duration_s` is an empty cell."""
    write_text(path, csv_text(COLUMNS, ([_cell(value) for value in clip] for clip in clips)))


def read_index(path: str | Path) -> list[IndexedClip]:
    """Read index.csv in the order of its rows."""
    with open(path, newline="", encoding="utf-8") as file:
        return [_parse(row) for row in csv.DictReader(file)]


def write_notes(path: str | Path, notes: Sequence[str]) -> None:
    """Write sentences that the report shows, one a row, column `note`."""
    write_text(path, csv_text(("note",), ([note] for note in notes)))


def read_notes(path: str | Path) -> list[str]:
    """Read the sentences of a notes file."""
    with open(path, newline="", encoding="utf-8") as file:
        return [row["note"] for row in csv.DictReader(file)]


def write_excluded(path: str | Path, excluded: Iterable[Sequence[str]]) -> None:
    """Write the clips that are left out, `(clip_id, file, reason)` each."""
    write_text(path, csv_text(EXCLUDED_COLUMNS, excluded))


def read_excluded(path: str | Path) -> list[tuple[str, str, str]]:
    """Read `(clip_id, file, reason)` of the clips that are left out."""
    with open(path, newline="", encoding="utf-8") as file:
        return [tuple(row[column] for column in EXCLUDED_COLUMNS) for row in csv.DictReader(file)]


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return CSV text, a header and rows, Unix line ends."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return buffer.getvalue()


def _parse(row: dict[str, str]) -> IndexedClip:
    duration_s = float(row["duration_s"]) if row["duration_s"] else None
    return IndexedClip(**{**row, "start_s": float(row["start_s"]), "duration_s": duration_s})


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else value
