"""Models of the Hugging Face hub, from a server on this machine that answers as the hub does."""

import json
import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

from embedshift import download as download_module
from embedshift import hugging_face
from embedshift.errors import UserError
from embedshift.weights import fetch_weights

CONFIG = b'{"model_type": "toy"}'


@pytest.fixture
def hub(site, monkeypatch):
    monkeypatch.setattr(hugging_face, "HUB", site.address)
    site.put = lambda name, content: site.files.update({f"org/toy/resolve/main/{name}": content})
    site.put("config.json", CONFIG)
    return site


@pytest.fixture
def tensors():
    return {"encoder.weight": torch.arange(6.0).reshape(2, 3), "scale": torch.ones(2, dtype=torch.bfloat16)}


def fetch(folder, revision="main", run="x"):
    output, receipt = folder / f"{run}.safetensors", folder / f"{run}.receipt.json"
    asked = {"kind": "hub", "repository": "org/toy", "revision": revision}
    fetch_weights(json.dumps(asked), output, receipt, folder)
    return output, json.loads(receipt.read_text())


def assert_converted(output, tensors, files=("config.json",)):
    found = load_file(output)
    assert set(found) == set(tensors) | {f"files/{name}" for name in files}
    assert bytes(found["files/config.json"].numpy()) == CONFIG
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_a_folder_that_is_not_there_is_said_to_be_taken_as_a_model_of_the_hub(
    hub, tensors, tmp_path, caplog, monkeypatch
):
    """A typo in `my_models/toy` looks like a name of the hub."""
    monkeypatch.setattr(logging.getLogger("embedshift"), "propagate", True)
    told = f"There is no folder {Path('org/toy').absolute()}; transformers:org/toy is taken as a model of the hub"
    with pytest.raises(UserError) as caught:
        fetch(tmp_path)
    assert told in str(caught.value)
    hub.put("model.safetensors", save(tensors))
    with caplog.at_level("INFO", "embedshift"):
        fetch(tmp_path)
    assert told in caplog.text


def test_safetensors_and_configuration_become_one_file(hub, tensors, tmp_path):
    hub.put("model.safetensors", save(tensors))
    hub.put("preprocessor_config.json", b"{}")
    hub.put("pytorch_model.bin", b"never fetched beside safetensors")
    hub.put("modeling_toy.py", b"never fetched")
    output, receipt = fetch(tmp_path)
    assert_converted(output, tensors, ("config.json", "preprocessor_config.json"))
    place = tmp_path / "hub" / "org--toy"
    assert receipt["original"] == [
        str(place / name) for name in ("config.json", "model.safetensors", "preprocessor_config.json")
    ]
    assert receipt["sources"][0]["verified"] == "as recorded at the first download"
    recorded = json.loads((tmp_path / "recorded_checksums.json").read_text())
    assert set(recorded) == {f"hub/org--toy/{name}" for name in
                             ("config.json", "preprocessor_config.json", "model.safetensors")}  # fmt: skip


def test_weights_in_parts_are_put_together(hub, tensors, tmp_path):
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    hub.put("model.safetensors.index.json", json.dumps({"weight_map": dict(zip(tensors, names, strict=True))}).encode())
    for file, (name, tensor) in zip(names, tensors.items(), strict=True):
        hub.put(file, save({name: tensor}))
    output, _ = fetch(tmp_path)
    assert_converted(output, tensors)


def test_pytorch_weights_are_read_where_there_are_no_others_tied_ones_too(hub, tensors, tmp_path):
    tied = {**tensors, "decoder.weight": tensors["encoder.weight"]}
    torch.save(tied, tmp_path / "w.bin")
    hub.put("pytorch_model.bin", (tmp_path / "w.bin").read_bytes())
    output, _ = fetch(tmp_path)
    assert_converted(output, tied)


def test_what_is_there_is_not_asked_for_again_and_gives_the_same_bytes(hub, tensors, tmp_path):
    hub.put("model.safetensors", save(tensors))
    hub.put("preprocessor_config.json", b"{}")
    first, receipt = fetch(tmp_path)
    asked = len(hub.requests)
    second, receipt_again = fetch(tmp_path, run="again")
    assert len(hub.requests) == asked
    assert first.read_bytes() == second.read_bytes()
    assert receipt == receipt_again


def test_files_put_there_by_hand_need_no_network(hub, tensors, tmp_path):
    place = tmp_path / "hub" / "org--toy"
    place.mkdir(parents=True)
    (place / "config.json").write_bytes(CONFIG)
    (place / "preprocessor_config.json").write_bytes(b"{}")
    (place / "model.safetensors").write_bytes(save(tensors))
    output, _ = fetch(tmp_path)
    assert_converted(output, tensors, ("config.json", "preprocessor_config.json"))
    assert hub.requests == []


