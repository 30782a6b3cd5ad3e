"""Reader irmas: what names say, the published split read, one of our own made, and nothing that depends on order."""

import csv
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from embedshift.clips import prepare_clips
from embedshift.errors import UserError
from embedshift.index import index_dataset
from embedshift.indexed_clips import read_excluded, read_index, read_notes
from embedshift.listing import ListedFile, write_listing
from embedshift.readers.irmas import GENRES, INSTRUMENTS, SPLIT_COLUMNS, read

DEFAULTS = {
    "drop_genres": [],
    "left_out": "exclude",
    "folds": 4,
    "split_seed": 20220419,
    "balance": True,
    "balance_seed": 42,
}
FILES_OF = dict(zip(("cel", "cla", "flu", "gac", "gel", "org", "pia", "sax", "tru", "vio", "voi"),
                    (388, 505, 451, 637, 760, 682, 721, 626, 577, 580, 778), strict=True))  # fmt: skip
"""Files of each instrument in the training set, as its authors state them; 6,705 in all."""
LATIN_SOUL = 42


def options(**changes):
    return {**DEFAULTS, **changes}


def named(*names):
    return [ListedFile(name, 1, f"sha-{name}") for name in names]


def made_listing(files_of=FILES_OF, latin_soul=LATIN_SOUL, seed=0):
    """Return made names of the true pattern: excerpts 1 to 3 of every recording, of mixed genres."""
    rng = np.random.default_rng(seed)
    names, recording = [], 0
    for code, count in files_of.items():
        while count > 0:
            recording += 1
            genre = "lat_sou" if latin_soul > 0 else rng.choice([code for code in GENRES if code != "lat_sou"])
            mark = rng.choice(["", "[dru]", "[nod]"])
            for excerpt in range(1, min(count, 3) + 1):
                if genre == "lat_sou" and latin_soul <= 0:
                    genre = "pop_roc"
                before = f"{recording % 1000:03d}__" if mark else ""
                names.append(f"{code}/{before}[{code}]{mark}[{genre}]{recording:04d}__{excerpt}.wav")
                latin_soul -= genre == "lat_sou"
            count -= min(count, 3)
    return named(*names)


@pytest.mark.parametrize(
    ("name", "label", "group"),
    [
        ("cla/[cla][cla]0189__2.wav", "clarinet", "0189"),
        ("cel/031__[cel][nod][cla]0020__1.wav", "cello", "0020"),
        ("110__[org][dru][jaz_blu]1117__1.wav", "organ", "1117"),
        ("a/b/[gac][cou_fol]0001__3.WAV", "guitar_acc", "0001"),
    ],
)
def test_a_name_says_instrument_and_recording(name, label, group):
    others = named("[pia][pop_roc]0007__1.wav", "[pia][pop_roc]0008__1.wav")
    clips, _, left_out = read([*named(name), *others], Path("x"), None, options(balance=False, folds=2))
    clip = next(clip for clip in clips if clip.file == name)
    assert (clip.label, clip.group, clip.clip_id) == (label, group, Path(name).stem)
    assert left_out == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cla/02 - Track.wav", ("02 - Track.wav", "[instrument][genre]0000__0.wav", "test set")),
        ("cla/[cla]0189__2.wav", ("[cla]0189__2.wav", "pattern")),
        ("[xyz][cla]0189__2.wav", ("unknown instrument [xyz]", "gac")),
        ("[cla][xyz]0189__2.wav", ("unknown genre [xyz]", "lat_sou")),
        ("[cla][cla]189__2.wav", ("[cla][cla]189__2.wav",)),
    ],
)
def test_an_unexpected_name_is_told_with_the_pattern(name, words):
    with pytest.raises(UserError) as caught:
        read(named(name), Path("x"), None, options())
    for word in words:
        assert word in str(caught.value) or word == "pattern"


def test_two_files_of_one_name_are_refused():
    with pytest.raises(UserError, match="are both called"):
        read(named("cla/[cla][cla]0189__2.wav", "cel/[cla][cla]0189__2.wav"), Path("x"), None, options())


