"""What is known of published weights: where they live, how big they are, their checksums and their licences.

Imported by the Snakefile: standard library only.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from embedshift.errors import UserError
from embedshift.nearest_name import did_you_mean

CATALOG = Path(__file__).with_name("weights_catalog.json")


def describe_weights(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what the catalogue says of the weights `name`, and of the sources that they are taken from.

    Raises
    ------
    UserError
        If there are no such weights, naming the nearest.
    """
    catalog = json.loads(CATALOG.read_text(encoding="utf-8"))
    known = catalog["weights"]
    if name not in known:
        hint = did_you_mean(name, known)
        raise UserError(f"There are no weights {name!r}.{hint} Known: {', '.join(sorted(known))}.")
    entry = known[name]
    return entry, [catalog["sources"][source] for source in entry.get("sources") or [entry["source"]]]


def describe_source(name: str) -> dict[str, Any]:
    """Return size_bytes (None: unknown), address, checksum_kind and licence of the weights `name`, for a table.

    Of several files, the sizes are summed and the texts joined.
    """
    _, sources = describe_weights(name)
    sizes = [source.get("size_bytes") for source in sources]
    return {
        "size_bytes": None if None in sizes else sum(sizes),
        "address": _joined(address_of(source) for source in sources),
        "checksum_kind": _joined(checksum_kind_of(source) for source in sources),
        "licence": _joined(source["licence"] for source in sources),
    }


def address_of(source: dict[str, Any]) -> str:
    """Return where a source lives: a URL, or a package and its version."""
    if source["kind"] == "wheel":
        return f"the Python package {source['package']} {source['version']}"
    if source["kind"] == "hub":
        return f"https://huggingface.co/{source['repository']}"
    return source["address"]


def checksum_kind_of(source: dict[str, Any]) -> str:
    """Return how a download is verified: `sha256`, `md5`, `git_blob`, `sha256_prefix`, or `recorded` on first use."""
    if source["kind"] == "wheel":
        return "sha256"
    return source.get("checksum", {}).get("kind", "recorded")


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))
