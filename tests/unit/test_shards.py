"""Shards: membership from the clip alone, names of files, joined manifests, audio across files."""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from embedshift.audio_rows import shard_digests, sounds_digest
from embedshift.clips import prepare_clips
from embedshift.errors import UserError
from embedshift.indexed_clips import IndexedClip, write_excluded, write_index, write_notes
from embedshift.joined_clips import join_clips
from embedshift.listing import write_listing
from embedshift.prepared_shards import forget_prepared, is_prepared, note_prepared
from embedshift.sharded_audio import ShardedAudio
from embedshift.shards import is_of_other_shards, rows_of_shards, shard_of, shard_suffixes, without_shard
from embedshift.store import AudioReader

RATE_HZ = 8000
PREPARATION = {"channels": "mean", "sample_rate_hz": RATE_HZ, "length_rule": "pad", "length_s": 0.5, "target_lufs": -23}


def test_a_shard_is_the_clips_digest_modulo_their_number():
    for name in ("a", "flute__01", "é"):
        digest = hashlib.sha256(name.encode()).hexdigest()
        assert shard_of(name, 7) == int(digest[:16], 16) % 7
    assert shard_of("a", 1) == 0


def test_clips_spread_evenly_and_stay_where_they_are():
    names = [f"clip{number}" for number in range(20_000)]
    rows = rows_of_shards(names, 16)
    assert sorted(row for of_shard in rows for row in of_shard) == list(range(20_000))
    assert max(abs(len(of_shard) - 1250) for of_shard in rows) < 5 * np.sqrt(1250)
    before = [set(np.array(names)[of_shard]) for of_shard in rows]
    after = [set(np.array(["new", *names])[of_shard]) for of_shard in rows_of_shards(["new", *names], 16)]
    assert [one - other for one, other in zip(after, before, strict=True)].count({"new"}) == 1
    assert all(one >= other for one, other in zip(after, before, strict=True))


def test_names_of_files_tell_shards_apart():
    assert shard_suffixes(1) == [""]
    assert shard_suffixes(3) == [".shard_1_of_3", ".shard_2_of_3", ".shard_3_of_3"]
    for suffix in ("", *shard_suffixes(12)):
        assert without_shard(f"a/gain/-0.5{suffix}.h5") == Path("a/gain/-0.5.h5")
    assert is_of_other_shards(Path("x/0.5.h5"), Path("x/0.5.shard_1_of_2.h5"))
    assert not is_of_other_shards(Path("x/0.5.shard_2_of_2.h5"), Path("x/0.5.shard_1_of_2.h5"))
    assert not is_of_other_shards(Path("x/0.25.h5"), Path("x/0.5.shard_1_of_2.h5"))


@pytest.fixture
def sounds(tmp_path, rng):
    """Write 14 sound files of two classes, one silent, one stereo and one too long."""
    folder = tmp_path / "sounds"
    for number in range(14):
        samples = 0.1 * rng.standard_normal((4000 + 500 * (number == 3), 1 + (number == 5)))
        place = folder / ("high" if number % 2 else "low")
        place.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / f"s{number:02d}.wav", samples * (number != 8), RATE_HZ, subtype="PCM_16")
    return folder


def index(folder, to):
    files = sorted(folder.glob("*/*.wav"))
    clips = [IndexedClip(path.stem, f"{path.parent.name}/{path.name}", 0.0, None, path.parent.name, path.stem, "", "x")
             for path in files]  # fmt: skip
    write_index(to / "index.csv", clips)
    write_notes(to / "index_notes.csv", ["The reader said this."])
    write_excluded(to / "index_excluded.csv", [("gone", "low/gone.wav", "left out by the reader")])


def prepare(folder, to, suffix="", **of_shard):
    out = {name: to / f"{name}{suffix}.csv" for name in ("manifest", "excluded", "notes")}
    said = {} if of_shard else {name: to / f"{name}.csv" for name in ("index_notes", "index_excluded")}
    settings = json.dumps({"preparation": PREPARATION, **of_shard})
    clean = to / f"clean{suffix}.h5"
    prepare_clips(to / "index.csv", folder, clean=clean, settings=settings, code="c", threads=2, **out, **said)


