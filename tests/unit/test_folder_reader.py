"""The reader `folder` and the index: defaults with their notes, and every mistake a table can hold."""

import json

import pytest

from embedshift.errors import UserError
from embedshift.index import index_dataset
from embedshift.indexed_clips import read_index, read_notes
from embedshift.listing import ListedFile, write_listing
from embedshift.readers.folder import read_folder

FILES = ("cello/a.wav", "cello/b.wav", "flute/a.wav", "top.flac")


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a table's text with the files above."""

    def run(text=None, files=FILES, encoding="utf-8"):
        listing = [ListedFile(file, 10, f"sha of {file}") for file in files]
        if text is None:
            return read_folder(listing, tmp_path / "my sounds", None)
        table = tmp_path / "labels.csv"
        table.write_bytes(text.encode(encoding))
        return read_folder([*listing, ListedFile("labels.csv", 1, "")], tmp_path / "my sounds", table)

    return run


def test_without_a_table_folders_are_labels_and_files_are_groups(read):
    clips, notes = read()
    assert [clip.clip_id for clip in clips] == ["cello__a", "cello__b", "flute__a", "top"]
    assert [clip.label for clip in clips] == ["cello", "cello", "flute", "my sounds"]
    assert [clip.group for clip in clips] == list(FILES)
    assert {(clip.start_s, clip.duration_s, clip.split) for clip in clips} == {(0.0, None, "")}
    assert clips[0].sha256 == "sha of cello/a.wav"
    text = " ".join(notes)
    for part in ("No label table", "label of every clip", "group of every clip", "split of every clip", "'my sounds'"):
        assert part in text


def test_a_table_that_says_everything_needs_no_default(read):
    clips, notes = read(
        "file,label,group,split,start_s,duration_s,clip_id\n"
        "flute/a.wav,F,g1,train,0.5,2,first\n./cello/a.wav,C,g2,test,,,second\n"
        "cello/b.wav,C,g2,test,0,1e1,third\ntop.flac,C,g3,train,1,,fourth\n"
    )
    assert notes == []
    first, second = clips[:2]
    assert (first.clip_id, first.file, first.start_s, first.duration_s) == ("first", "flute/a.wav", 0.5, 2.0)
    assert (first.label, first.group, first.split) == ("F", "g1", "train")
    assert (second.file, second.start_s, second.duration_s) == ("cello/a.wav", 0.0, None)


def test_only_file_is_required_and_the_rest_is_told(read):
    clips, notes = read("file,composer\ncello/a.wav,x\n")
    assert [(clip.clip_id, clip.label, clip.group) for clip in clips] == [("cello__a", "cello", "cello/a.wav")]
    text = " ".join(notes)
    assert "not used: composer" in text
    assert "3 of 4 sound files are not named in labels.csv" in text


def test_clips_of_one_file_share_the_group_and_carry_their_start(read):
    clips, _ = read("file,start_s\ncello/a.wav,0\ncello/a.wav,2.5\nflute/a.wav,1\n")
    assert [clip.clip_id for clip in clips] == ["cello__a_0s", "cello__a_2.5s", "flute__a"]
    assert clips[0].group == clips[1].group == "cello/a.wav"


def test_empty_cells_take_the_default_and_are_counted(read):
    clips, notes = read("file,label,clip_id\ncello/a.wav,,\nflute/a.wav,wind,mine\n")
    assert [(clip.label, clip.clip_id) for clip in clips] == [("cello", "cello__a"), ("wind", "mine")]
    assert any("label of 1 of 2 clips" in note for note in notes)


def test_files_that_differ_only_in_their_suffix_keep_it_in_the_id(read):
    clips, _ = read(files=("a/x.flac", "a/x.wav", "a/y.wav"))
    assert [clip.clip_id for clip in clips] == ["a__x.flac", "a__x.wav", "a__y"]


def test_tables_from_spreadsheets_are_read(read):
    clips, _ = read("\ufefffile , label\r\ncello/a.wav, C \r\n,\r\n\r\n", encoding="utf-8")
    assert [(clip.file, clip.label) for clip in clips] == [("cello/a.wav", "C")]


@pytest.mark.parametrize("commas", [",", ",,,"])
def test_empty_columns_at_the_end_are_no_columns(read, commas):
    clips, notes = read(f"file,label{commas}\ncello/a.wav,C{commas}\n")
    assert [(clip.file, clip.label) for clip in clips] == [("cello/a.wav", "C")]
    assert not [note for note in notes if "not used" in note]


@pytest.mark.parametrize("mark", ["\u2028", "\v", "\x85"])
def test_only_line_ends_end_lines(read, mark):
    clips, _ = read(f"file,label\ncello/a.wav,C{mark}D\nflute/a.wav,F\n")
    assert [clip.label for clip in clips] == [f"C{mark}D", "F"]


