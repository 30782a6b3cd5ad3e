"""The size of a data set from its listing, against counts and lengths that are known."""

import pytest

from embedshift.data_size import CLIPS_OF_UNSEEN_DATA, DataSize, size_of

PREPARATION = {"length_rule": "cut", "length_s": 3.0, "sample_rate_hz": 44100, "channels": "mean"}


def listing_of(folder, files):
    path = folder / "listing.csv"
    rows = "".join(f"{name},{size_bytes},{'0' * 64}\n" for name, size_bytes in files)
    path.write_text("file,size_bytes,sha256\n" + rows)
    return path


def dataset(folder=".", table=None, **preparation):
    return {"folder": str(folder), "table": table, "preparation": {**PREPARATION, **preparation}}


def test_clips_are_the_sound_files_of_the_listing(tmp_path):
    listing = listing_of(tmp_path, [("a.wav", 1), ("b.FLAC", 1), ("clips.csv", 1)])
    assert size_of(dataset(), listing) == DataSize(2, 3.0, 44100, 1)


def test_a_table_may_cut_more_clips_than_there_are_files(tmp_path):
    (tmp_path / "clips.csv").write_text("file,start_s\n" + "a.wav,0\n" * 7)
    listing = listing_of(tmp_path, [("a.wav", 1), ("clips.csv", 1)])
    assert size_of(dataset(tmp_path, "clips.csv"), listing).clips == 7
    assert size_of(dataset(tmp_path, "no_such_table.csv"), listing).clips == 1


def test_whole_clips_last_as_long_as_their_bytes_at_a_low_rate(tmp_path):
    hour_of_cd_mono = 3600 * 44100 * 2
    listing = listing_of(tmp_path, [("a.wav", hour_of_cd_mono)])
    assert size_of(dataset(length_rule="whole", length_s=None), listing).clip_s == 3600


def test_a_data_set_without_a_listing_is_taken_to_be_large(tmp_path):
    assert size_of(dataset(), tmp_path / "listing.csv").clips == CLIPS_OF_UNSEEN_DATA


def test_a_condition_of_clips_takes_four_bytes_a_sample():
    size = DataSize(clips=1000, clip_s=3.0, sample_rate_hz=44100, channels=2)
    assert size.audio_mb == pytest.approx(1000 * 3 * 44100 * 2 * 4 / 1e6)
    assert size.share(3).clips == 334
