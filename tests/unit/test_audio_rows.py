"""The digest of what decides a data set's sound: which changes it notices and which it does not."""

import subprocess
import sys
import time

import pytest

from embedshift.audio_rows import audio_rows_digest

LISTING = "file,size_bytes,sha256\ncello/a.wav,1,aa\ncello/b.wav,1,bb\nflute/a.wav,1,cc\nlabels.csv,9,dd\n"
TABLE = "file,label,group,split,start_s,duration_s,clip_id\ncello/a.wav,C,g,train,0,1,x\nflute/a.wav,F,h,test,,,\n"


@pytest.fixture
def digest(tmp_path):
    """Return a function that digests a data set given as the texts of its listing and its table."""

    def run(table=TABLE, listing=LISTING, name="labels.csv"):
        (tmp_path / "listing.csv").write_text(listing)
        if table is not None:
            (tmp_path / "labels.csv").write_text(table)
        return audio_rows_digest(tmp_path, name if table is not None else None, tmp_path / "listing.csv")

    return run


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a.wav,C,", "a.wav,oboe,"),
        (",g,train,", ",other,test,"),
        (",F,h,test,", ",,,,"),
        ("start_s,duration_s", "start_s, duration_s"),
        (",0,1,x", ",0.0,1e0,x"),
        ("file,label", "\ufefffile,label"),
    ],
)
def test_labels_groups_splits_and_spelling_leave_the_digest(digest, old, new):
    assert digest(TABLE.replace(old, new)) == digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (",0,1,x", ",0.5,1,x"),
        (",0,1,x", ",0,2,x"),
        (",0,1,x", ",0,,x"),
        (",0,1,x", ",0,1,y"),
        ("flute/a.wav,F,h,test,,,\n", ""),
        ("flute/a.wav", "cello/b.wav"),
    ],
)
def test_stretches_names_and_files_change_it(digest, old, new):
    assert digest(TABLE.replace(old, new)) != digest()


def test_the_order_of_the_rows_changes_it(digest):
    header, first, second = TABLE.splitlines(keepends=True)
    assert digest(header + second + first) != digest()


def test_only_files_that_become_clips_count(digest):
    before = digest()
    assert digest(listing=LISTING.replace("bb", "b2")) == before
    assert digest(listing=LISTING.replace("dd", "d2")) == before
    assert digest(listing=LISTING.replace("aa", "a2")) != before
    assert digest(None, LISTING.replace("bb", "b2")) != digest(None)


def test_what_the_reader_refuses_is_told_apart_by_its_bytes(digest):
    wrong = TABLE.replace("flute/a", "flut/a")
    assert digest(wrong) == digest(wrong)
    assert len({digest(), digest(wrong), digest(wrong + "\n"), digest(name="nowhere.csv")}) == 4


def test_it_needs_only_the_standard_library(repository):
    code = "import sys; sys.path.insert(0, 'scripts'); import embedshift.audio_rows"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_hundred_thousand_files_with_a_table_take_about_a_second(digest):
    files = [f"class_{k % 20}/recording_{k}.wav" for k in range(100_000)]
    listing = "file,size_bytes,sha256\n" + "".join(f"{file},1,{k:064x}\n" for k, file in enumerate(files))
    table = "file,label,group,start_s\n" + "".join(f"{file},l,g,0.5\n" for file in files)
    began = time.process_time()
    digest(table, listing)
    took = time.process_time() - began
    assert took < 5
