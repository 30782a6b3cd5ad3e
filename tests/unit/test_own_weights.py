"""A user's own checkpoint is known by its content, and read again only when it has changed."""

import hashlib
import json
import os

import pytest

from embedshift import own_weights
from embedshift.errors import UserError
from embedshift.own_weights import digest_of


@pytest.fixture
def model_folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "toy"}')
    (folder / "preprocessor_config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_a_file_has_its_sha256_and_is_read_once(tmp_path, monkeypatch):
    checkpoint, cache = tmp_path / "my.pth", tmp_path / "cache" / "digests.json"
    checkpoint.write_bytes(b"abc")
    published = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, example "abc"
    assert digest_of(checkpoint, cache) == published
    monkeypatch.setattr(own_weights.hashlib, "file_digest", None)
    assert digest_of(checkpoint, cache) == published


def test_a_changed_file_has_another_digest_and_a_broken_cache_does_no_harm(tmp_path):
    checkpoint, cache = tmp_path / "my.pth", tmp_path / "digests.json"
    checkpoint.write_bytes(b"first")
    before = digest_of(checkpoint, cache)
    checkpoint.write_bytes(b"other")
    os.utime(checkpoint, ns=(1, 1))
    assert digest_of(checkpoint, cache) == hashlib.sha256(b"other").hexdigest() != before
    for broken in ("", "[1]", '{"x": 1}', "{"):
        cache.write_text(broken)
        assert digest_of(checkpoint, cache) == hashlib.sha256(b"other").hexdigest()


def test_an_unchanged_start_leaves_the_cache_alone(tmp_path):
    checkpoint, cache = tmp_path / "my.pth", tmp_path / "digests.json"
    checkpoint.write_bytes(b"abc")
    digest_of(checkpoint, cache)
    before = os.stat(cache).st_ino
    digest_of(checkpoint, cache)
    assert os.stat(cache).st_ino == before


def test_a_folder_is_known_by_its_configuration_and_weights_only(model_folder, tmp_path):
    cache = tmp_path / "digests.json"
    first = digest_of(model_folder, cache)
    (model_folder / "README.md").write_text("not read")
    (model_folder / "pytorch_model.bin").write_bytes(b"not read beside safetensors")
    assert digest_of(model_folder, cache) == first
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        (model_folder / name).write_bytes(b"changed " + name.encode())
        second = digest_of(model_folder, cache)
        assert second != first
        first = second


def test_weights_in_parts_are_all_read(model_folder, tmp_path):
    (model_folder / "model.safetensors").unlink()
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = {"weight_map": {"a": shards[0], "b": shards[1], "c": shards[1]}}
    (model_folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (model_folder / shards[0]).write_bytes(b"1")
    with pytest.raises(UserError, match=r"not whole: model-00002-of-00002\.safetensors missing"):
        digest_of(model_folder, tmp_path / "digests.json")
    (model_folder / shards[1]).write_bytes(b"2")
    first = digest_of(model_folder, tmp_path / "digests.json")
    (model_folder / shards[1]).write_bytes(b"three")
    assert digest_of(model_folder, tmp_path / "digests.json") != first


@pytest.mark.parametrize("index", ["{}", "[]", "no json", '{"weight_map": {"a": "../../secret"}}'])
def test_a_strange_index_is_refused(model_folder, tmp_path, index):
    (model_folder / "model.safetensors").unlink()
    (model_folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(UserError, match="model.safetensors.index.json"):
        digest_of(model_folder, tmp_path / "digests.json")


def test_missing_things_are_named(model_folder, tmp_path):
    cache = tmp_path / "digests.json"
    with pytest.raises(UserError, match=r"absent\.pth is not there"):
        digest_of(tmp_path / "absent.pth", cache)
    (model_folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"config\.json missing. It holds: model\.safetensors, preprocessor"):
        digest_of(model_folder, cache)
    (model_folder / "config.json").write_text("{}")
    (model_folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="weights"):
        digest_of(model_folder, cache)
