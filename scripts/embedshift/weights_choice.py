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
    """Return a digest of what decides the numbers of published weights: how they are converted, and from what.

    Licences, reasons and sizes do not count, nor do addresses where there is a checksum.
    """
    entry, sources = describe_weights(name)
    return _digest_of_facts(entry, sources)


def _digest_of_facts(entry: dict[str, Any], sources: list[dict[str, Any]]) -> str:
    conversion = {key: value for key, value in entry.items() if key not in ("source", "sources", "members")}
    if "members" in entry:
        conversion["members"] = {name: facts["sha256"] for name, facts in entry["members"].items()}
    named = entry["format"] == "files"  # a file's name is then its tensor's
    return digest_text(canonical_json([conversion, *(_content_of(source, named) for source in sources)]))


def _content_of(source: dict[str, Any], named: bool) -> dict[str, Any]:
    """Return what says which bytes a source is."""
    if source["kind"] == "hub":
        files = {file: facts.get("checksum") for file, facts in source.get("files", {}).items()}
        return {"repository": source["repository"], "revision": source["revision"], "files": files}
    checksum = source.get("sha256") or source.get("checksum") or source.get("unpacked", {}).get("checksum")
    content = {"checksum": checksum} if checksum else {"address": source["address"]}
    return content | ({"file": source["file"]} if named else {})


def _own(name: str, file: str) -> WeightsChoice:
    """The user's file stands for the first source; how it is converted, and any further sources, count as well."""
    sha256 = digest_of(file, DIGESTS)
    entry, sources = describe_weights(name)
    facts = _digest_of_facts(entry, sources[1:])
    source = {"kind": "own", "weights": name, "file": file, "sha256": sha256, "facts": facts}
    return WeightsChoice(f"{name}_own_{sha256[:12]}", canonical_json(source), digest_text(f"{sha256} {facts}"))


def _plug_in(settings: dict[str, Any]) -> WeightsChoice | None:
    name = plug_in_weights_name(settings)
    if not name:
        return None
    source = plug_in_weights_source(settings)
    identity = source.get("sha256") or canonical_json(source)
    return WeightsChoice(name, canonical_json(source), identity)
