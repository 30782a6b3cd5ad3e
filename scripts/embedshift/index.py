"""The index of a data set: which clips there are, made by the reader that the config names."""

import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from embedshift.errors import UserError
from embedshift.indexed_clips import IndexedClip, write_excluded, write_index, write_notes
from embedshift.listing import ListedFile, locate_table, read_listing
from embedshift.readers.folder import read_folder

LOGGER = logging.getLogger("embedshift")
READERS_WITH_OPTIONS = ("irmas",)
"""Modules of `readers`, imported only when asked for: a new reader makes no other data set anew."""
SHOWN = 10

LeftOut = tuple[str, str, str]
"""clip_id, file, reason."""


def index_dataset(
    listing: str | Path, output: str | Path, notes: str | Path, settings: str, excluded: str | Path | None = None
) -> None:
    """Write index.csv and index_notes.csv of one data set, and the clips that its reader leaves out, with reasons.

    `settings` is JSON with `reader`, `folder`, `table` (or null) and, for readers that take some, `reader_options`.

    Raises
    ------
    UserError
        If the reader is unknown, or finds a mistake in the data set.
    """
    options = json.loads(settings)
    folder = Path(options["folder"]).expanduser()
    table = locate_table(folder, options["table"]) if options.get("table") else None
    clips, said, left_out = _read(options, read_listing(listing), folder, table)
    said += class_notes(clips)
    write_index(output, clips)
    write_notes(notes, said)
    if excluded:
        write_excluded(excluded, left_out)
    LOGGER.info("%d clips of %d files in %s", len(clips), len({clip.file for clip in clips}), output)
    for note in said:
        LOGGER.info("%s", note)


def _read(
    options: Mapping[str, Any], listing: list[ListedFile], folder: Path, table: Path | None
) -> tuple[list[IndexedClip], list[str], list[LeftOut]]:
    name = options["reader"]
    if name == "folder":
        return *read_folder(listing, folder, table), []
    if name not in READERS_WITH_OPTIONS:
        raise UserError(f"Unknown reader {name!r}; known: {', '.join(sorted(['folder', *READERS_WITH_OPTIONS]))}.")
    return import_module(f"embedshift.readers.{name}").read(listing, folder, table, options["reader_options"])


def class_notes(clips: Sequence[IndexedClip]) -> list[str]:
    """Return notes on classes too small for what the analyses do, and on groups that straddle splits."""
    clips_of, groups_of, splits_of = defaultdict(int), defaultdict(set), defaultdict(set)
    for clip in clips:
        clips_of[clip.label] += 1
        groups_of[clip.label].add(clip.group)
        splits_of[clip.group].add(clip.split)
    notes = _small_classes(clips_of, groups_of)
    if len(clips_of) == 1:
        notes.append(f"All clips have the label {clips[0].label!r}: nothing can be compared between classes.")
    straddling = sorted(group for group, splits in splits_of.items() if len(splits - {""}) > 1)
    if straddling:
        notes.append(
            f"Groups with clips in more than one split, which leaks from training to test: {_some(straddling)}."
        )
    return notes


def _small_classes(clips_of: dict[str, int], groups_of: dict[str, set[str]]) -> list[str]:
    notes = []
    single = sorted(label for label, count in clips_of.items() if count == 1)
    if single:
        notes.append(f"Classes of one clip, kept, but without a spread of their own: {_some(single)}.")
    held_out = sorted(label for label, groups in groups_of.items() if len(groups) == 1 and clips_of[label] > 1)
    if held_out:
        notes.append(f"Classes of a single group, which are held out as a whole or not at all: {_some(held_out)}.")
    return notes


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
