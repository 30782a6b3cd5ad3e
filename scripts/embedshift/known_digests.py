"""Digests of files that need not be read again: a JSON file of `{name: [size_bytes, mtime_ns, sha256]}`.

Needs only the standard library: the Snakefile calls it.
"""

import json
from pathlib import Path


def read_known_digests(path: str | Path) -> dict[str, list]:
    """Return what `path` holds; what is missing, damaged or of another form counts as unknown."""
    try:
        known = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {name: entry for name, entry in known.items() if isinstance(entry, list) and len(entry) == 3}
