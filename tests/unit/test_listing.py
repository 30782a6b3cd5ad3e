"""The listing of sound files: what it holds, when it is rewritten, when a file is hashed again."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from embedshift import listing
from embedshift.errors import UserError
from embedshift.listing import locate_table, read_listing, write_listing


def make(folder: Path, names: dict[str, bytes]) -> Path:
    for name, content in names.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def sounds(tmp_path):
    return make(tmp_path / "sounds", {"b/2.FLAC": b"two", "a.wav": b"one", "b/c/3.Mp3": b"three", "x.txt": b"no"})


@pytest.fixture
def hashed(monkeypatch):
    """Return the names that are hashed, as they are hashed."""
    names: list[str] = []
    real = listing._sha256
    monkeypatch.setattr(listing, "_sha256", lambda file: names.append(file[0]) or real(file))
    return names


def test_lists_sound_files_sorted_with_size_and_sha256(sounds, tmp_path):
    make(sounds, {".hidden.wav": b"h", ".git/x.wav": b"h", "d.aif": b"4", "d.aiff": b"5", "e.ogg": b"6", "wav": b"7"})
    write_listing(sounds, None, tmp_path / "out" / "listing.csv")
    listed = read_listing(tmp_path / "out" / "listing.csv")
    assert [entry.file for entry in listed] == ["a.wav", "b/2.FLAC", "b/c/3.Mp3", "d.aif", "d.aiff", "e.ogg"]
    assert listed[1].size_bytes == 3
    assert listed[1].sha256 == hashlib.sha256(b"two").hexdigest()
    assert (tmp_path / "out" / "listing.csv").read_text().startswith("file,size_bytes,sha256\na.wav,3,")


def test_nothing_is_rewritten_or_hashed_again_while_nothing_changes(sounds, tmp_path, hashed):
    path = tmp_path / "listing.csv"
    write_listing(sounds, None, path)
    os.utime(path, ns=(1, 1))
    os.utime(tmp_path / listing.CACHE_NAME, ns=(1, 1))
    hashed.clear()
    write_listing(sounds, None, path)
    assert hashed == []
    assert path.stat().st_mtime_ns == 1
    assert (tmp_path / listing.CACHE_NAME).stat().st_mtime_ns == 1


def test_a_touch_hashes_one_file_and_leaves_the_listing_alone(sounds, tmp_path, hashed):
    path = tmp_path / "listing.csv"
    write_listing(sounds, None, path)
    os.utime(path, ns=(1, 1))
    os.utime(sounds / "a.wav", ns=(5, 5))
    hashed.clear()
    write_listing(sounds, None, path)
    assert hashed == ["a.wav"]
    assert path.stat().st_mtime_ns == 1


def test_changed_added_and_removed_files_are_seen(sounds, tmp_path):
    path = tmp_path / "listing.csv"
    write_listing(sounds, None, path)
    before = {entry.file: entry.sha256 for entry in read_listing(path)}
    (sounds / "a.wav").write_bytes(b"ONE")
    os.utime(sounds / "a.wav", ns=(7, 7))
    (sounds / "b/c/3.Mp3").unlink()
    make(sounds, {"new.ogg": b"new"})
    write_listing(sounds, None, path)
    after = {entry.file: entry.sha256 for entry in read_listing(path)}
    assert set(after) == {"a.wav", "b/2.FLAC", "new.ogg"}
    assert after["a.wav"] == hashlib.sha256(b"ONE").hexdigest() != before["a.wav"]


@pytest.mark.parametrize("content", ["", "{broken", "[1]", '{"a.wav": 3}', '{"a.wav": [3, 1]}'])
def test_a_broken_cache_is_harmless(sounds, tmp_path, content):
    path = tmp_path / "listing.csv"
    (tmp_path / listing.CACHE_NAME).write_text(content)
    write_listing(sounds, None, path)
    assert read_listing(path)[0].sha256 == hashlib.sha256(b"one").hexdigest()


def test_the_table_is_listed_wherever_it_lies(sounds, tmp_path, monkeypatch):
    make(sounds, {"labels.csv": b"file\n"})
    make(tmp_path, {"elsewhere.csv": b"file\n"})
    path = tmp_path / "listing.csv"
    for table in (Path("labels.csv"), sounds / "labels.csv"):
        write_listing(sounds, table, path)
        assert "labels.csv" in [entry.file for entry in read_listing(path)]
    monkeypatch.chdir(tmp_path)
    assert locate_table(sounds, Path("elsewhere.csv")) == Path("elsewhere.csv")
    with pytest.raises(UserError, match=r"table lost\.csv was not found"):
        write_listing(sounds, Path("lost.csv"), path)


def test_links_are_followed_and_circles_end(sounds, tmp_path):
    outside = make(tmp_path / "outside", {"o.wav": b"o"})
    (sounds / "linked").symlink_to(outside)
    (sounds / "circle").symlink_to(sounds)
    write_listing(sounds, None, tmp_path / "listing.csv")
    assert [entry.file for entry in read_listing(tmp_path / "listing.csv")] == [
        "a.wav",
        "b/2.FLAC",
        "b/c/3.Mp3",
        "linked/o.wav",
    ]


def test_a_dangling_link_is_named(sounds, tmp_path):
    (sounds / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    with pytest.raises(UserError, match=r"gone\.wav cannot be read"):
        write_listing(sounds, None, tmp_path / "listing.csv")


def test_a_name_that_is_not_utf8_is_named(sounds, tmp_path):
    try:
        open(os.fsencode(sounds) + b"/caf\xe9.wav", "wb").close()
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    with pytest.raises(UserError, match="not valid UTF-8"):
        write_listing(sounds, None, tmp_path / "listing.csv")


def test_missing_folder_file_and_folder_without_sound_are_told_apart(tmp_path):
    make(tmp_path, {"notes/readme.txt": b"", "file.wav": b""})
    for folder, message in (
        ("lost", "does not exist"),
        ("file.wav", "is a file"),
        ("notes", "No sound file .*1 other"),
    ):
        with pytest.raises(UserError, match=message):
            write_listing(tmp_path / folder, None, tmp_path / "listing.csv")


def test_commas_and_quotes_in_names_survive(tmp_path):
    folder = make(tmp_path / "s", {'a, "b" ü\u4e2d.wav': b"x"})
    write_listing(folder, None, tmp_path / "listing.csv")
    assert read_listing(tmp_path / "listing.csv")[0].file == 'a, "b" ü\u4e2d.wav'


def test_five_thousand_cached_files_take_less_than_a_second(tmp_path):
    folder = make(tmp_path / "s", {f"{k % 20}/{k}.wav": b"%d" % k for k in range(5000)})
    write_listing(folder, None, tmp_path / "listing.csv")
    started_s = time.process_time()
    write_listing(folder, None, tmp_path / "listing.csv")
    assert time.process_time() - started_s < 1.0
