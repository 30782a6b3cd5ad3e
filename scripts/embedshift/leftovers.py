"""Rendered audio that a killed run left behind: found and removed at the end of the next good run.

Snakemake removes temporary audio once the last job that needs it is done, unless it is killed first; the next run then
finds those embeddings finished and has no job that would. Audio is left alone where any study of the results folder
keeps it for listening. Needs only the standard library.
"""

from collections.abc import Iterable
from pathlib import Path


def note_keeping(results: Path, study: str, keeps: bool) -> None:
    """Write down whether a study keeps its rendered audio."""
    mark = results / ".names" / "keeps_audio" / study
    if keeps:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    else:
        mark.unlink(missing_ok=True)


def remove_leftovers(results: Path, audio: Iterable[Path], started_s: float) -> list[Path]:
    """Remove those files of `audio` that are older than this run (seconds since 1970); return what was removed."""
    if any((results / ".names" / "keeps_audio").glob("*")):
        return []
    left = [path for path in audio if path.exists() and path.stat().st_mtime < started_s]
    for path in left:
        path.unlink(missing_ok=True)
    return left
