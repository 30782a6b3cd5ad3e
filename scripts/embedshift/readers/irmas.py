"""Reader `irmas`: the training set of IRMAS (Bosch, Janer, Fuhrmann and Herrera, ISMIR 2012), whose names say it all.

`[cla][cla]0189__2.wav`, `031__[cel][nod][cla]0020__1.wav`: instrument code, drums or none where it is annotated, genre,
four digits of the source recording, excerpt. The label is the instrument, the group the source recording (several
excerpts come from one), the clip_id the name without its ending. The folder that a file lies in does not count.

The split is that of a table, as Deng, Wang, Richard and McFee published one (ICASSP 2025, train_test_split.csv), or
else one made in their way (`readers/balanced_split.py`). Clips that neither side takes are left out, with the reason.
"""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from embedshift.errors import UserError
from embedshift.indexed_clips import IndexedClip
from embedshift.listing import ListedFile, is_sound_file

INSTRUMENTS = {
    "cla": "clarinet",
    "org": "organ",
    "cel": "cello",
    "vio": "violin",
    "gac": "guitar_acc",
    "voi": "voice",
    "gel": "guitar_ele",
    "sax": "saxophone",
    "tru": "trumpet",
    "pia": "piano",
    "flu": "flute",
}
"""Labels by code, in the order in which the published study went through them."""
GENRES = {
    "pop_roc": "pop_roc",
    "jaz_blu": "jazz_blue",
    "cla": "classical",
    "cou_fol": "country_folk",
    "lat_sou": "latin_soul",
}
NAME = re.compile(r"[^\[\]]*\[(?P<instrument>\w+)\](?:\[\w+\])*?\[(?P<genre>\w+)\](?P<group>\d{4})__\d+")
PATTERN = "[instrument][genre]0000__0.wav, with an optional 000__ before and an optional [dru] or [nod] between"
SPLIT_COLUMNS = ("instrument", "genre", "file_name", "split")
SPLITS = ("train", "test")
SHOWN = 5


class Excerpt(NamedTuple):
    """One file: what its name says, and how it is listed."""

    name: str
    instrument: str
    genre: str
    group: str
    listed: ListedFile


def read(
    listing: Sequence[ListedFile], folder: Path, table: Path | None, options: Mapping[str, Any]
) -> tuple[list[IndexedClip], list[str], list[tuple[str, str, str]]]:
    """Return the clips in the order of their paths, notes, and `(clip_id, file, reason)` of those left out.

    `options`: `drop_genres` (codes), `left_out` (`exclude`, or `keep`: those clips come without a split), and those of
    `balanced_split.choose_split`.

    Raises
    ------
    UserError
        If a name does not follow the pattern, two files have one name, or the table is another.
    """
    excerpts = [_parse(entry) for entry in sorted(listing) if is_sound_file(entry.file)]
    _require_unique(excerpts)
    kept = [excerpt for excerpt in excerpts if excerpt.genre not in options["drop_genres"]]
    if not kept:
        raise UserError(f"No clip is left in {folder} without the genres {', '.join(options['drop_genres'])}.")
    split, why = _read_split(table, excerpts) if table else _make_split(kept, options)
    reasons = {excerpt.name: f"genre {excerpt.genre} is left out (drop_genres)" for excerpt in excerpts}
    reasons |= {excerpt.name: why for excerpt in kept}
    chosen = {excerpt.name for excerpt in kept} & split.keys()
    rest = [(excerpt.name, excerpt.listed.file, reasons[excerpt.name])
            for excerpt in excerpts if excerpt.name not in chosen]  # fmt: skip
    taken = excerpts if options["left_out"] == "keep" else [item for item in excerpts if item.name in chosen]
    clips = [_clip(excerpt, split[excerpt.name] if excerpt.name in chosen else "") for excerpt in taken]
    return clips, _notes(excerpts, clips, rest, options), rest if options["left_out"] == "exclude" else []


def _parse(entry: ListedFile) -> Excerpt:
    name = PurePosixPath(entry.file).stem
    found = NAME.fullmatch(name)
    if not found:
        raise UserError(
            f"{entry.file}: the name is not that of a file of the IRMAS training set, {PATTERN}. Point `folder` to "
            "IRMAS-TrainingData alone (not to the test set), or use the reader folder."
        )
    instrument, genre, group = found["instrument"], found["genre"], found["group"]
    for what, code, known in (("instrument", instrument, INSTRUMENTS), ("genre", genre, GENRES)):
        if code not in known:
            raise UserError(f"{entry.file}: unknown {what} [{code}]; known: {', '.join(known)} ({PATTERN}).")
    return Excerpt(name, INSTRUMENTS[instrument], genre, group, entry)


