"""Which embeddings are already what the present config, code and sounds would make, known before any job is planned.

Rendered audio is temporary and shared by all models. Were it an input of finished embeddings too, a new model would
have it rendered again, and Snakemake would then embed everything that stands on it again. So an embedding that is up
to date does not ask for its audio. It is up to date when its origin, a digest of everything that led to it, is the one
that stands in the record beside it. Needs only the standard library: the Snakefile calls it.
"""

import hashlib
from pathlib import Path

from embedshift.atomic import write_text
from embedshift.canonical import canonical_json, digest_text


def origin_of(listing: Path, *steps: str) -> str:
    """Return a digest of the listing of sounds and of the settings and code of every step from it to the embedding."""
    return digest_text(canonical_json([_digest_of_file(listing), *steps]))


def is_up_to_date(output: Path, origin: str) -> bool:
    """Return whether a finished embedding file has this origin."""
    record = record_path(output)
    return output.exists() and record.exists() and record.read_text(encoding="utf-8") == origin


def write_record(output: Path, origin: str) -> None:
    """Write down the origin of a finished embedding file."""
    write_text(record_path(output), origin)


def record_path(output: Path) -> Path:
    """Return where the origin of an embedding file stands; deleting it costs a rendering and is harmless."""
    return output.with_name(f".{output.stem}.origin")


_digests: dict[tuple[Path, int, int], str] = {}


def _digest_of_file(path: Path) -> str:
    """Return the digest of a file that every job of a data set asks for: it is computed once a version."""
    if not path.exists():
        return ""
    status = path.stat()
    key = (path, status.st_mtime_ns, status.st_size)
    if key not in _digests:
        _digests[key] = hashlib.sha256(path.read_bytes()).hexdigest()
    return _digests[key]
