"""A published data set: fetched from a real server, unpacked whole or not at all, one digest before and after."""

import hashlib
import io
import json
import stat
import zipfile

import pytest
from http_server import serve

from embedshift import download as download_module
from embedshift.audio_rows import is_to_be_fetched, receipt_of, sounds_digest
from embedshift.errors import UserError
from embedshift.fetch_dataset import fetch_dataset, unpack
from embedshift.listing import read_listing, write_listing
from embedshift.published_datasets import PUBLISHED_DATASETS

ROOT = "IRMAS-TrainingData"
FILES = {
    f"{ROOT}/cla/[cla][cla]0189__2.wav": b"clarinet",
    f"{ROOT}/cel/[cel][cla]0020__1.wav": b"cello",
    f"{ROOT}/README.txt": b"words",
    f"{ROOT}/cla/.DS_Store": b"hidden",
    f"__MACOSX/{ROOT}/cla/._x.wav": b"another root",
}


def archive_of(files=FILES, links=()):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{ROOT}/", b"")
        for name, content in files.items():
            archive.writestr(name, content)
        for name in links:
            item = zipfile.ZipInfo(name)
            item.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(item, "/etc/passwd")
    return buffer.getvalue()


@pytest.fixture
def site(site, monkeypatch):
    """Hold the published data set, here one of two sounds."""
    content = archive_of()
    site.files["IRMAS-TrainingData.zip"] = content
    source = {
        **PUBLISHED_DATASETS["irmas"],
        "address": site.url("IRMAS-TrainingData.zip"),
        "checksum": {"kind": "md5", "value": hashlib.md5(content).hexdigest()},
    }
    monkeypatch.setitem(PUBLISHED_DATASETS, "irmas", source)
    return site


@pytest.fixture
def dataset(tmp_path):
    """Return the settings of a data set as the config has them."""
    folder = str(tmp_path / "data/downloads/IRMAS-TrainingData")
    return {"reader": "irmas", "folder": folder, "table": None, "download": "irmas", "reader_options": {"folds": 4}}


def fetch(dataset, tmp_path):
    listing = tmp_path / "results/listing.csv"
    fetch_dataset("irmas", dataset["folder"], None, listing, tmp_path / "data")
    return listing


def test_the_folder_holds_the_sounds_and_the_listing_names_them(site, dataset, tmp_path):
    listing = fetch(dataset, tmp_path)
    assert [entry.file for entry in read_listing(listing)] == ["cel/[cel][cla]0020__1.wav", "cla/[cla][cla]0189__2.wav"]
    folder = tmp_path / "data/downloads/IRMAS-TrainingData"
    assert (folder / "cla/[cla][cla]0189__2.wav").read_bytes() == b"clarinet"
    assert (folder / "README.txt").exists()
    assert not (folder / "cla/.DS_Store").exists()
    receipt = json.loads(receipt_of(folder).read_text())
    assert receipt["licence"] == "CC BY-NC-SA 3.0"
    assert receipt["sound_files"] == 2
    again = tmp_path / "again.csv"
    write_listing(folder, None, again)
    assert again.read_bytes() == listing.read_bytes(), "the next start writes the same listing"


def test_the_digest_is_one_before_and_after_and_another_once_a_file_changes(site, dataset, tmp_path):
    before = sounds_digest(dataset, tmp_path / "results/listing.csv")
    assert is_to_be_fetched(dataset)
    listing = fetch(dataset, tmp_path)
    assert not is_to_be_fetched(dataset)
    assert sounds_digest(dataset, listing) == before
    assert sounds_digest({**dataset, "reader_options": {"folds": 5}}, listing) != before
    folder = tmp_path / "data/downloads/IRMAS-TrainingData"
    (folder / "cel/[cel][cla]0020__1.wav").write_bytes(b"mended")
    write_listing(folder, None, listing)
    assert sounds_digest(dataset, listing) != before


def test_the_table_of_the_split_counts(site, dataset, tmp_path):
    listing, before = fetch(dataset, tmp_path), {}
    table = tmp_path / "split.csv"
    for text in ("a", "b"):
        table.write_text(text)
        before[text] = sounds_digest({**dataset, "table": str(table)}, listing)
    assert before["a"] != before["b"]


def test_another_archive_is_refused_and_nothing_appears(site, dataset, tmp_path):
    site.files["IRMAS-TrainingData.zip"] = archive_of({f"{ROOT}/x.wav": b"else"})
    with pytest.raises(
        UserError, match=r"IRMAS-TrainingData\.zip .*of the data set irmas could not be fetched: what came"
    ):
        fetch(dataset, tmp_path)
    assert not (tmp_path / "data/downloads/IRMAS-TrainingData").exists()
    assert not (tmp_path / "results/listing.csv").exists()


def test_without_a_network_the_answer_says_what_to_put_where(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "PAUSE_S", 0.0)
    with serve() as closed:
        address = closed.url("IRMAS-TrainingData.zip")
    monkeypatch.setitem(PUBLISHED_DATASETS["irmas"], "address", address)
    with pytest.raises(UserError) as caught:
        fetch(dataset, tmp_path)
    place = (tmp_path / "data/downloads/IRMAS-TrainingData.zip").resolve()
    for words in (address, str(place), "md5 4fd9f5ed5a18d8e2687e6360b5f60afe", "no connection"):
        assert words in str(caught.value)


@pytest.mark.parametrize("name", [f"{ROOT}/../../evil.wav", "/evil.wav", "..\\evil.wav", f"{ROOT}/a/../../b.wav"])
def test_a_member_that_leads_out_is_refused_before_anything_is_written(tmp_path, name):
    path = tmp_path / "a.zip"
    path.write_bytes(archive_of({**FILES, name: b"x"}))
    with pytest.raises(UserError, match="leads out of its folder. Nothing was unpacked"):
        unpack(path, tmp_path / "out", ROOT)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zip"]


def test_a_link_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(archive_of(links=[f"{ROOT}/cla/link.wav"]))
    with pytest.raises(UserError, match="leads out"):
        unpack(tmp_path / "a.zip", tmp_path / "out", ROOT)


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"no archive"])
def test_a_damaged_archive_is_told(tmp_path, damage):
    (tmp_path / "a.zip").write_bytes(damage(archive_of()))
    with pytest.raises(UserError, match=r"a\.zip is damaged"):
        unpack(tmp_path / "a.zip", tmp_path / "out", ROOT)


def test_an_archive_of_something_else_is_told(tmp_path):
    (tmp_path / "a.zip").write_bytes(archive_of({"other/x.wav": b"x"}))
    with pytest.raises(UserError, match="holds no file below IRMAS-TrainingData/"):
        unpack(tmp_path / "a.zip", tmp_path / "out", ROOT)


def test_a_full_disk_is_told_before_unpacking(tmp_path, monkeypatch):
    (tmp_path / "a.zip").write_bytes(archive_of())
    usage = type("Usage", (), {"free": 3})
    monkeypatch.setattr("embedshift.fetch_dataset.shutil.disk_usage", lambda folder: usage)
    with pytest.raises(UserError, match="Unpacking needs"):
        unpack(tmp_path / "a.zip", tmp_path / "out", ROOT)
