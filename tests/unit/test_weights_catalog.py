"""What the catalogue of weights states is well formed, and every model finds its weights in it."""

import ast
import itertools
import json
import re
import string

import pytest

from embedshift.checksums import checksum_of
from embedshift.codehash import closure_of
from embedshift.errors import UserError
from embedshift.models.catalog import ENTRIES, module_files
from embedshift.weights_catalog import CATALOG, describe_source, describe_weights
from embedshift.weights_formats import CONVERTERS

DIGITS = {"sha256": 64, "md5": 32, "git_blob": 40, "sha256_prefix": 8}


def names_needed(entry):
    """Return every name that an adapter's template of weights can give, and those of its tokenizers."""
    used = [field for _, field, _, _ in string.Formatter().parse(entry.weights) if field]
    choices = [entry.options[option].choices for option in used]
    filled = {entry.weights.format(**dict(zip(used, values, strict=True))) for values in itertools.product(*choices)}
    return {name for name in filled | set(entry.tokenizers.values()) if name}


@pytest.mark.parametrize("adapter", ENTRIES)
def test_every_model_finds_its_weights(adapter):
    for name in names_needed(ENTRIES[adapter]):
        assert describe_source(name)["address"]


def catalogued():
    return json.loads(CATALOG.read_text())


@pytest.mark.parametrize("name", catalogued()["weights"])
def test_an_entry_is_complete(name):
    entry, sources = describe_weights(name)
    assert re.fullmatch(r"[A-Za-z0-9][\w.-]*", name), "it is a file's name and a wildcard"
    assert entry["format"] in CONVERTERS
    re.compile(entry.get("leave_out", ""))
    known = {"source", "sources", "format", "leave_out", "members", "state_key", "strip_prefix", "numpy_globals"}
    assert set(entry) <= known
    described = describe_source(name)
    assert described["licence"]
    assert described["address"].startswith(("https://", "the Python package "))
    for source in sources:
        assert source["kind"] in ("wheel", "url", "hub", "by_hand")
        if source["kind"] == "hub":
            assert re.fullmatch(r"[0-9a-f]{40}", source["revision"]), "a moving name would be another model some day"
        checksums = [source.get("checksum"), source.get("unpacked", {}).get("checksum")]
        checksums += [facts.get("checksum") for facts in source.get("files", {}).values()]
        for checksum in filter(None, checksums):
            assert re.fullmatch(rf"[0-9a-f]{{{DIGITS[checksum['kind']]}}}", checksum["value"])


def test_sources_lie_in_files_of_their_own():
    sources = catalogued()["sources"]
    files = [source["file"] for source in sources.values() if "file" in source]
    assert len(set(files)) == len(files)
    used = {each for entry in catalogued()["weights"].values() for each in entry.get("sources") or [entry["source"]]}
    assert used == set(sources)


def test_every_kind_of_checksum_can_be_computed(tmp_path):
    (tmp_path / "x").write_bytes(b"")
    for kind in DIGITS:
        assert checksum_of(tmp_path / "x", kind)


def test_a_table_can_be_made_of_it():
    assert describe_source("panns_Cnn14") == {
        "size_bytes": 327_428_481,
        "address": "https://zenodo.org/records/3987831/files/Cnn14_mAP%3D0.431.pth?download=1",
        "checksum_kind": "md5",
        "licence": "CC BY 4.0",
    }
    both = describe_source("vggish")
    assert both["size_bytes"] == 288_567_937 + 181_358
    assert both["checksum_kind"] == "sha256, sha256_prefix"
    assert describe_source("dac_44khz")["size_bytes"] is None
    with pytest.raises(UserError, match="Did you mean panns_Cnn14"):
        describe_source("panns_Cnn13")


@pytest.mark.parametrize("adapter", ENTRIES)
def test_no_adapter_reaches_what_fetches(adapter, repository):
    """Neither by what its entry lists, nor by what those modules import, directly or through others."""
    network = {"urllib.request", "http.client", "ftplib", "requests", "urllib3", "httpx", "huggingface_hub"}
    fetching = {f"embedshift/{name}.py" for name in
                ("weights", "download", "published_files", "wheels", "hugging_face")}  # fmt: skip
    reached = closure_of("embed_clips.py", also=module_files(adapter))
    assert not fetching & set(reached)
    for file in reached:
        for node in ast.walk(ast.parse((repository / "scripts" / file).read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                named = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
                assert not named & network, f"{file}: {named & network}"
