"""The rows of index.csv: which stretch of which file is a clip, and what it is an example of."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from embedshift.atomic import write_atomically


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
MANIFEST_COLUMNS = (
    "clip_id",
    "file",
    "start_s",
    "duration_s",
    "label",
    "group",
    "split",
    "sha256",
    "audio_sha256",
    "loudness_before_lufs",
    "gain_db",
    "loudness_after_lufs",
    "peak",
    "note",
)
SHARD_COLUMNS = tuple(name for name in MANIFEST_COLUMNS if name not in ("label", "group", "split"))
"""What a shard's manifest holds: what is of the sound, so that a corrected label decodes nothing again."""
EXCLUDED_COLUMNS = ("clip_id", "file", "reason")


def write_index(path: str | Path, clips: Iterable[IndexedClip]) -> None:
    """Write index.csv atomically; an absent `duration_s` is an empty cell."""
    with open_rows(path, COLUMNS) as write_row:
        for clip in clips:
            write_row([_cell(value) for value in clip])


def read_index(path: str | Path) -> list[IndexedClip]:
    """Read index.csv in the order of its rows."""
    return list(iterate_index(path))


def iterate_index(path: str | Path) -> Iterator[IndexedClip]:
    """Yield the rows of index.csv one by one."""
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield _parse(row)


def write_notes(path: str | Path, notes: Sequence[str]) -> None:
    """Write sentences that the report shows, one a row, column `note`."""
    _write_rows(path, ("note",), ([note] for note in notes))


def read_notes(path: str | Path) -> list[str]:
    """Read the sentences of a notes file."""
    with open(path, newline="", encoding="utf-8") as file:
        return [row["note"] for row in csv.DictReader(file)]


def write_remarks(path: str | Path, remarks: Mapping[str, int]) -> None:
    """Write how many clips of a shard each remark was made of."""
    _write_rows(path, ("remark", "clips"), ([remark, str(clips)] for remark, clips in remarks.items()))


def read_remarks(path: str | Path) -> Counter[str]:
    """Read how many clips of a shard each remark was made of."""
    with open(path, newline="", encoding="utf-8") as file:
        return Counter({row["remark"]: int(row["clips"]) for row in csv.DictReader(file)})


def write_excluded(path: str | Path, excluded: Iterable[Sequence[str]]) -> None:
    """Write the clips that are left out, `(clip_id, file, reason)` each."""
    _write_rows(path, EXCLUDED_COLUMNS, excluded)


def read_excluded(path: str | Path) -> list[tuple[str, str, str]]:
    """Read `(clip_id, file, reason)` of the clips that are left out."""
    with open(path, newline="", encoding="utf-8") as file:
        return [tuple(row[column] for column in EXCLUDED_COLUMNS) for row in csv.DictReader(file)]


@contextmanager
def open_rows(path: str | Path, columns: Sequence[str]) -> Iterator[Callable[[Sequence[str]], None]]:
    """Yield a function that writes a row; the file, with its header, is there once the block has ended well."""
    with write_atomically(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        yield writer.writerow


def _write_rows(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with open_rows(path, columns) as write_row:
        for row in rows:
            write_row(row)


def _parse(row: dict[str, str]) -> IndexedClip:
    duration_s = float(row["duration_s"]) if row["duration_s"] else None
    return IndexedClip(**{**row, "start_s": float(row["start_s"]), "duration_s": duration_s})


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else value
