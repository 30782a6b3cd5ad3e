"""The shards of a data set joined: one manifest in the order of the index, with what was excluded and remarked."""

import csv
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from embedshift.errors import UserError
from embedshift.indexed_clips import (
    MANIFEST_COLUMNS,
    IndexedClip,
    iterate_index,
    open_rows,
    read_excluded,
    read_notes,
    read_remarks,
    write_excluded,
    write_notes,
)
from embedshift.preparation_tally import Tally
from embedshift.shards import shard_of


def join_clips(
    *,
    index: str | Path,
    index_notes: str | Path,
    index_excluded: str | Path,
    shard_manifests: Sequence[str | Path],
    shard_excluded: Sequence[str | Path],
    shard_remarks: Sequence[str | Path],
    manifest: str | Path,
    excluded: str | Path,
    notes: str | Path,
) -> None:
    """Write manifest.csv, excluded.csv and notes.csv of a data set in shards, as if it had one.

    Labels, groups and splits are those of the index. Rows stream: all manifests are read side by side.

    Raises
    ------
    UserError
        If no clip is left, or the index and the shards hold other clips.
    """
    tally = Tally()
    reasons = {clip_id: reason for path in shard_excluded for clip_id, _, reason in read_excluded(path)}
    left_out = read_excluded(index_excluded)
    with open_rows(manifest, MANIFEST_COLUMNS) as write_row, ExitStack() as files:
        opened = [files.enter_context(open(path, newline="", encoding="utf-8")) for path in shard_manifests]
        shards = [_Shard(file) for file in opened]
        for clip in tally.counted(iterate_index(index)):
            if clip.clip_id in reasons:
                tally.leave_out(clip, reasons[clip.clip_id])
                left_out.append((clip.clip_id, clip.file, reasons[clip.clip_id]))
                continue
            row = shards[shard_of(clip.clip_id, len(shards))].row_of(clip)
            row |= {"label": clip.label, "group": clip.group, "split": clip.split}
            write_row([row[column] for column in MANIFEST_COLUMNS])
        for shard in shards:
            shard.require_end()
        _require_some_left(tally, left_out)
    write_excluded(excluded, left_out)
    for path in shard_remarks:
        tally.remarks.update(read_remarks(path))
    write_notes(notes, read_notes(index_notes) + tally.sentences())


class _Shard:
    """The rows of one shard's manifest, taken one after the other."""

    def __init__(self, file: TextIO) -> None:
        self._rows, self._path = csv.DictReader(file), file.name

    def row_of(self, clip: IndexedClip) -> dict[str, str]:
        """Return the next row, which must be that of the clip."""
        row = next(self._rows, None)
        if row is None or row["clip_id"] != clip.clip_id:
            raise UserError(self._mismatch(row, clip.clip_id))
        return row

    def require_end(self) -> None:
        """Stop where there are rows left."""
        row = next(self._rows, None)
        if row is not None:
            raise UserError(self._mismatch(row, "(none)"))

    def _mismatch(self, row: dict[str, str] | None, expected: str) -> str:
        found = row["clip_id"] if row else "(none)"
        return (
            f"{self._path} does not belong to the index of its data set: clip {found} stands where clip {expected} is "
            "expected. Delete the file and start the same command again: it is made anew."
        )


def _require_some_left(tally: Tally, left_out: Sequence[tuple[str, str, str]]) -> None:
    if tally.lost.total() == tally.indexed.total():
        listed = "\n".join(f"{file} (clip {clip_id}): {reason}" for clip_id, file, reason in left_out[:10])
        raise UserError(f"None of the {tally.indexed.total()} clips can be used:\n{listed}")
