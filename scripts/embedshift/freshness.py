"""Which embeddings are already what the present config, code and sounds would make, known before any job is planned.

Rendered audio is temporary and shared by all models. Were it an input of finished embeddings too, a new model would
have it rendered again, and Snakemake would then embed everything that stands on it again. So an embedding that is up
to date does not ask for its audio. It is up to date when its origin, a digest of everything that led to it, stands in
the record beside the link to the finished file. Needs only the standard library: the Snakefile calls it.
"""

from pathlib import Path

from embedshift.atomic import write_text
from embedshift.canonical import canonical_json, digest_text


def origin_of(*steps: str) -> str:
    """Return a digest of every step from the sounds to the embedding: what it read, its settings and its code."""
    return digest_text(canonical_json(steps))


def kept_file(output: str | Path, condition: str, ending: str) -> Path:
    """Return a file of the folder `.kept` of a model that belongs to the output at `condition`.

    `h5` is a link to the last finished output, `origin` its record. Deleting any of them costs time and harms nothing.
    """
    folder = Path(output).parents[condition.count("/")]
    name = "__".join(Path(output).relative_to(folder).parts).removesuffix(".h5")
    return folder / ".kept" / f"{name}.{ending}"


def is_up_to_date(output: str | Path, condition: str, origin: str) -> bool:
    """Return whether the finished output at `condition` is there, can be put back, and has this origin."""
    record = kept_file(output, condition, "origin")
    there = Path(output).exists() and kept_file(output, condition, "h5").exists() and record.exists()
    return there and record.read_text(encoding="utf-8") == origin


def forget_origin(output: str | Path, condition: str) -> None:
    """Remove the record, before the output is written anew."""
    kept_file(output, condition, "origin").unlink(missing_ok=True)


def write_origin(output: str | Path, condition: str, origin: str) -> None:
    """Write the record, after the output and the link to it."""
    write_text(kept_file(output, condition, "origin"), origin)