def join(to, suffixes):
    files = {name: [to / f"{name}{suffix}.csv" for suffix in suffixes] for name in ("manifest", "excluded", "notes")}
    join_clips(
        index=to / "index.csv",
        index_notes=to / "index_notes.csv",
        index_excluded=to / "index_excluded.csv",
        shard_manifests=files["manifest"],
        shard_excluded=files["excluded"],
        shard_remarks=files["notes"],
        **{name: to / f"{name}.csv" for name in files},
    )


@pytest.fixture
def whole_and_cut(sounds, tmp_path):
    """Prepare the sounds in one piece and in five shards, one of which may be empty."""
    suffixes = shard_suffixes(5)
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
        index(sounds, tmp_path / name)
    prepare(sounds, tmp_path / "whole")
    for number, suffix in enumerate(suffixes, start=1):
        prepare(sounds, tmp_path / "cut", suffix, shard=[number, 5], sounds="digest")
    join(tmp_path / "cut", suffixes)
    return tmp_path / "whole", tmp_path / "cut"


def test_joined_shards_are_the_data_set_in_one_piece(whole_and_cut):
    whole, cut = whole_and_cut
    for name in ("manifest.csv", "excluded.csv", "notes.csv"):
        assert (cut / name).read_text() == (whole / name).read_text()
    assert "1 silent" in (whole / "notes.csv").read_text()


def test_audio_is_read_across_shards_in_the_order_of_the_manifest(whole_and_cut):
    whole, cut = whole_and_cut
    files = [cut / f"clean{suffix}.h5" for suffix in shard_suffixes(5)]
    with AudioReader(whole / "clean.h5") as one, ShardedAudio(files, one.clip_id) as several:
        assert several.sample_rate_hz == RATE_HZ
        for row in range(len(one)):
            np.testing.assert_array_equal(several.read(row), one.read(row))
        with pytest.raises(UserError, match="other clips than the manifest"):
            ShardedAudio(files, one.clip_id[1:])


def test_a_shards_manifest_is_without_what_a_corrected_label_changes(whole_and_cut):
    with open(whole_and_cut[1] / "manifest.shard_1_of_5.csv", newline="") as file:
        assert not {"label", "group", "split"} & set(csv.DictReader(file).fieldnames)


def test_shards_of_another_index_are_refused(whole_and_cut, sounds):
    cut = whole_and_cut[1]
    rows = (cut / "index.csv").read_text().splitlines(keepends=True)
    for text in (rows[:1] + rows[2:], [*rows[:3], rows[2].replace("s00", "s99").replace("s02", "s98"), *rows[3:]]):
        (cut / "index.csv").write_text("".join(text))
        with pytest.raises(UserError, match="does not belong to the index"):
            join(cut, shard_suffixes(5))


def test_no_clip_left_in_any_shard_is_told(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "sounds").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "sounds" / f"{name}.wav", np.zeros(4000), RATE_HZ)
    write_index(tmp_path / "index.csv", [IndexedClip(n, f"{n}.wav", 0.0, None, "l", n, "", "x") for n in "ab"])
    write_notes(tmp_path / "index_notes.csv", [])
    write_excluded(tmp_path / "index_excluded.csv", [])
    for number, suffix in enumerate(shard_suffixes(2), start=1):
        prepare(tmp_path / "sounds", tmp_path, suffix, shard=[number, 2])
    with pytest.raises(UserError, match="None of the 2 clips can be used"):
        join(tmp_path, shard_suffixes(2))


def test_a_new_file_changes_the_digest_of_one_shard(sounds, tmp_path, rng):
    settings = {"folder": str(sounds), "table": None, "reader": "folder", "shards": 4}
    listing = tmp_path / "listing.csv"
    write_listing(sounds, None, listing)
    before = shard_digests(settings, listing)
    assert shard_digests({**settings, "shards": 1}, listing) == {"": sounds_digest(settings, listing)}
    soundfile.write(sounds / "low" / "new.wav", rng.standard_normal(4000) * 0.1, RATE_HZ)
    write_listing(sounds, None, listing)
    after = shard_digests(settings, listing)
    changed = [suffix for suffix in before if before[suffix] != after[suffix]]
    assert changed == [shard_suffixes(4)[shard_of("low__new", 4)]]


def test_a_record_says_whether_a_shard_is_prepared(tmp_path):
    clean = tmp_path / "clean.shard_1_of_2.h5"
    note_prepared(clean, "o")
    assert not is_prepared(clean, "o")
    clean.touch()
    assert is_prepared(clean, "o")
    assert not is_prepared(clean, "p")
    forget_prepared(clean)
    assert not is_prepared(clean, "o")
