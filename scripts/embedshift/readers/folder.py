"""Reader `folder`: any folder tree of sound files, with or without a CSV table that names labels and stretches.

Columns of the table: `file` (required, relative to the folder), `label`, `group`, `split`, `start_s`, `duration_s`,
`clip_id`. What the table does not say has a default, and each default that was used is told in a note.
"""

import csv
import io
import math
import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from embedshift.errors import UserError
from embedshift.indexed_clips import IndexedClip
from embedshift.listing import ListedFile, is_sound_file
from embedshift.nearest_name import nearest_names, question

TABLE_COLUMNS = ("file", "label", "group", "split", "start_s", "duration_s", "clip_id")
RESERVED_LABELS = ("all",)
RESERVED_CLIP_IDS = ("all", "mean")
SHOWN = 5


@dataclass(slots=True)
class _Row:
    """One row of the table; `where` names it in messages."""

    where: str
    cells: dict[str, str]


def read_folder(listing: Sequence[ListedFile], folder: Path, table: Path | None) -> tuple[list[IndexedClip], list[str]]:
    """Return the clips in the order of the table (without one: of the file names), and notes on defaults taken.

    Raises
    ------
    UserError
        If the table lacks `file`, names unknown files, has times that are no numbers or out of range, two clips would
        have the same `clip_id`, or a label or a clip has a name that the tables of results use for all of them.
    """
    sounds = {entry.file: entry for entry in listing if is_sound_file(entry.file)}
    if table is None:
        rows, notes = [_Row(name, {"file": name}) for name in sounds], ["No label table: every sound file is one clip."]
    else:
        rows, notes = _read_table(table)
        _require_known_files(rows, sounds, folder)
        notes += _left_out_notes(rows, sounds, table)
    notes += _default_notes(rows, folder)
    ids = _default_ids(rows)
    clips = [_clip(row, sounds[row.cells["file"]], folder, ids[row.cells["file"]]) for row in rows]
    _require_free_names(rows, clips)
    _require_unique(rows, clips)
    return clips, notes


def _read_table(table: Path) -> tuple[list[_Row], list[str]]:
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{table} is not UTF-8 text ({error.reason} at byte {error.start}). Save it as UTF-8."
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _require_columns(table, header)
        used = [(name, position) for position, name in enumerate(header) if name in TABLE_COLUMNS]
        name = str(table)
        rows = [
            _row(f"{name}, line {reader.line_num}", header, used, cells)
            for cells in reader
            if any(map(str.strip, cells))
        ]
    except csv.Error as error:
        raise UserError(f"{table}, line {reader.line_num}: not valid CSV ({error}).") from error
    if not rows:
        raise UserError(f"{table} has a header but no rows: it names no clip.")
    ignored = [name for name in header if name and name not in TABLE_COLUMNS]
    return rows, [f"Columns of {table.name} that are not used: {', '.join(ignored)}."] if ignored else []


def _require_columns(table: Path, header: list[str]) -> None:
    twice = sorted(name for name, count in Counter(header).items() if name and count > 1)  # spreadsheets end in commas
    if twice:
        raise UserError(f"{table}: the column {twice[0]!r} stands twice in the header {header}. Remove or rename one.")
    if "file" in header:
        return
    hint = "Rename the column that holds the file names to 'file'."
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        hint = "The cells seem to be separated by something other than commas: save the table with commas."
    raise UserError(
        f"{table}: no column 'file'. Found: {header}. "
        f"Known: {', '.join(TABLE_COLUMNS)}; only 'file' is required. {hint}"
    )


def _row(where: str, header: list[str], used: list[tuple[str, int]], cells: list[str]) -> _Row:
    if len(cells) != len(header):
        raise UserError(f"{where}: {len(cells)} cells, but the header has {len(header)} ({', '.join(header)}).")
    values = {name: cells[position].strip() for name, position in used}
    if not values["file"]:
        raise UserError(f"{where}: the cell 'file' is empty.")
    values["file"] = posixpath.normpath(values["file"])
    return _Row(where, values)


def _require_known_files(rows: list[_Row], sounds: Mapping[str, ListedFile], folder: Path) -> None:
    unknown = [row for row in rows if row.cells["file"] not in sounds]
    if not unknown:
        return
    lines = [f"{row.where}: {row.cells['file']!r}.{_hint(row.cells['file'], sounds)}" for row in unknown[:SHOWN]]
    more = f"\n... and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
    raise UserError(
        f"{len(unknown)} of {len(rows)} rows name a file that is not among the {len(sounds)} sound files in {folder} "
        "(paths are relative to that folder, with forward slashes):\n" + "\n".join(lines) + more
    )


