"""A published data set: its archive fetched and verified, unpacked whole or not at all, and listed."""

import json
import logging
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from embedshift.atomic import write_text
from embedshift.audio_rows import receipt_of, sounds_of
from embedshift.canonical import canonical_json, digest_text
from embedshift.errors import UserError
from embedshift.fetch_lock import one_job_at_a_time
from embedshift.listing import read_listing, write_listing
from embedshift.published_datasets import PUBLISHED_DATASETS
from embedshift.published_files import obtain_file

LOGGER = logging.getLogger("embedshift")


def fetch_dataset(
    name: str, folder: str | Path, table: str | None, listing: str | Path, downloads: Path = Path("data")
) -> None:
    """Make `folder` from the archive of the published data set `name`, and write the listing of its sounds.

    The archive stays in `downloads`/downloads. Beside the folder comes a receipt: source, checksum, licence. The
    folder appears last, so that it is there only when it is whole.

    Raises
    ------
    UserError
        If the archive cannot be had or is another, holds what does not belong there, or the disk is full.
    """
    source, folder = PUBLISHED_DATASETS[name], Path(folder).expanduser()
    archive, verified = obtain_file(source, downloads, name, kind="data set")[:2]
    with one_job_at_a_time(folder):
        if not folder.exists():
            unpacking = folder.with_name(f".{folder.name}.unpacking")
            shutil.rmtree(unpacking, ignore_errors=True)
            unpack(archive, unpacking, source["root"])
            write_listing(unpacking, table, listing)
            _write_receipt(folder, Path(listing), name, verified)
            unpacking.rename(folder)
        else:
            write_listing(folder, table, listing)
    LOGGER.info("%s: %s, licence %s. Cite: %s", name, folder, source["licence"], source["citation"])
    LOGGER.info("%s may be deleted now; it is fetched again only if %s is removed.", archive, folder)


def unpack(archive: Path, folder: Path, root: str) -> None:
    """Unpack what lies below `root` in a ZIP archive into `folder`; hidden files and those of other roots stay behind.

    Raises
    ------
    UserError
        If the archive is damaged, has a member whose path leads out of the folder or is a link, nothing below `root`,
        or more than the disk has space for.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = {place: item for item in opened.infolist() if (place := _place(item, root, archive))}
            if not members:
                raise UserError(f"{archive} holds no file below {root}/. Delete it and start the same command again.")
            folder.mkdir(parents=True)
            _require_space(folder, sum(item.file_size for item in members.values()))
            for place, item in members.items():
                _extract(opened, item, folder / place)
    except (zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{archive} is damaged ({error}). Delete it and start the same command again.") from error


def _place(item: zipfile.ZipInfo, root: str, archive: Path) -> PurePosixPath | None:
    """Return where a member goes, relative to the folder; None for what is left behind."""
    path = PurePosixPath(item.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(item.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or is_link:
        raise UserError(f"{archive} holds {item.filename!r}, which leads out of its folder. Nothing was unpacked.")
    hidden = any(part.startswith(".") for part in path.parts)
    if item.is_dir() or hidden or len(path.parts) < 2 or path.parts[0] != root:
        return None
    return path.relative_to(root)


def _require_space(folder: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise UserError(
            f"Unpacking needs {needed_bytes / 1e9:.1f} GB in {folder.parent.resolve()}, but {free_bytes / 1e9:.1f} GB "
            "are free. Free some space, or put the data set's `folder` elsewhere."
        )


def _extract(opened: zipfile.ZipFile, item: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(item) as packed, open(path, "xb") as file:
        shutil.copyfileobj(packed, file, 1 << 20)


def _write_receipt(folder: Path, listing: Path, name: str, verified: str) -> None:
    source, sounds = PUBLISHED_DATASETS[name], sounds_of(read_listing(listing))
    told = {key: source[key] for key in ("address", "checksum", "licence", "citation")}
    receipt = {"dataset": name, **told, "verified": verified, "sound_files": len(sounds),
               "sounds": digest_text(canonical_json(sounds))}  # fmt: skip
    write_text(receipt_of(folder), json.dumps(receipt, indent=2) + "\n")