def test_an_extractor_is_asked_for_where_one_is_needed_only(hub, tensors, tmp_path):
    place = tmp_path / "hub" / "org--toy"
    place.mkdir(parents=True)
    (place / "config.json").write_bytes(CONFIG)
    (place / "model.safetensors").write_bytes(save(tensors))
    source = {"kind": "hub", "repository": "org/toy", "revision": "main"}
    assert len(hugging_face.obtain_model(source, tmp_path, "a codec")) == 2
    assert hub.requests == []
    hub.put("preprocessor_config.json", b"{}")
    output, _ = fetch(tmp_path)
    assert_converted(output, tensors, ("config.json", "preprocessor_config.json"))


def test_offline_all_files_are_listed_at_once(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "ATTEMPTS", 1)
    monkeypatch.setattr(hugging_face, "HUB", "http://127.0.0.1:9")
    with pytest.raises(UserError) as caught:
        fetch(tmp_path)
    for words in ("config.json\n", "preprocessor_config.json (one of these two at least)", "model.safetensors",
                  "pytorch_model.bin", str((tmp_path / "hub" / "org--toy").resolve()), "/org/toy/tree/main",
                  "A checksum is published of none of them", "compared from now on"):  # fmt: skip
        assert words in str(caught.value)
    assert "same way" not in str(caught.value), "nothing is verified where no checksum is published"


def test_what_cannot_be_read_is_not_recorded(hub, tensors, tmp_path):
    hub.put("preprocessor_config.json", b"{}")
    hub.put("model.safetensors", b"cut off")
    with pytest.raises(UserError, match="not a whole safetensors file"):
        fetch(tmp_path)
    assert not (tmp_path / "recorded_checksums.json").exists()
    (tmp_path / "hub" / "org--toy" / "model.safetensors").unlink()
    hub.put("model.safetensors", save(tensors))
    fetch(tmp_path)
    assert len(json.loads((tmp_path / "recorded_checksums.json").read_text())) == 3


def test_revisions_lie_apart(hub, tensors, tmp_path):
    hub.put("model.safetensors", save(tensors))
    fetch(tmp_path)
    for name in ("config.json", "model.safetensors"):
        hub.files[f"org/toy/resolve/refs%2Fpr%2F1/{name}"] = hub.files[f"org/toy/resolve/main/{name}"]
    fetch(tmp_path, revision="refs/pr/1", run="y")
    assert sorted(path.name for path in (tmp_path / "hub").iterdir()) == ["org--toy", "org--toy--refs-pr-1"]


def test_an_unknown_model_and_one_without_weights_are_answered(hub, tmp_path):
    with pytest.raises(UserError, match="org/toy of the Hugging Face hub holds no weights that can be read"):
        fetch(tmp_path)
    del hub.files["org/toy/resolve/main/config.json"]
    (tmp_path / "hub" / "org--toy" / "config.json").unlink()
    with pytest.raises(UserError, match=r"config\.json (.|\n)*404(.|\n)*/org/toy/resolve/main/config\.json"):
        fetch(tmp_path)


@pytest.mark.parametrize(("repository", "revision"), [("../x", "main"), ("a/b/c", "main"), ("a/b", "../../main")])
def test_strange_names_are_refused(repository, revision, tmp_path):
    asked = {"kind": "hub", "repository": repository, "revision": revision}
    with pytest.raises(UserError, match="is no model of the hub"):
        fetch_weights(json.dumps(asked), tmp_path / "x", tmp_path / "y", tmp_path)


def test_a_folder_is_read_like_the_hub_and_only_as_it_was_at_the_start(tensors, tmp_path):
    from embedshift.own_weights import digest_of

    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_bytes(CONFIG)
    (model / "model.safetensors").write_bytes(save(tensors))
    asked = {"kind": "folder", "folder": str(model), "sha256": digest_of(model, tmp_path / "cache.json")}
    fetch_weights(json.dumps(asked), tmp_path / "x.safetensors", tmp_path / "x.json", tmp_path)
    assert_converted(tmp_path / "x.safetensors", tensors)
    (model / "config.json").write_bytes(b"{}")
    with pytest.raises(UserError, match="has changed since the workflow started"):
        fetch_weights(json.dumps(asked), tmp_path / "x.safetensors", tmp_path / "x.json", tmp_path)