def test_the_counts_of_the_published_study():
    """6,705 files, 6,663 without latin soul; a quarter is tested; training is balanced on the smallest class."""
    listing = made_listing()
    assert len(listing) == 6705
    clips, notes, left_out = read(listing, Path("x"), None, options(drop_genres=["lat_sou"]))
    train = Counter(clip.label for clip in clips if clip.split == "train")
    test = [clip for clip in clips if clip.split == "test"]
    assert len(set(train.values())) == 1
    assert len(train) == 11
    assert set(train.values()) == {min(train.values())}
    assert abs(len(test) - 6663 / 4) < 30
    assert abs(train["cello"] - 0.75 * (388 - LATIN_SOUL)) < 30, "cello is the smallest class here: it lost latin soul"
    groups = {split: {clip.group for clip in clips if clip.split == split} for split in ("train", "test")}
    assert not groups["train"] & groups["test"]
    assert len(clips) + len(left_out) == 6705
    reasons = Counter(reason for _, _, reason in left_out)
    assert reasons["genre lat_sou is left out (drop_genres)"] == LATIN_SOUL
    assert any(f"{LATIN_SOUL} clips are left out" in note for note in notes)


def test_the_split_is_scikit_learns_first_fold_on_sorted_names():
    listing = made_listing(dict.fromkeys(FILES_OF, 30), 0)
    clips, _, _ = read(listing, Path("x"), None, options(balance=False))
    by_name = sorted(clips, key=lambda clip: clip.clip_id)
    splitter = StratifiedGroupKFold(4, shuffle=True, random_state=20220419)
    rows = [[0]] * len(by_name)
    _, test = next(splitter.split(rows, [clip.label for clip in by_name], [clip.group for clip in by_name]))
    assert {by_name[row].clip_id for row in test} == {clip.clip_id for clip in clips if clip.split == "test"}
    assert {clip.split for clip in clips} == {"train", "test"}


def test_balancing_draws_as_published_from_one_stream():
    listing = made_listing({"cla": 9, "org": 30, "cel": 21}, 0)
    whole, _, _ = read(listing, Path("x"), None, options(balance=False))
    balanced, _, _ = read(listing, Path("x"), None, options())
    names = {label: sorted(clip.clip_id for clip in whole if (clip.label, clip.split) == (label, "train"))
             for label in INSTRUMENTS.values()}  # fmt: skip
    random.seed(42)
    expected = set()
    fewest = min(len(of_label) for of_label in names.values() if of_label)
    for of_label in names.values():
        random.shuffle(of_label)
        expected |= set(of_label[:fewest])
    assert {clip.clip_id for clip in balanced if clip.split == "train"} == expected


def test_neither_the_order_of_files_nor_their_folders_matter():
    listing = made_listing(dict.fromkeys(FILES_OF, 15), 3)
    shuffled = random.Random(1).sample(listing, len(listing))
    assert read(shuffled, Path("x"), None, options()) == read(listing, Path("x"), None, options())
    flat = [entry._replace(file=Path(entry.file).name) for entry in listing]
    splits = [{clip.clip_id: clip.split for clip in read(files, Path("x"), None, options())[0]}
              for files in (listing, flat)]  # fmt: skip
    assert splits[0] == splits[1]


def test_the_seed_of_hashes_does_not_matter(repository):
    program = (
        "import hashlib, sys; from pathlib import Path; sys.path[:0] = ['scripts', 'tests/unit'];"
        "from test_irmas_reader import *;"
        "clips = read(made_listing(dict.fromkeys(FILES_OF, 12), 0), Path('x'), None, options());"
        "print(hashlib.sha256(repr(clips).encode()).hexdigest())"
    )
    digests = {
        subprocess.run([sys.executable, "-c", program], cwd=repository, check=True, capture_output=True, text=True,
                       env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1


def split_table(path, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([SPLIT_COLUMNS, *rows])
    return path


LISTED = named("[cel][cla]0020__1.wav", "[cla][cla]0189__2.wav", "[pia][jaz_blu]0300__1.wav")
ROWS = [["cello", "classical", "[cel][cla]0020__1", "train"], ["clarinet", "classical", "[cla][cla]0189__2", "test"]]


def test_a_published_split_is_followed(tmp_path):
    table = split_table(tmp_path / "split.csv", ROWS)
    clips, notes, left_out = read(LISTED, tmp_path, table, options())
    assert [(clip.clip_id, clip.split) for clip in clips] == [
        ("[cel][cla]0020__1", "train"),
        ("[cla][cla]0189__2", "test"),
    ]
    assert left_out == [("[pia][jaz_blu]0300__1", "[pia][jaz_blu]0300__1.wav", "not in the split of split.csv")]
    assert "1 training and 1 test clips of 3 files." in notes


def test_clips_left_out_are_kept_without_a_split_when_asked(tmp_path):
    table = split_table(tmp_path / "split.csv", ROWS)
    clips, _, left_out = read(LISTED, tmp_path, table, options(left_out="keep"))
    assert [clip.split for clip in clips] == ["train", "test", ""]
    assert left_out == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["cello", "classical", "[cel][cla]0021__1", "train"]], ("1 of 1 rows", "[cel][cla]0021__1")),
        ([ROWS[0], ROWS[0]], ("stands there twice",)),
        ([["flute", "classical", "[cel][cla]0020__1", "train"]], ("flute", "its name says cello")),
        ([["cello", "pop_roc", "[cel][cla]0020__1", "train"]], ("pop_roc", "classical")),
        ([["cello", "classical", "[cel][cla]0020__1", "dev"]], ("'dev'", "train and test")),
    ],
)
def test_a_split_of_something_else_is_refused(tmp_path, rows, words):
    with pytest.raises(UserError) as caught:
        read(LISTED, tmp_path, split_table(tmp_path / "split.csv", rows), options())
    for word in words:
        assert word.lower() in str(caught.value).lower()


