"""Every published layout becomes the same kind of safetensors file, by catalogue or for a user's own checkpoint."""

import hashlib
import json

import h5py
import numpy as np
import pytest
import torch
from http_server import serve
from safetensors.torch import load_file, save_file

from embedshift import weights, weights_catalog
from embedshift.checksums import sha256_of
from embedshift.errors import UserError


@pytest.fixture
def catalog(tmp_path, monkeypatch):
    """A catalogue with one entry of each layout; what is on the web is on this machine."""
    monkeypatch.delenv("http_proxy", raising=False)
    with serve() as site:
        site.files["pca.pth"] = b""

        def describe(**facts):
            entries = {
                "net": {"sources": ["net"], "format": "torch", "state_key": "model", "strip_prefix": "module.",
                        "numpy_globals": True, "leave_out": "num_batches_tracked$"},
                "two": {"sources": ["net", "pca"], "format": "torch", "numpy_globals": True},
                "keras": {"sources": ["net"], "format": "keras_h5"},
                "tensors": {"sources": ["net"], "format": "safetensors"},
                "words": {"sources": ["net", "pca"], "format": "files"},
                "bundle": {"sources": ["net"], "format": "tensor_bundle"},
                "model": {"sources": ["net"], "format": "model_folder"},
            }  # fmt: skip
            source = {"kind": "url", "licence": "MIT", **facts}
            sources = {name: {**source, "file": f"{name}.pth", "address": site.url(f"{name}.pth")}
                       for name in ("net", "pca")}  # fmt: skip
            (tmp_path / "catalog.json").write_text(json.dumps({"sources": sources, "weights": entries}))
            monkeypatch.setattr(weights_catalog, "CATALOG", tmp_path / "catalog.json")
            return site

        describe()
        yield site


@pytest.fixture
def state(rng):
    return {"bn.num_batches_tracked": torch.tensor(3), "fc.weight": torch.tensor(rng.normal(size=(2, 3)))}


def test_a_training_checkpoint_is_reduced_to_its_weights(catalog, state, tmp_path):
    whole = {"step": np.int64(3), "model": {f"module.{name}": tensor for name, tensor in state.items()}}
    torch.save(whole, tmp_path / "my.pth")
    receipt = weights.convert_file("net", tmp_path / "my.pth", tmp_path / "x.safetensors")
    found = load_file(tmp_path / "x.safetensors")
    assert list(found) == ["fc.weight"]
    assert torch.equal(found["fc.weight"], state["fc.weight"])
    assert receipt["sha256"] == sha256_of(tmp_path / "x.safetensors")
    assert receipt["original"] == [str(tmp_path / "my.pth")]
    assert receipt["tensors"] == 1
    weights.convert_file("net", str(tmp_path / "my.pth"), tmp_path / "y.safetensors")
    assert (tmp_path / "x.safetensors").read_bytes() == (tmp_path / "y.safetensors").read_bytes()


def test_several_files_become_one_and_numpy_arrays_are_weights_too(catalog, state, tmp_path):
    torch.save(state, tmp_path / "net.pth")
    torch.save({"pca_means": np.arange(4.0)}, tmp_path / "pca.pth")
    weights.convert_file("two", [tmp_path / "net.pth", tmp_path / "pca.pth"], tmp_path / "x.safetensors")
    found = load_file(tmp_path / "x.safetensors")
    assert set(found) == {*state, "pca_means"}
    np.testing.assert_array_equal(found["pca_means"], np.arange(4.0))
    with pytest.raises(UserError, match="more than once"):
        weights.convert_file("two", [tmp_path / "net.pth"] * 2, tmp_path / "x.safetensors")


