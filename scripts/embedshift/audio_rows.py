"""What of a data set decides its sound: which stretch of which file is which clip, in which order.

Imported by the Snakefile: needs only the standard library.
"""

from pathlib import Path

from embedshift.canonical import digest_text
from embedshift.errors import UserError
from embedshift.indexed_clips import IndexedClip
from embedshift.listing import locate_table, read_listing
from embedshift.readers.folder import read_folder


def audio_rows_digest(folder: Path, table: str | None, listing: Path) -> str:
    """Return a digest of the clips that the reader `folder` makes, without label, group and split.

    A corrected label leaves it as it is, so that nothing need be rendered again. It holds the order of the clips, their
    names, files with their SHA-256, and their stretches in seconds. What the reader refuses (the job tells the mistake)
    gives a digest of the listing and the table's bytes.
    """
    folder = Path(folder).expanduser()
    try:
        clips, _ = read_folder(read_listing(listing), folder, locate_table(folder, table) if table else None)
    except UserError:
        return digest_text(_unread(folder, table, Path(listing)))
    return digest_text("\n".join(map(_audio_row, clips)))


def _audio_row(clip: IndexedClip) -> str:
    return repr((clip.clip_id, clip.file, clip.sha256, clip.start_s, clip.duration_s))


def _unread(folder: Path, table: str | None, listing: Path) -> str:
    places = [listing] + ([folder / table, Path(table).expanduser()] if table else [])
    return "\n".join(place.read_bytes().hex() for place in places if place.is_file())
