"""What of a data set decides its sound: which stretch of which file is which clip, in which order.

Imported by the Snakefile: needs only the standard library.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedshift.canonical import canonical_json, digest_text
from embedshift.errors import UserError
from embedshift.indexed_clips import IndexedClip
from embedshift.listing import ListedFile, is_sound_file, locate_table, read_listing
from embedshift.published_datasets import identity_of
from embedshift.readers.folder import read_folder
from embedshift.shards import shard_of, shard_suffixes


def sounds_digest(dataset: Mapping[str, Any], listing: Path) -> str:
    """Return a digest of what decides the clips of a data set (settings of the config), and their sound.

    A data set that is fetched has the same before it is there and after, as long as its files are those of the archive.
    """
    folder, table = Path(dataset["folder"]).expanduser(), dataset["table"]
    if dataset["reader"] == "folder":
        return audio_rows_digest(folder, table, listing)
    return _listed_sounds_digest(folder, table, _sounds(dataset, folder, listing), dataset["reader_options"])


def shard_digests(dataset: Mapping[str, Any], listing: Path) -> dict[str, str]:
    """Return `{suffix of a shard's files: digest}` of what decides its clips and their sound.

    With the reader `folder` a clip that comes or goes changes the digest of its own shard only. Other readers decide
    which clips there are from all files at once, so their shards share one digest.
    """
    suffixes = shard_suffixes(dataset.get("shards", 1))
    if len(suffixes) == 1 or dataset["reader"] != "folder":
        return dict.fromkeys(suffixes, sounds_digest(dataset, listing))
    folder, table = Path(dataset["folder"]).expanduser(), dataset["table"]
    digests = [hashlib.sha256() for _ in suffixes]
    try:
        for clip in _clips_of_folder(folder, table, listing):
            digests[shard_of(clip.clip_id, len(suffixes))].update(_audio_row(clip).encode("utf-8"))
    except UserError:
        return dict.fromkeys(suffixes, digest_text(_unread(folder, table, Path(listing))))
    return {suffix: digest.hexdigest()[:16] for suffix, digest in zip(suffixes, digests, strict=True)}


def is_to_be_fetched(dataset: Mapping[str, Any]) -> bool:
    """Return whether a data set asks to be fetched and is not there yet."""
    return bool(dataset.get("download")) and not Path(dataset["folder"]).expanduser().exists()


def receipt_of(folder: Path) -> Path:
    """Return where the receipt of a fetched data set lies."""
    return folder.with_name(f"{folder.name}.receipt.json")


def audio_rows_digest(folder: Path, table: str | None, listing: Path) -> str:
    """Return a digest of the clips that the reader `folder` makes, without label, group and split.

    A corrected label leaves it as it is, so that nothing need be rendered again. It holds the order of the clips, their
    names, files with their SHA-256, and their stretches in seconds. What the reader refuses (the job tells the mistake)
    gives a digest of the listing and the table's bytes.
    """
    folder = Path(folder).expanduser()
    try:
        return digest_text("\n".join(map(_audio_row, _clips_of_folder(folder, table, listing))))
    except UserError:
        return digest_text(_unread(folder, table, Path(listing)))


def _clips_of_folder(folder: Path, table: str | None, listing: Path) -> list[IndexedClip]:
    return read_folder(read_listing(listing), folder, locate_table(folder, table) if table else None)[0]


def sounds_of(listed: list[ListedFile]) -> dict[str, str]:
    """Return `{file: sha256}` of the sound files of a listing."""
    return {entry.file: entry.sha256 for entry in listed if is_sound_file(entry.file)}


def _sounds(dataset: Mapping[str, Any], folder: Path, listing: Path) -> dict[str, str]:
    """Return `{file: sha256}`, or the checksum of the archive that the files came in."""
    if is_to_be_fetched(dataset):
        return dict(identity_of(dataset["download"]))
    sounds, receipt = sounds_of(read_listing(listing)), receipt_of(folder)
    if not dataset.get("download") or not receipt.is_file():
        return sounds
    told = json.loads(receipt.read_text(encoding="utf-8"))
    unchanged = told.get("sounds") == digest_text(canonical_json(sounds))
    return dict(identity_of(dataset["download"])) if unchanged else sounds


def _listed_sounds_digest(
    folder: Path, table: str | None, sounds: Mapping[str, str], reader_options: Mapping[str, Any]
) -> str:
    """Return a digest for a reader that decides which clips there are: all that it reads, and its options."""
    places = [folder / table, Path(table).expanduser()] if table else []
    content = next((place.read_bytes().hex() for place in places if place.is_file()), "")
    return digest_text(canonical_json({"sounds": dict(sounds), "table": content, "options": dict(reader_options)}))


def _audio_row(clip: IndexedClip) -> str:
    return repr((clip.clip_id, clip.file, clip.sha256, clip.start_s, clip.duration_s))


def _unread(folder: Path, table: str | None, listing: Path) -> str:
    places = [listing] + ([folder / table, Path(table).expanduser()] if table else [])
    return "\n".join(place.read_bytes().hex() for place in places if place.is_file())