def test_layouts_other_than_torch(catalog, state, tmp_path):
    with h5py.File(tmp_path / "k.h5", "w") as file:
        file.attrs["layer_names"] = ["conv"]
        file.create_group("conv").attrs["weight_names"] = ["conv/bias:0"]
        file["conv"]["conv/bias:0"] = np.arange(3, dtype=">f4")  # the other byte order
    weights.convert_file("keras", tmp_path / "k.h5", tmp_path / "x.safetensors")
    np.testing.assert_array_equal(load_file(tmp_path / "x.safetensors")["00/bias"], [0, 1, 2])
    save_file(state, tmp_path / "s.safetensors")
    weights.convert_file("tensors", tmp_path / "s.safetensors", tmp_path / "x.safetensors")
    assert set(load_file(tmp_path / "x.safetensors")) == set(state)
    (tmp_path / "vocab.json").write_text('{"ä": 1}')
    (tmp_path / "merges.txt").write_text("#version\n")
    weights.convert_file("words", [tmp_path / "vocab.json", tmp_path / "merges.txt"], tmp_path / "x.safetensors")
    found = load_file(tmp_path / "x.safetensors")
    assert bytes(found["vocab.json"].numpy()).decode() == '{"ä": 1}'
    assert bytes(found["merges.txt"].numpy()) == b"#version\n"


def test_wrong_files_are_named_and_nothing_is_written(catalog, tmp_path):
    (tmp_path / "x.pth").write_bytes(b"junk")
    torch.save({"model": {"a": "a text"}}, tmp_path / "text.pth")
    torch.save({"model": {"num_batches_tracked": torch.ones(1)}}, tmp_path / "empty.pth")
    for name, file, words in (
        ("net", "x.pth", "not a whole PyTorch checkpoint"),
        ("net", "text.pth", "a is a str, expected a plain tensor"),
        ("net", "empty.pth", "nothing is left"),
        ("net", "absent.pth", "not there"),
        ("keras", "x.pth", "not a whole HDF5 file"),
        ("tensors", "x.pth", "not a whole safetensors file"),
        ("bundle", "x.pth", "two files"),
        ("words", "absent.txt", "not there"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            weights.convert_file(name, tmp_path / file, tmp_path / "out.safetensors")
        assert file in str(caught.value)
    assert not (tmp_path / "out.safetensors").exists()


def test_a_users_own_checkpoint_stands_for_the_first_source_and_must_not_change(catalog, state, tmp_path):
    torch.save(state, tmp_path / "my.pth")
    torch.save({"pca_means": np.arange(4.0)}, tmp_path / "pca.pth")
    catalog.files["pca.pth"] = (tmp_path / "pca.pth").read_bytes()
    digest = hashlib.sha256((tmp_path / "my.pth").read_bytes()).hexdigest()
    asked = json.dumps({"kind": "own", "weights": "two", "file": str(tmp_path / "my.pth"), "sha256": digest})
    weights.fetch_weights(asked, tmp_path / "x.safetensors", tmp_path / "x.json", tmp_path / "data")
    assert set(load_file(tmp_path / "x.safetensors")) == {*state, "pca_means"}
    receipt = json.loads((tmp_path / "x.json").read_text())
    assert receipt["original"] == [str(tmp_path / "my.pth"), str(tmp_path / "data" / "downloads" / "pca.pth")]
    assert receipt["sources"][0] == {"kind": "own", "file": str(tmp_path / "my.pth"), "sha256": digest,
                                     "licence": "the user's own"}  # fmt: skip
    assert [path for path, _ in catalog.requests] == ["pca.pth"]
    (tmp_path / "my.pth").write_bytes(b"other")
    with pytest.raises(UserError, match="has changed since the workflow started"):
        weights.fetch_weights(asked, tmp_path / "x.safetensors", tmp_path / "x.json", tmp_path / "data")
    (tmp_path / "my.pth").unlink()
    with pytest.raises(UserError, match="not there any more"):
        weights.fetch_weights(asked, tmp_path / "x.safetensors", tmp_path / "x.json", tmp_path / "data")


def test_a_full_disk_is_told_before_half_a_file_is_written(catalog, state, tmp_path, monkeypatch):
    import shutil
    from collections import namedtuple

    torch.save({"model": state}, tmp_path / "my.pth")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("usage", "free")(10))
    with pytest.raises(UserError, match="No space left"):
        weights.convert_file("net", tmp_path / "my.pth", tmp_path / "x.safetensors")
    assert not list(tmp_path.glob("*x.safetensors*"))
