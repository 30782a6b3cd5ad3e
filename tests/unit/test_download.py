"""Downloads that break, stall, change and are refused; the server is a real one on this machine."""

import errno
import shutil
from collections import namedtuple

import pytest

from embedshift import download as download_module
from embedshift.download import DownloadError, discard_partial, download, partial_of
from embedshift.errors import UserError


@pytest.fixture
def content(rng):
    return rng.bytes(300_000)


def ranges_asked(site):
    return [asked for _, asked in site.requests]


def test_a_file_arrives_whole_and_only_under_its_partial_name(site, content, tmp_path):
    site.files["w.pth"] = content
    partial = download(site.url("w.pth"), tmp_path / "w.pth", len(content))
    assert partial.read_bytes() == content
    assert not (tmp_path / "w.pth").exists()
    discard_partial(tmp_path / "w.pth")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_connection_is_continued_where_it_stopped(site, content, tmp_path):
    site.files["w.pth"] = content
    site.break_after = [100_000, 250_000]
    assert download(site.url("w.pth"), tmp_path / "w.pth").read_bytes() == content
    assert ranges_asked(site) == [None, "bytes=100000-", "bytes=250000-"]


def test_a_later_start_continues_what_a_killed_one_left(site, content, tmp_path, monkeypatch):
    site.files["w.pth"] = content
    monkeypatch.setattr(download_module, "ATTEMPTS", 1)
    site.break_after = [70_000]
    with pytest.raises(DownloadError, match="ended after 70000 of 300000 bytes"):
        download(site.url("w.pth"), tmp_path / "w.pth")
    assert download(site.url("w.pth"), tmp_path / "w.pth").read_bytes() == content
    assert ranges_asked(site) == [None, "bytes=70000-"]
    download(site.url("w.pth"), tmp_path / "w.pth")
    assert len(site.requests) == 2, "what is whole is not asked for again"


@pytest.mark.parametrize("tags", [True, False], ids=["with a tag", "without any"])
def test_a_file_that_changed_in_between_is_not_glued(site, content, tmp_path, monkeypatch, tags):
    monkeypatch.setattr(download_module, "ATTEMPTS", 1)
    site.files["w.pth"], site.tags = content, tags
    site.break_after = [70_000]
    with pytest.raises(DownloadError):
        download(site.url("w.pth"), tmp_path / "w.pth")
    site.files["w.pth"] = content[::-1]
    assert download(site.url("w.pth"), tmp_path / "w.pth").read_bytes() == content[::-1]


def test_a_file_that_became_shorter_is_fetched_from_its_start(site, content, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "ATTEMPTS", 1)
    site.files["w.pth"], site.break_after = content, [200_000]
    with pytest.raises(DownloadError):
        download(site.url("w.pth"), tmp_path / "w.pth")
    site.files["w.pth"], site.statuses = content[:1000], [416]
    monkeypatch.setattr(download_module, "ATTEMPTS", 2)
    assert download(site.url("w.pth"), tmp_path / "w.pth").read_bytes() == content[:1000]


def test_a_server_that_cannot_resume_starts_over(site, content, tmp_path):
    site.files["w.pth"], site.ranges, site.break_after = content, False, [100_000]
    assert download(site.url("w.pth"), tmp_path / "w.pth").read_bytes() == content


def test_a_partial_file_of_unknown_origin_is_not_continued(site, content, tmp_path):
    site.files["w.pth"] = content
    partial_of(tmp_path / "w.pth").write_bytes(b"left by another program")
    assert download(site.url("w.pth"), tmp_path / "w.pth").read_bytes() == content


def test_a_busy_server_is_asked_again_and_an_absent_file_is_not(site, content, tmp_path):
    site.files["w.pth"], site.statuses = content, [503, 429]
    assert download(site.url("w.pth"), tmp_path / "w.pth").read_bytes() == content
    site.requests.clear()
    with pytest.raises(DownloadError, match="404") as caught:
        download(site.url("absent.pth"), tmp_path / "absent.pth")
    assert caught.value.status == 404
    assert len(site.requests) == 1


def test_the_pause_that_a_busy_server_asks_for_is_kept(site, content, tmp_path, monkeypatch):
    site.files["w.pth"], site.statuses, site.headers = content, [429], {"Retry-After": "45"}
    pauses = []
    monkeypatch.setattr(download_module.time, "sleep", pauses.append)
    download(site.url("w.pth"), tmp_path / "w.pth")
    assert pauses == [45.0]


def test_an_encoded_answer_is_refused(site, content, tmp_path):
    site.files["w.pth"], site.headers = content, {"Content-Encoding": "gzip"}
    with pytest.raises(DownloadError, match=r"encoded \(gzip\)"):
        download(site.url("w.pth"), tmp_path / "w.pth")


def test_it_gives_up_after_some_attempts_that_bring_nothing(site, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "ATTEMPTS", 3)
    site.statuses = [503] * 9
    with pytest.raises(DownloadError, match=r"503 .*\(3 attempts\)"):
        download(site.url("w.pth"), tmp_path / "w.pth")
    assert len(site.requests) == 3


def test_nobody_there_is_a_clear_answer(site, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "ATTEMPTS", 2)
    with pytest.raises(DownloadError, match="no connection"):
        download("http://127.0.0.1:9/w.pth", tmp_path / "w.pth")


def test_a_silent_server_times_out(site, content, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "ATTEMPTS", 1)
    monkeypatch.setattr(download_module, "TIMEOUT_S", 0.2)
    site.files["w.pth"], site.delay_s = content, 0.6
    with pytest.raises(DownloadError, match="timed out|TimeoutError"):
        download(site.url("w.pth"), tmp_path / "w.pth")


def test_a_web_page_or_another_size_is_refused_before_it_is_fetched(site, tmp_path):
    site.files["w.pth"], site.content_type = b"<!DOCTYPE html><p>Log in first", "text/html; charset=utf-8"
    with pytest.raises(DownloadError, match="a web page of 30 bytes instead of the file of 1000 bytes"):
        download(site.url("w.pth"), tmp_path / "w.pth", 1000)
    with pytest.raises(DownloadError, match="a web page"):
        download(site.url("w.pth"), tmp_path / "w.pth")
    site.content_type = "application/octet-stream"
    with pytest.raises(DownloadError, match="a file of 30 bytes instead of the file of 1000 bytes"):
        download(site.url("w.pth"), tmp_path / "w.pth", 1000)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_what_came_is_kept(site, content, tmp_path, monkeypatch):
    site.files["w.pth"] = content
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 299_999))
    with pytest.raises(UserError, match=r"No space left .*0\.3 MB more"):
        download(site.url("w.pth"), tmp_path / "w.pth")
    monkeypatch.undo()

    class Full:
        name = str(tmp_path / "w.pth.partial")

        @staticmethod
        def write(_):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match="No space left"):
        download_module._write(Full, b"x")


def test_the_progress_is_logged_with_an_estimate(site, rng, tmp_path, caplog):
    site.files["w.pth"] = rng.bytes(2_500_000)
    with caplog.at_level("INFO", "embedshift"):
        download(site.url("w.pth"), tmp_path / "w.pth")
    assert any("of 2 MB of w.pth" in line and "s left" in line for line in caplog.messages)


def test_a_proxy_of_the_environment_is_used(site, content, tmp_path, monkeypatch):
    site.files["http://weights.invalid/w.pth"] = content
    monkeypatch.setenv("http_proxy", site.address)
    assert download("http://weights.invalid/w.pth", tmp_path / "w.pth").read_bytes() == content