def test_a_table_without_its_columns_is_refused(tmp_path):
    (tmp_path / "split.csv").write_text("file,label\na,b\n")
    with pytest.raises(UserError, match="no column instrument, genre, file_name, split"):
        read(LISTED, tmp_path, tmp_path / "split.csv", options())


def test_too_few_recordings_for_the_folds_are_told():
    with pytest.raises(UserError, match=r"3 recordings, .* cannot be divided into 4 folds.*reader_options\.folds"):
        read(LISTED, Path("x"), None, options())


@pytest.mark.parametrize("tree", ["irmas/IRMAS-TrainingData", "mirdata_miniature/irmas/IRMAS-TrainingData"])
def test_the_miniature_trees_of_the_real_data_set(real_recordings, tmp_path, tree):
    folder = real_recordings / tree
    write_listing(folder, None, tmp_path / "listing.csv")
    rows = [["clarinet", "classical", "[cla][cla]0189__2", "train"]]
    if tree.startswith("irmas"):
        rows += [["cello", "classical", "031__[cel][nod][cla]0020__1", "test"]]
    table = split_table(tmp_path / "split.csv", rows)
    settings = {"reader": "irmas", "folder": str(folder), "table": str(table), "reader_options": DEFAULTS}
    index_dataset(tmp_path / "listing.csv", tmp_path / "index.csv", tmp_path / "notes.csv", json.dumps(settings),
                  excluded=tmp_path / "excluded.csv")  # fmt: skip
    clips = read_index(tmp_path / "index.csv")
    assert {(clip.label, clip.group) for clip in clips} >= {("clarinet", "0189")}
    assert len(clips) == len(rows)
    assert read_excluded(tmp_path / "excluded.csv") == []


def test_a_file_in_another_instruments_folder_is_noted_and_its_name_counts():
    listing = named("cla/031__[cel][nod][cla]0020__1.wav", "cla/[cla][cla]0189__2.wav", "cla/[cla][cla]0190__1.wav")
    clips, notes, _ = read(listing, Path("x"), None, options(folds=2, balance=False))
    assert {clip.label for clip in clips} == {"cello", "clarinet"}
    assert any("1 files lie in another instrument's folder" in note for note in notes)


def test_what_the_reader_leaves_out_stands_in_excluded_csv_with_what_preparation_leaves_out(real_recordings, tmp_path):
    folder = real_recordings / "irmas/IRMAS-TrainingData"
    write_listing(folder, None, tmp_path / "listing.csv")
    table = split_table(tmp_path / "split.csv", [["clarinet", "classical", "[cla][cla]0189__2", "train"]])
    settings = {"reader": "irmas", "folder": str(folder), "table": str(table), "reader_options": DEFAULTS}
    index_dataset(tmp_path / "listing.csv", tmp_path / "index.csv", tmp_path / "notes.csv", json.dumps(settings),
                  excluded=tmp_path / "index_excluded.csv")  # fmt: skip
    preparation = {"channels": "stereo", "sample_rate_hz": 44100, "length_rule": "whole", "target_lufs": None}
    paths = {name: tmp_path / name for name in ("clean", "manifest", "excluded")}
    prepare_clips(tmp_path / "index.csv", folder, **paths, notes=tmp_path / "all_notes.csv", code="c", threads=1,
                  settings=json.dumps({"preparation": preparation}), index_notes=tmp_path / "notes.csv",
                  index_excluded=tmp_path / "index_excluded.csv")  # fmt: skip
    name = "031__[cel][nod][cla]0020__1"
    assert read_excluded(tmp_path / "excluded") == [(name, f"cel/{name}.wav", "not in the split of split.csv")]
    assert "1 clips are left out: not in the split of split.csv." in read_notes(tmp_path / "all_notes.csv")
