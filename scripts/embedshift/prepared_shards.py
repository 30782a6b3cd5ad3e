"""Which shards of clips are already what the present config, code and sounds would make.

The index of a data set is made anew when a clip comes or goes, and Snakemake then runs every job that reads it, unless
the index is `ancient` to it; then, however, it does not look at the job's parameters either. So a shard takes the
index for `ancient` only where a record beside its clips says that nothing has changed for it. Needs only the standard
library: the Snakefile calls it.
"""

from pathlib import Path

from embedshift.atomic import write_text


def is_prepared(clean: str | Path, origin: str) -> bool:
    """Return whether the clips of a shard are there and were made from this origin (freshness.origin_of)."""
    record = _record_of(clean)
    return Path(clean).exists() and record.exists() and record.read_text(encoding="utf-8") == origin


def forget_prepared(clean: str | Path) -> None:
    """Remove the record, before the clips are written anew."""
    _record_of(clean).unlink(missing_ok=True)


def note_prepared(clean: str | Path, origin: str) -> None:
    """Write the record, after the clips, their manifest and the rest."""
    write_text(_record_of(clean), origin)


def _record_of(clean: str | Path) -> Path:
    clean = Path(clean)
    return clean.parent / ".prepared" / f"{clean.stem}.origin"