def _hint(name: str, sounds: Mapping[str, ListedFile]) -> str:
    wanted = posixpath.basename(name.replace("\\", "/"))
    stem = PurePosixPath(wanted).stem.lower()
    near = [file for file in sounds if PurePosixPath(file).stem.lower() == stem][:3]
    if not near and len(sounds) <= 20_000:
        near = nearest_names(name, sounds, 3)
    return question(near)


def _left_out_notes(rows: list[_Row], sounds: Mapping[str, ListedFile], table: Path) -> list[str]:
    left_out = len(set(sounds) - {row.cells["file"] for row in rows})
    return [f"{left_out} of {len(sounds)} sound files are not named in {table.name} and left out."] if left_out else []


def _default_notes(rows: list[_Row], folder: Path) -> list[str]:
    notes = []
    for column, default in (
        ("label", "the name of the folder that holds the file"),
        ("group", "the file, so that clips of one file are never on both sides of a split"),
        ("split", "none: no fixed division into training and test clips"),
    ):
        missing = [row for row in rows if not row.cells.get(column)]
        if missing:
            notes.append(f"{column} of {_count(missing, rows)}: {default}.")
        if column == "label" and any("/" not in row.cells["file"] for row in missing):
            notes.append(f"Files directly in {folder} have the label {_folder_name(folder)!r}, the folder's name.")
    return notes


def _count(part: Sequence[object], whole: Sequence[object]) -> str:
    return "every clip" if len(part) == len(whole) else f"{len(part)} of {len(whole)} clips (empty cells)"


def _folder_name(folder: Path) -> str:
    return folder.resolve().name


def _default_ids(rows: list[_Row]) -> dict[str, tuple[str, bool]]:
    """Return, by file, the id of its clips, and whether it has several, which their start then tells apart.

    The id is the path without its suffix, with it where two files share the rest.
    """
    clips_of_file = Counter(row.cells["file"] for row in rows)
    stem_of = {file: _joined(posixpath.splitext(file)[0]) for file in clips_of_file}
    files_of_stem = Counter(stem_of.values())
    return {
        file: (stem_of[file] if files_of_stem[stem_of[file]] == 1 else _joined(file), count > 1)
        for file, count in clips_of_file.items()
    }


def _joined(path: str) -> str:
    return path.replace("/", "__")


def _clip(row: _Row, sound: ListedFile, folder: Path, default_id: tuple[str, bool]) -> IndexedClip:
    cells = row.cells
    start_s = _seconds(row, "start_s") or 0.0
    name, several = default_id
    return IndexedClip(
        clip_id=cells.get("clip_id") or (f"{name}_{start_s:.10g}s" if several else name),
        file=sound.file,
        start_s=start_s,
        duration_s=_seconds(row, "duration_s"),
        label=cells.get("label") or posixpath.basename(posixpath.dirname(sound.file)) or _folder_name(folder),
        group=cells.get("group") or sound.file,
        split=cells.get("split") or "",
        sha256=sound.sha256,
    )


def _seconds(row: _Row, column: str) -> float | None:
    text = row.cells.get(column)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{row.where}: {column} is {text!r}, not a number of seconds (such as 1.5).") from None
    if not math.isfinite(value) or value < 0 or (column == "duration_s" and value == 0):
        allowed = "zero or more" if column == "start_s" else "more than zero"
        raise UserError(f"{row.where}: {column} is {text}; allowed: {allowed} seconds.")
    return value


def _require_free_names(rows: list[_Row], clips: Iterable[IndexedClip]) -> None:
    for row, clip in zip(rows, clips, strict=True):
        if clip.label in RESERVED_LABELS or clip.clip_id in RESERVED_CLIP_IDS:
            kind, name = ("label", clip.label) if clip.label in RESERVED_LABELS else ("clip_id", clip.clip_id)
            raise UserError(
                f"{row.where} (file {clip.file}): the {kind} {name!r} is taken: the tables of results use it for rows "
                f"over several clips. Write another in the column {kind!r} of a table, or rename what it is made "
                "from, the file or its folder."
            )


def _require_unique(rows: list[_Row], clips: Iterable[IndexedClip]) -> None:
    first: dict[str, str] = {}
    for row, clip in zip(rows, clips, strict=True):
        if clip.clip_id in first:
            raise UserError(
                f"Two clips have the clip_id {clip.clip_id!r}: {first[clip.clip_id]} and {row.where} "
                f"(file {clip.file}, start_s {clip.start_s:.10g}). Remove one, or name each in a column 'clip_id'."
            )
        first[clip.clip_id] = row.where
