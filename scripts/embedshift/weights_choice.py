"""Which weights a model needs: the name of their file, and where they come from, known before any job starts.

Imported by the Snakefile: standard library only.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedshift.canonical import canonical_json, digest_text
from embedshift.models.catalog import entry_of, tokenizer_name, weights_name
from embedshift.own_weights import digest_of
from embedshift.plug_ins import plug_in_weights_name, plug_in_weights_source
from embedshift.weights_catalog import describe_weights

DIGESTS = Path("data/weights/.digests.json")


@dataclass(frozen=True)
class WeightsChoice:
    """One file of weights: its `name` (data/weights/{name}.safetensors) and its `source` as canonical JSON.

    `identity` changes when the weights may hold other numbers, but not when only a path does.
    """

    name: str
    source: str
    identity: str


def choose_weights(settings: dict[str, Any]) -> WeightsChoice | None:
    """Return the weights of a model under resolved `settings` (catalog.check_model), None where it has none.

    Raises
    ------
    UserError
        If a user's own checkpoint or model folder is not there.
    """
    if entry_of(settings["adapter"]).takes_specification:
        return _plug_in(settings)
    name = weights_name(settings)
    if not name:
        return None
    return _own(name, settings["weights_file"]) if "weights_file" in settings else published(name)


def choose_tokenizer(settings: dict[str, Any]) -> WeightsChoice | None:
    """Return what the tokenizer of a model's text tower reads, None where it has no text tower."""
    name = tokenizer_name(settings)
    return published(name) if name else None


def published(name: str) -> WeightsChoice:
    """Return the published weights `name` with a digest of what the catalogue states of them."""
    facts = facts_digest(name)
    return WeightsChoice(name, canonical_json({"kind": "catalog", "weights": name, "facts": facts}), facts)


def facts_digest(name: str) -> str:
    """Return a digest of where weights come from and of their checksums, as the catalogue states them."""
    entry, sources = describe_weights(name)
    return digest_text(canonical_json([entry, *sources]))


def _own(name: str, file: str) -> WeightsChoice:
    sha256 = digest_of(file, DIGESTS)
    source = {"kind": "own", "weights": name, "file": file, "sha256": sha256}
    return WeightsChoice(f"{name}_own_{sha256[:12]}", canonical_json(source), sha256)


def _plug_in(settings: dict[str, Any]) -> WeightsChoice | None:
    name = plug_in_weights_name(settings)
    if not name:
        return None
    source = plug_in_weights_source(settings)
    identity = source.get("sha256") or canonical_json(source)
    return WeightsChoice(name, canonical_json(source), identity)