def test_names_that_rows_over_all_clips_have_are_refused_from_paths_too(read):
    with pytest.raises(UserError, match="all/a.wav.*the label 'all' is taken.*rename"):
        read(files=("all/a.wav", "flute/b.wav"))
    with pytest.raises(UserError, match="the clip_id 'mean' is taken"):
        read(files=("mean.wav", "flute/b.wav"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename,label\ncello/a.wav,x\n", r"no column 'file'. Found: \['filename', 'label'\]"),
        ("file;label\ncello/a.wav;x\n", "other than commas"),
        ("", "no column 'file'"),
        ("file,label\n", "no rows"),
        ("file,label,label\ncello/a.wav,x,y\n", "'label' stands twice"),
        ("file,label\ncello/a.wav\n", "line 2: 1 cells, but the header has 2"),
        ("file,label\ncello/a.wav,x,y\n", "line 2: 3 cells"),
        ("file,label\n,x\n", "line 2: the cell 'file' is empty"),
        ("file\ncello/a.wav\ncelo/a.wav\n", r"1 of 2 rows(.|\n)*line 3: 'celo/a.wav'. Did you mean cello/a.wav"),
        ("file\ncello\\a.wav\n", "Did you mean cello/a.wav"),
        ("file\n" + "nope.wav\n" * 9, "and 4 more"),
        ("file\n../secret.wav\n", "not among the 4 sound files"),
        ("file,start_s\ncello/a.wav,-1\n", "line 2: start_s is -1; allowed: zero or more"),
        ("file,start_s\ncello/a.wav,soon\n", "line 2: start_s is 'soon', not a number of seconds"),
        ('file,start_s\ncello/a.wav,"1,5"\n', "not a number of seconds"),
        ("file,start_s\ncello/a.wav,nan\n", "allowed: zero or more"),
        ("file,duration_s\ncello/a.wav,0\n", "allowed: more than zero"),
        ("file,duration_s\ncello/a.wav,inf\n", "allowed: more than zero"),
        ("file,clip_id\ncello/a.wav,x\nflute/a.wav,x\n", "Two clips have the clip_id 'x'.*line 2 and .*line 3"),
        ("file\ncello/a.wav\ncello/a.wav\n", "Two clips have the clip_id 'cello__a_0s'"),
        ('file,label\ncello/a.wav,"x\n', "not valid CSV"),
        ("file,label\ncello/a.wav,all\n", "line 2 .file cello/a.wav.: the label 'all' is taken"),
        ("file,clip_id\ncello/a.wav,x\nflute/a.wav,mean\n", "line 3 .*the clip_id 'mean' is taken"),
        ("file,clip_id\ncello/a.wav,all\n", "the clip_id 'all' is taken"),
    ],
)
def test_mistakes_in_a_table_are_named(read, text, message):
    with pytest.raises(UserError, match=message):
        read(text)


def test_a_table_that_is_not_utf8_is_named(read):
    with pytest.raises(UserError, match="not UTF-8 text"):
        read("file,label\ncello/a.wav,Fl\u00f6te\n", encoding="latin-1")


def test_paths_that_give_the_same_id_are_named(read):
    with pytest.raises(UserError, match="clip_id 'a__b.wav'"):
        read(files=("a/b.wav", "a__b.wav"))


def index(tmp_path, files, table=None):
    folder = tmp_path / "sounds"
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(file.encode())
    if table:
        (folder / "labels.csv").write_text(table)
    name = "labels.csv" if table else None
    write_listing(folder, name, tmp_path / "listing.csv")
    settings = json.dumps({"reader": "folder", "folder": str(folder), "table": name})
    index_dataset(tmp_path / "listing.csv", tmp_path / "index.csv", tmp_path / "index_notes.csv", settings)
    return read_index(tmp_path / "index.csv"), read_notes(tmp_path / "index_notes.csv")


def test_index_survives_writing_and_reading(tmp_path):
    clips, _ = index(tmp_path, FILES, "file,start_s,duration_s\ncello/a.wav,0.1,0.3\ntop.flac,,\n")
    assert [(clip.file, clip.start_s, clip.duration_s) for clip in clips] == [
        ("cello/a.wav", 0.1, 0.3),
        ("top.flac", 0.0, None),
    ]
    header = (tmp_path / "index.csv").read_text().splitlines()[0]
    assert header == "clip_id,file,start_s,duration_s,label,group,split,sha256"


def test_small_classes_single_labels_and_leaking_groups_are_noted(tmp_path):
    _, notes = index(tmp_path, FILES, "file,label,group\ncello/a.wav,c,1\ncello/b.wav,c,1\nflute/a.wav,f,2\n")
    text = " ".join(notes)
    assert "Classes of one clip, kept, but without a spread of their own: f." in text
    assert "Classes of a single group, which are held out as a whole or not at all: c." in text
    _, notes = index(tmp_path, FILES, "file,label,group,split\ncello/a.wav,c,1,train\ncello/b.wav,c,1,test\n")
    text = " ".join(notes)
    assert "All clips have the label 'c'" in text
    assert "more than one split, which leaks from training to test: 1." in text


def test_large_enough_classes_make_no_note(tmp_path):
    files = [f"{label}/{k}.wav" for label in "ab" for k in range(3)]
    _, notes = index(tmp_path, files)
    assert not [note for note in notes if "Classes" in note or "groups" in note]


def test_an_unknown_reader_is_answered_with_the_known_ones(tmp_path):
    (tmp_path / "listing.csv").write_text("file,size_bytes,sha256\n")
    settings = json.dumps({"reader": "folders", "folder": "x", "table": None})
    with pytest.raises(UserError, match="Unknown reader 'folders'; known: folder"):
        index_dataset(tmp_path / "listing.csv", tmp_path / "i.csv", tmp_path / "n.csv", settings)
