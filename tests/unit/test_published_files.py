"""Published files: fetched once, verified however they came, and told how to get by hand; the server is a real one."""

import gzip
import hashlib
import json
import multiprocessing
import os
import shutil
from collections import namedtuple

import pytest
from http_server import serve

from embedshift import download as download_module
from embedshift.checksums import PUBLISHED, RECORDED
from embedshift.errors import UserError
from embedshift.published_files import AbsentError, obtain_file, record_readable


@pytest.fixture
def content(rng):
    return rng.bytes(200_000)


def source_of(site, content, name="net.pth", kind="sha256", **more):
    site.files[name] = content
    value = hashlib.new(kind, content).hexdigest()
    facts = {"kind": "url", "file": name, "address": site.url(name), "licence": "MIT"}
    return {**facts, "size_bytes": len(content), "checksum": {"kind": kind, "value": value}, **more}


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_file_is_fetched_verified_and_not_fetched_again(site, content, tmp_path, kind):
    source = source_of(site, content, kind=kind)
    first = obtain_file(source, tmp_path, "toy")
    assert first[:2] == (tmp_path / "downloads" / "net.pth", PUBLISHED)
    assert first.path.read_bytes() == content
    assert obtain_file(source, tmp_path, "toy") == first
    assert len(site.requests) == 1
    assert visible(tmp_path / "downloads") == ["net.pth"]


def test_a_file_put_there_by_hand_is_verified_in_the_same_way(site, content, tmp_path):
    source = source_of(site, content)
    path = tmp_path / "downloads" / "net.pth"
    path.parent.mkdir()
    path.write_bytes(content)
    assert obtain_file(source, tmp_path, "toy").path == path
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(UserError) as caught:
        obtain_file(source, tmp_path, "toy")
    for words in (
        str(path),
        "weights toy",
        source["checksum"]["value"],
        "200000 bytes",
        "Delete it",
        source["address"],
    ):
        assert words in str(caught.value)
    assert path.exists(), "what a user put there is theirs to delete"
    assert site.requests == []


def test_offline_the_answer_says_what_from_where_how_big_and_where_to_put_it(content, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "PAUSE_S", 0.0)
    with serve() as site:
        source = source_of(site, content, kind="md5")
    with pytest.raises(UserError) as caught:
        obtain_file(source, tmp_path, "toy")
    path = (tmp_path / "downloads" / "net.pth").resolve()
    for words in ("weights toy", "net.pth (0.2 MB)", source["address"], f"md5 {source['checksum']['value']}", str(path),
                  "200000 bytes", "no connection", "5 attempts"):  # fmt: skip
        assert words in str(caught.value)


def test_a_proxy_is_named_without_its_password(content, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "PAUSE_S", 0.0)
    monkeypatch.setattr(download_module, "ATTEMPTS", 1)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", "http://someone:secret@127.0.0.1:9")
    source = {"kind": "url", "file": "net.pth", "address": "http://weights.invalid/net.pth"}
    with pytest.raises(UserError, match=r"through the proxy 127\.0\.0\.1:9") as caught:
        obtain_file(source, tmp_path, "toy")
    assert "secret" not in str(caught.value)
    assert "size not published" in str(caught.value)


def test_another_file_than_the_published_one_is_removed_and_said(site, content, tmp_path):
    source = source_of(site, content)
    site.files["net.pth"] = content[::-1]
    with pytest.raises(UserError, match="what came is another file: its sha256 is .* It was removed"):
        obtain_file(source, tmp_path, "toy")
    assert visible(tmp_path / "downloads") == []
    site.files["net.pth"] = content
    assert obtain_file(source, tmp_path, "toy").path.read_bytes() == content


def test_a_web_page_is_said_to_be_one(site, content, tmp_path):
    source = source_of(site, content)
    site.files["net.pth"] = b"<html>Sign in to the network of this hotel</html>"
    site.content_type = "text/html"
    with pytest.raises(UserError, match="the server sends a web page of 49 bytes instead of the file of 200000 bytes"):
        obtain_file(source, tmp_path, "toy")
    del source["size_bytes"], source["checksum"]
    site.content_type = "application/octet-stream"
    with pytest.raises(UserError, match="it is a web page"):
        obtain_file(source, tmp_path, "toy")
    assert visible(tmp_path / "downloads") == []
    assert not (tmp_path / "recorded_checksums.json").exists(), "a page is never recorded"