def _require_unique(excerpts: Sequence[Excerpt]) -> None:
    first: dict[str, Excerpt] = {}
    for excerpt in excerpts:
        if excerpt.name in first:
            raise UserError(
                f"{first[excerpt.name].listed.file} and {excerpt.listed.file} are both called {excerpt.name}, by which "
                "clips and the split are known. Remove one."
            )
        first[excerpt.name] = excerpt


def _read_split(table: Path, excerpts: Sequence[Excerpt]) -> tuple[dict[str, str], str]:
    with open(table, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [name for name in SPLIT_COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise UserError(
                f"{table}: no column {', '.join(missing)}. Found: {reader.fieldnames}. The table of a split has the "
                f"columns {', '.join(SPLIT_COLUMNS)}; file_name has no ending."
            )
        rows = list(reader)
    _check_rows(table, rows, {excerpt.name: excerpt for excerpt in excerpts})
    return {row["file_name"]: row["split"] for row in rows}, f"not in the split of {table.name}"


def _check_rows(table: Path, rows: Sequence[Mapping[str, str]], known: Mapping[str, Excerpt]) -> None:
    absent = [row["file_name"] for row in rows if row["file_name"] not in known]
    if absent:
        more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
        raise UserError(
            f"{table}: {len(absent)} of {len(rows)} rows name files that are not there: {', '.join(absent[:SHOWN])}"
            f"{more}. Complete the folder, or give a split of what is there."
        )
    twice = [name for name, count in Counter(row["file_name"] for row in rows).items() if count > 1]
    if twice:
        raise UserError(f"{table}: {twice[0]} stands there twice. Remove one row.")
    for row in rows:
        excerpt = known[row["file_name"]]
        said = (row["instrument"], row["genre"])
        if said != (excerpt.instrument, GENRES[excerpt.genre]) or row["split"] not in SPLITS:
            raise UserError(
                f"{table}: {row['file_name']} is said to be {said[0]}, {said[1]}, split {row['split']!r}. Its name "
                f"says {excerpt.instrument}, {GENRES[excerpt.genre]}; splits are {' and '.join(SPLITS)}."
            )


def _make_split(excerpts: Sequence[Excerpt], options: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    from embedshift.readers.balanced_split import choose_split  # needs scikit-learn, which the Snakefile does not

    by_name = sorted(excerpts)  # whatever folders the files lie in
    split = choose_split(
        [excerpt.name for excerpt in by_name],
        [excerpt.instrument for excerpt in by_name],
        [excerpt.group for excerpt in by_name],
        class_order=list(INSTRUMENTS.values()),
        folds=options["folds"],
        split_seed=options["split_seed"],
        balance_seed=options["balance_seed"] if options["balance"] else None,
    )
    return split, "left out so that all instruments have as many training clips (balance)"


def _clip(excerpt: Excerpt, split: str) -> IndexedClip:
    listed = excerpt.listed
    return IndexedClip(excerpt.name, listed.file, 0.0, None, excerpt.instrument, excerpt.group, split, listed.sha256)


def _notes(
    excerpts: Sequence[Excerpt],
    clips: Sequence[IndexedClip],
    rest: Sequence[tuple[str, str, str]],
    options: Mapping[str, Any],
) -> list[str]:
    sizes = Counter(clip.split for clip in clips)
    notes = [f"{sizes['train']} training and {sizes['test']} test clips of {len(excerpts)} files."]
    verb = "left out" if options["left_out"] == "exclude" else "kept, without a split"
    notes += [f"{count} clips are {verb}: {reason}." for reason, count in Counter(row[2] for row in rest).items()]
    codes = {label: code for code, label in INSTRUMENTS.items()}
    astray = [excerpt.listed.file for excerpt in excerpts if _lies_astray(excerpt, codes[excerpt.instrument])]
    if astray:
        notes.append(f"{len(astray)} files lie in another instrument's folder (the name counts), such as {astray[0]}.")
    return notes


def _lies_astray(excerpt: Excerpt, code: str) -> bool:
    folder = PurePosixPath(excerpt.listed.file).parent.name
    return folder in INSTRUMENTS and folder != code
