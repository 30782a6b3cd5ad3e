"""Weights from wheels: reproducible, verified also when put there by hand, and a useful answer without a network."""

import json
import stat
import threading
import zipfile

import numpy as np
import pytest
import torch
from published_weights import FOLDER, published_weights
from safetensors.numpy import load_file

from embedshift import weights, weights_catalog, wheels
from embedshift.checksums import sha256_of
from embedshift.errors import UserError


@pytest.fixture
def toy(tmp_path, monkeypatch, rng):
    """A catalogue with one small wheel, which lies where a user would put it by hand."""
    state = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.tensor([1.5]), "steps": torch.tensor(3)}
    torch.save(state, tmp_path / "state.pth")
    wheel = tmp_path / "data" / "wheels" / "toy-1.0-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(tmp_path / "state.pth", "toy/state.pth")
    source = {"kind": "wheel", "package": "toy", "version": "1.0", "file": wheel.name, "licence": "MIT"}
    source |= {"size_bytes": wheel.stat().st_size, "sha256": sha256_of(wheel)}
    members = {"toy/state.pth": {"sha256": sha256_of(tmp_path / "state.pth"), "size_bytes": 1}}
    entry = {"source": "toy", "format": "torch", "leave_out": "^steps$", "members": members}
    content = {"sources": {"toy": source}, "weights": {"toy_small": entry}}
    (tmp_path / "catalog.json").write_text(json.dumps(content))
    monkeypatch.setattr(weights_catalog, "CATALOG", tmp_path / "catalog.json")
    monkeypatch.setattr(wheels, "PAUSE_S", 0.0)
    return wheel


def fetch(folder, name="toy_small", run="x"):
    output, receipt = folder / f"{run}.safetensors", folder / f"{run}.receipt.json"
    weights.fetch_weights(json.dumps({"kind": "catalog", "weights": name}), output, receipt, folder)
    return output, receipt


def test_a_wheel_put_there_by_hand_is_verified_and_converted(toy):
    output, receipt = fetch(toy.parents[1])
    tensors = load_file(output)
    np.testing.assert_array_equal(tensors["b"], [[0, 1, 2], [3, 4, 5]])
    assert sorted(tensors) == ["a", "b"]
    facts = json.loads(receipt.read_text())
    assert facts["sha256"] == sha256_of(output)
    assert facts["sources"][0]["sha256"] == sha256_of(toy)
    assert facts["size_bytes"] == output.stat().st_size
    assert stat.S_IMODE(output.stat().st_mode) == stat.S_IMODE(receipt.stat().st_mode)


def test_a_second_run_writes_the_same_bytes(toy):
    first, second = fetch(toy.parents[1], run="first"), fetch(toy.parents[1], run="second")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_wrong_wheel_and_a_wrong_member_are_refused(toy, tmp_path):
    expected = sha256_of(toy)
    good = toy.read_bytes()
    toy.write_bytes(good[:-1])
    with pytest.raises(UserError) as caught:
        fetch(tmp_path / "data")
    for words in (str(toy), expected, f"{len(good) - 1} bytes", "Delete it"):
        assert words in str(caught.value)
    toy.write_bytes(good)
    catalog_file = weights_catalog.CATALOG
    content = json.loads(catalog_file.read_text())
    content["weights"]["toy_small"]["members"]["toy/state.pth"]["sha256"] = "0" * 64
    catalog_file.write_text(json.dumps(content))
    with pytest.raises(UserError, match="toy/state.pth has SHA-256"):
        fetch(tmp_path / "data")
    assert not list((tmp_path / "data").glob("*.safetensors"))


def test_offline_the_answer_says_what_from_where_how_big_and_where_to_put_it(toy, monkeypatch):
    toy.unlink()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(wheels, "ATTEMPTS", 2)
    with pytest.raises(UserError) as caught:
        fetch(toy.parents[1])
    text = str(caught.value)
    for words in (
        "toy_small",
        toy.name,
        "toy==1.0",
        "MB",
        str(toy.resolve()),
        "pip download",
        "No matching distribution",
    ):
        assert words in text
    assert [file.name for file in toy.parent.iterdir() if not file.name.endswith(".lock")] == []


def test_a_failed_download_is_tried_again(toy, monkeypatch):
    content = toy.read_bytes()
    toy.unlink()
    complaints = ["connection reset", ""]

    def download(source, folder):
        (folder / source["file"]).write_bytes(content)
        return complaints.pop(0)

    monkeypatch.setattr(wheels, "_run_pip", download)
    output, _ = fetch(toy.parents[1])
    assert output.exists()
    assert complaints == []


def test_two_jobs_at_once_download_once(toy, monkeypatch):
    content, downloads = toy.read_bytes(), []
    toy.unlink()

    def download(source, folder):
        downloads.append(folder)
        threading.Event().wait(0.3)
        (folder / source["file"]).write_bytes(content)
        return ""

    monkeypatch.setattr(wheels, "_run_pip", download)
    jobs = [threading.Thread(target=fetch, args=(toy.parents[1],), kwargs={"run": str(index)}) for index in range(3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert len(downloads) == 1
    assert len(list(toy.parents[1].glob("*.safetensors"))) == 3


def test_what_a_killed_job_left_is_removed_at_the_next_start(toy):
    left = toy.parents[1] / ".unpacked-x" / "state.pth"
    left.parent.mkdir()
    left.write_bytes(b"half of it")
    output, _ = fetch(toy.parents[1])
    assert sorted(load_file(output)) == ["a", "b"]
    assert not list(toy.parents[1].glob(".unpacked-*"))


def test_an_unknown_name_is_answered_with_the_nearest(toy):
    with pytest.raises(UserError, match="Did you mean toy_small"):
        fetch(toy.parents[1], name="toy_smal")


def test_published_weights_are_those_that_the_package_lists():
    """The wheel's own RECORD states the SHA-256 of each member, in base 64."""
    import base64

    published_weights("musicnn_MTT_musicnn")
    wheel = FOLDER / "wheels" / "musicnn-0.1.0-py3-none-any.whl"
    if not wheel.exists():
        pytest.skip(f"{wheel} was deleted after conversion")
    with zipfile.ZipFile(wheel) as archive:
        record = archive.read("musicnn-0.1.0.dist-info/RECORD").decode()
    listed = dict(line.split(",")[:2] for line in record.splitlines())
    for name in ("MTT_musicnn", "MSD_musicnn", "MTT_vgg", "MSD_vgg"):
        for member, expected in weights_catalog.describe_weights(f"musicnn_{name}")[0]["members"].items():
            digest = base64.urlsafe_b64decode(listed[member].removeprefix("sha256=") + "=")
            assert digest.hex() == expected["sha256"]
