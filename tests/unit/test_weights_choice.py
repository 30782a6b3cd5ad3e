"""What counts as other weights: another content or conversion, but no other licence, mirror or reason."""

import json

import pytest

from embedshift import weights_catalog, weights_choice
from embedshift.weights_choice import choose_weights, published

ENTRY = {"sources": ["net", "pca"], "format": "torch", "leave_out": "^steps$"}
NET = {"kind": "url", "file": "net.pth", "address": "https://example.org/net", "licence": "MIT", "size_bytes": 3}
NET["checksum"] = {"kind": "md5", "value": "900150983cd24fb0d6963f7d28e17f72"}
PCA = {"kind": "url", "file": "pca.pth", "address": "https://example.org/pca", "licence": "MIT"}


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    monkeypatch.setattr(weights_catalog, "CATALOG", tmp_path / "catalog.json")
    monkeypatch.setattr(weights_choice, "DIGESTS", tmp_path / "digests.json")

    def write(entry=ENTRY, net=NET, pca=PCA):
        content = {"sources": {"net": net, "pca": pca}, "weights": {"vggish": entry}}
        (tmp_path / "catalog.json").write_text(json.dumps(content))

    write()
    return write


def test_only_what_changes_numbers_makes_other_weights(catalogue):
    before = published("vggish")
    catalogue(net={**NET, "licence": "MIT, no more", "why": "x", "kind": "by_hand", "address": "https://mirror.org"})
    assert published("vggish") == before
    catalogue(pca={**PCA, "licence": "unknown"})
    assert published("vggish") == before
    for change in (
        {"entry": {**ENTRY, "leave_out": ""}},
        {"entry": {**ENTRY, "state_key": "model"}},
        {"entry": {**ENTRY, "format": "safetensors"}},
        {"net": {**NET, "checksum": {"kind": "md5", "value": "0" * 32}}},
        {"pca": {**PCA, "address": "https://example.org/other"}},
    ):
        catalogue(**change)
        assert published("vggish").identity != before.identity
        assert published("vggish").source != before.source


def test_a_moved_own_checkpoint_is_the_same_and_one_converted_otherwise_is_not(catalogue, tmp_path):
    def chosen(name):
        (tmp_path / name).write_bytes(b"abc")
        return choose_weights({"adapter": "vggish", "options": {}, "weights_file": str(tmp_path / name)})

    before = chosen("mine.pth")
    assert chosen("moved.pth").identity == before.identity
    catalogue(net={**NET, "checksum": {"kind": "md5", "value": "0" * 32}})
    assert chosen("mine.pth") == before, "the published file is not used"
    for change in ({"entry": {**ENTRY, "leave_out": ""}}, {"pca": {**PCA, "address": "https://example.org/other"}}):
        catalogue(**change)
        after = chosen("mine.pth")
        assert after.identity != before.identity
        assert after.source != before.source
