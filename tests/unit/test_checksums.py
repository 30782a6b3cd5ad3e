"""Checksums against published examples and against git itself; the record of first downloads."""

import json
import shutil
import subprocess

import pytest

from embedshift.checksums import checksum_of, compare_with_record, find_mismatch, record_first
from embedshift.errors import UserError

EXAMPLES = {
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",  # FIPS 180-4, "abc"
    "md5": "900150983cd24fb0d6963f7d28e17f72",  # RFC 1321, "abc"
    "git_blob": "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f",  # printf abc | git hash-object --stdin
    "sha256_prefix": "ba7816bf",
}


@pytest.fixture
def abc(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    return path


@pytest.mark.parametrize("kind", EXAMPLES)
def test_published_examples_are_met_and_others_are_not(abc, kind):
    assert checksum_of(abc, kind).startswith(EXAMPLES[kind])
    checksum = {"kind": kind, "value": EXAMPLES[kind]}
    assert find_mismatch(abc, 3, checksum) == ""
    abc.write_bytes(b"abd")
    assert EXAMPLES[kind] in find_mismatch(abc, 3, checksum)


def test_a_git_blob_is_what_git_says(tmp_path, rng):
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    path = tmp_path / "blob"
    path.write_bytes(rng.bytes(3_000_000))
    said = subprocess.run(["git", "hash-object", path], capture_output=True, text=True, check=True).stdout.strip()
    assert checksum_of(path, "git_blob") == said


def test_a_prefix_counts_only_where_one_is_published(abc):
    assert find_mismatch(abc, None, {"kind": "sha256", "value": "ba7816bf"})


def test_another_size_and_a_web_page_are_named(abc):
    assert "3 bytes, expected no checksum is published, 4 bytes" in find_mismatch(abc, 4, None)
    abc.write_bytes(b"\n<!doctype HTML><title>Not found</title>")
    assert find_mismatch(abc, None, None) == "it is a web page"
    assert "is a web page" in find_mismatch(abc, None, {"kind": "md5", "value": EXAMPLES["md5"]})


def test_the_first_download_is_recorded_and_the_second_compared(abc, tmp_path, caplog):
    records = tmp_path / "recorded_checksums.json"
    with caplog.at_level("WARNING", "embedshift"):
        assert compare_with_record(abc, "downloads/abc", records) == ""
        assert not records.exists(), "only what could be read is recorded"
        record_first(abc, "downloads/abc", records, "https://example.org/abc")
    assert "No checksum of downloads/abc is published" in caplog.text
    assert EXAMPLES["sha256"] in caplog.text
    assert json.loads(records.read_text())["downloads/abc"]["sha256"] == EXAMPLES["sha256"]
    caplog.clear()
    assert compare_with_record(abc, "downloads/abc", records) == ""
    record_first(abc, "downloads/abc", records, "https://example.org/abc")
    assert caplog.text == ""
    abc.write_bytes(b"abd")
    complaint = compare_with_record(abc, "downloads/abc", records)
    assert EXAMPLES["sha256"] in complaint
    assert "remove the entry 'downloads/abc'" in complaint
    record_first(abc, "downloads/other", records, "https://example.org/other")
    assert set(json.loads(records.read_text())) == {"downloads/abc", "downloads/other"}


@pytest.mark.parametrize("broken", ["{", "[]"])
def test_a_broken_record_is_not_overwritten(abc, tmp_path, broken):
    records = tmp_path / "recorded_checksums.json"
    records.write_text(broken)
    with pytest.raises(UserError, match="recorded_checksums.json"):
        compare_with_record(abc, "abc", records)
    with pytest.raises(UserError, match="recorded_checksums.json"):
        record_first(abc, "abc", records, "https://example.org/abc")
    assert records.read_text() == broken