def test_without_a_published_checksum_the_first_is_recorded_and_compared(site, content, tmp_path, caplog):
    source = source_of(site, content)
    del source["checksum"]
    with caplog.at_level("WARNING", "embedshift"):
        first = obtain_file(source, tmp_path, "toy")
        assert not (tmp_path / "recorded_checksums.json").exists(), "it may not be readable"
        record_readable([first], tmp_path)
    assert first.verified == RECORDED
    assert "No checksum of downloads/net.pth is published" in caplog.text
    recorded = json.loads((tmp_path / "recorded_checksums.json").read_text())
    assert recorded["downloads/net.pth"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert obtain_file(source, tmp_path, "toy") == first
    first.path.unlink()
    site.files["net.pth"] = content[::-1]
    with pytest.raises(UserError, match="but the first download of it had"):
        obtain_file(source, tmp_path, "toy")


def test_an_absent_or_closed_file_is_told_apart(site, tmp_path):
    source = {"kind": "url", "file": "x", "address": site.url("x")}
    with pytest.raises(UserError, match="the server answers 404"):
        obtain_file(source, tmp_path, "toy")
    with pytest.raises(AbsentError):
        obtain_file({**source, "may_be_absent": True}, tmp_path, "toy")
    site.statuses = [401]
    with pytest.raises(UserError, match="401 .*its owner asks for a login"):
        obtain_file({**source, "may_be_absent": True}, tmp_path, "toy")


def test_a_packed_file_is_unpacked_and_both_are_verified(site, content, tmp_path):
    packed = gzip.compress(content, mtime=0)
    good = {"kind": "sha256", "value": hashlib.sha256(content).hexdigest()}
    source = source_of(site, packed, "net.h5.gz", unpacked={"file": "net.h5", "checksum": good})
    obtained = obtain_file(source, tmp_path, "toy")
    assert obtained.path.name == "net.h5"
    assert obtained.path.read_bytes() == content
    bad = {"file": "net.h5", "checksum": {"kind": "sha256", "value": "0" * 64}}
    with pytest.raises(UserError, match="unpacked from net.h5.gz, is another file"):
        obtain_file({**source, "unpacked": bad}, tmp_path, "toy")
    cut = source_of(site, packed[:-300], "cut.h5.gz", unpacked={"file": "cut.h5"})
    with pytest.raises(UserError, match="not a whole gzip file"):
        obtain_file(cut, tmp_path, "toy")
    assert "cut.h5" not in visible(tmp_path / "downloads")


def test_what_cannot_be_fetched_is_asked_for(tmp_path):
    source = {"kind": "by_hand", "file": "vae.safetensors", "address": "https://example.org/vae", "why": "a login"}
    source |= {"size_bytes": 3, "checksum": {"kind": "md5", "value": "900150983cd24fb0d6963f7d28e17f72"}}
    with pytest.raises(UserError, match=r"could not be fetched: a login(.|\n)*https://example.org/vae"):
        obtain_file(source, tmp_path, "toy")
    (tmp_path / "downloads" / "vae.safetensors").write_bytes(b"abc")
    assert obtain_file(source, tmp_path, "toy").verified == PUBLISHED


def test_a_full_disk_leaves_an_intact_state(site, content, tmp_path, monkeypatch):
    source = source_of(site, content)
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 1000))
        with pytest.raises(UserError, match="No space left"):
            obtain_file(source, tmp_path, "toy")
    assert obtain_file(source, tmp_path, "toy").path.read_bytes() == content


def obtain_in_a_process(source, folder, answers):
    answers.put((os.getpid(), str(obtain_file(source, folder, "toy").path)))


def test_two_processes_at_once_download_once(site, content, tmp_path):
    source, site.delay_s = source_of(site, content), 0.5
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    jobs = [context.Process(target=obtain_in_a_process, args=(source, tmp_path, answers)) for _ in range(2)]
    for job in jobs:
        job.start()
    got = [answers.get(timeout=20) for _ in jobs]
    for job in jobs:
        job.join()
    assert len({process for process, _ in got}) == 2
    assert {path for _, path in got} == {str(tmp_path / "downloads" / "net.pth")}
    assert len(site.requests) == 1
