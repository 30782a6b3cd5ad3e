"""Shards: the clips of a data set in parts that stay what they are when clips are added, each with files of its own.

A clip's shard depends on its clip_id alone. The files of a shard carry it in their names, `clean.shard_2_of_4.h5`;
those of a data set with one shard carry nothing. Imported by the Snakefile: needs only the standard library.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

SUFFIX = ".shard_"


def shard_suffixes(shards: int) -> list[str]:
    """Return what the names of the files of each shard end in, before `.h5` or `.csv`; empty for a single one."""
    return [""] if shards == 1 else [f"{SUFFIX}{number}_of_{shards}" for number in range(1, shards + 1)]


def shard_of(clip_id: str, shards: int) -> int:
    """Return the shard of a clip, from 0: 64 bits of the SHA-256 of its id, modulo the number of shards."""
    if shards == 1:
        return 0
    return int.from_bytes(hashlib.sha256(clip_id.encode("utf-8")).digest()[:8], "big") % shards


def rows_of_shards(clip_id: Sequence[str], shards: int) -> list[list[int]]:
    """Return, for each shard, the positions of its clips in `clip_id`, ascending."""
    rows: list[list[int]] = [[] for _ in range(shards)]
    for row, name in enumerate(clip_id):
        rows[shard_of(name, shards)].append(row)
    return rows


def without_shard(path: str | Path) -> Path:
    """Return the path of a file as it would be without shards: `a/clean.shard_2_of_4.h5` as `a/clean.h5`."""
    path = Path(path)
    stem, found, _ = path.stem.rpartition(SUFFIX)
    return path.with_name(stem + path.suffix) if found else path


def is_of_other_shards(path: Path, like: Path) -> bool:
    """Return whether a file is what another number of shards would have in place of the file `like`."""
    same_kind = without_shard(path) == without_shard(like)
    return same_kind and path.stem.rpartition("_of_")[2] != like.stem.rpartition("_of_")[2]


def by_condition(files: Sequence[str | Path], shards: int) -> list[list[str | Path]]:
    """Return files, given condition after condition with all shards of each, as one list for each condition."""
    return [list(files[start : start + shards]) for start in range(0, len(files), shards)]


def as_list(files: str | Path | Iterable[str | Path]) -> list[str | Path]:
    """Return one file, or the files of several shards, as a list."""
    return [files] if isinstance(files, str | Path) else list(files)
