"""prepare_clips: a policy for every kind of odd file, exact outputs, the same bits for any number of threads."""

import csv
import hashlib
import json
import threading
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile

from embedshift import clips as clips_module
from embedshift.clips import MANIFEST_COLUMNS, prepare_clips
from embedshift.errors import UserError
from embedshift.index import index_dataset
from embedshift.indexed_clips import IndexedClip, read_notes, write_index
from embedshift.listing import write_listing
from embedshift.store import AudioReader

RATE = 44100
PREPARATION = {"channels": "mean", "sample_rate_hz": RATE, "length_rule": "cut", "length_s": 1.0, "target_lufs": -23.0}


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Prepared:
    """What prepare_clips wrote."""

    def __init__(self, folder: Path) -> None:
        self.manifest = {row["clip_id"]: row for row in rows_of(folder / "manifest.csv")}
        self.reasons = {row["clip_id"]: row["reason"] for row in rows_of(folder / "excluded.csv")}
        self.notes = " ".join(read_notes(folder / "notes.csv"))
        with AudioReader(folder / "clean.h5") as reader:
            self.clip_id, self.attributes = list(reader.clip_id), dict(reader.attributes)
            self.rate, self.channels = reader.sample_rate_hz, reader.channels
            self.samples = {clip_id: reader.read(i) for i, clip_id in enumerate(reader.clip_id)}
            self.after = np.array(reader.loudness_after_lufs)


@pytest.fixture
def prepare(tmp_path):
    """Return a function that indexes and prepares all sound files of a folder."""

    def run(folder, threads=2, unusable_clips="exclude", into="out", **changes):
        out = tmp_path / into
        write_listing(folder, None, out / "listing.csv")
        settings = {"reader": "folder", "folder": str(folder), "table": None}
        index_dataset(out / "listing.csv", out / "index.csv", out / "index_notes.csv", json.dumps(settings))
        prepare_clips(
            index=out / "index.csv",
            folder=folder,
            clean=out / "clean.h5",
            manifest=out / "manifest.csv",
            excluded=out / "excluded.csv",
            notes=out / "notes.csv",
            settings=json.dumps({"preparation": PREPARATION | changes, "unusable_clips": unusable_clips}),
            code="abc",
            threads=threads,
            index_notes=out / "index_notes.csv",
        )
        return Prepared(out)

    return run


def tone(seconds=1.5, rate=RATE, channels=1, amplitude=0.3):
    time_s = np.arange(round(seconds * rate))[:, np.newaxis] / rate
    return amplitude * np.sin(2 * np.pi * (440 + 110 * np.arange(channels)) * time_s)


@pytest.fixture
def odd_files(tmp_path, rng):
    """Return a folder with one file of every kind that the policies speak of."""
    folder = tmp_path / "odd"
    folder.mkdir()

    def write(name, samples, rate=RATE, **options):
        soundfile.write(folder / name, samples, rate, **options)

    write("8bit.wav", tone(), subtype="PCM_U8")
    write("24bit.wav", tone(), subtype="PCM_24")
    write("24bit.flac", tone(), subtype="PCM_24")
    write("float.wav", 6.0 * tone(), subtype="FLOAT")
    write("8channel.wav", tone(channels=8))
    write("192khz.wav", tone(rate=192000), 192000)
    write("mp3.mp3", tone())
    write("ogg.ogg", tone())
    write("aiff.aiff", tone())
    write("quiet.wav", 1e-2 * tone(), subtype="PCM_24")
    write("clipped.wav", np.clip(10 * tone(), -1.0, 1.0))
    with_nan = tone()
    with_nan[1000] = np.nan
    write("nan.wav", with_nan, subtype="FLOAT")
    write("inf.wav", np.where(np.isnan(with_nan), np.inf, with_nan), subtype="FLOAT")
    (folder / "corrupt.wav").write_bytes(rng.bytes(3000))
    (folder / "zero_bytes.ogg").write_bytes(b"")
    write("no_samples.wav", np.zeros((0, 1)))
    write("silent.wav", np.zeros((2 * RATE, 1)))
    write("nearly_silent.wav", 1e-5 * tone(), subtype="FLOAT")
    write("opposite.wav", tone() * [1.0, -1.0], subtype="FLOAT")
    write("short.wav", tone(0.9))
    write("blip.wav", tone(0.2))
    return folder


def test_every_odd_file_has_its_outcome(odd_files, prepare):
    result = prepare(odd_files)
    assert set(result.manifest) == {
        "8bit", "24bit.wav", "24bit.flac", "float", "8channel", "192khz", "mp3", "ogg", "aiff", "quiet", "clipped"
    }  # fmt: skip
    expected = {
        "nan": "not finite: 1 samples are NaN or infinite",
        "inf": "not finite: 1 samples are NaN or infinite",
        "corrupt": "corrupt: libsndfile cannot decode it: Format not recognised.",
        "zero_bytes": "empty: the file has no bytes",
        "no_samples": "empty: the file holds no samples",
        "silent": "silent: nothing above -70 LUFS (peak 0)",
        "nearly_silent": "silent: nothing above -70 LUFS (peak 3e-06)",
        "opposite": "silent: nothing above -70 LUFS (peak 0, after the mean of 2 channels)",
        "short": "too short: 0.9 s (39690 samples) from 0 s on",
        "blip": "too short: 0.2 s (8820 samples) from 0 s on",
    }
    assert set(result.reasons) == set(expected)
    for clip_id, reason in expected.items():
        assert result.reasons[clip_id].startswith(reason)
    assert set(result.manifest) | set(result.reasons) == {
        row["clip_id"] for row in rows_of(odd_files.parent / "out" / "index.csv")
    }


def test_kept_odd_files_are_right(odd_files, prepare):
    result = prepare(odd_files)
    reference = result.samples["24bit.wav"][:, 0]
    for clip_id in ("8bit", "24bit.flac", "float", "192khz", "aiff", "quiet", "mp3", "ogg"):
        correlation = np.corrcoef(result.samples[clip_id][:, 0], reference)[0, 1]
        assert correlation > (0.99 if clip_id in ("mp3", "ogg") else 0.9999), clip_id
    assert result.samples["float"].max() == pytest.approx(result.samples["24bit.wav"].max(), abs=1e-4)
    notes = {clip_id: row["note"] for clip_id, row in result.manifest.items()}
    assert notes["clipped"].startswith("clipped source: ")
    assert notes["192khz"] == "resampled from 192000 Hz to 44100 Hz"
    assert notes["8channel"] == "channels rule 'mean' applied to 8 channels"
    assert notes["24bit.wav"] == notes["8bit"] == notes["quiet"] == notes["float"] == ""


def test_outputs_agree_with_each_other_and_with_pyloudnorm(odd_files, prepare):
    result = prepare(odd_files)
    assert list(result.manifest) == result.clip_id
    assert (result.rate, result.channels) == (RATE, 1)
    assert result.attributes["code"] == "abc"
    assert json.loads(result.attributes["settings"])["preparation"] == PREPARATION
    for clip_id, row in result.manifest.items():
        samples = result.samples[clip_id]
        assert tuple(row) == MANIFEST_COLUMNS
        assert samples.shape == (RATE, 1)
        assert row["audio_sha256"] == hashlib.sha256(samples.tobytes()).hexdigest()
        assert row["sha256"] == hashlib.sha256((odd_files / row["file"]).read_bytes()).hexdigest()
        measured = pyloudnorm.Meter(RATE).integrated_loudness(samples.astype(np.float64))
        assert measured == pytest.approx(-23.0, abs=1e-5)
        assert float(row["loudness_after_lufs"]) == pytest.approx(measured, abs=1e-5)
        assert float(row["loudness_before_lufs"]) + float(row["gain_db"]) == pytest.approx(-23.0, abs=1e-5)
        assert float(row["peak"]) == pytest.approx(np.abs(samples).max(), rel=1e-6)
        assert float(row["duration_s"]) == 1.0
    np.testing.assert_allclose(result.after, -23.0, atol=1e-5)


def test_notes_tell_what_was_met(odd_files, prepare):
    notes = prepare(odd_files).notes
    for part in (
        "No label table",
        "10 of 21 clips are excluded, each with its reason in excluded.csv: "
        "1 corrupt, 2 empty, 2 not finite, 3 silent, 2 too short.",
        "1 of 21 clips: resampled from 192000 Hz to 44100 Hz.",
        "clips: kept although the source is clipped.",
    ):
        assert part in notes


def test_stop_names_every_unusable_file_and_leaves_nothing(odd_files, prepare, tmp_path):
    with pytest.raises(UserError, match=r"10 of 21 clips cannot be used(.|\n)*corrupt\.wav \(clip corrupt\): corrupt"):
        prepare(odd_files, unusable_clips="stop")
    assert not (tmp_path / "out" / "clean.h5").exists()
    assert not list((tmp_path / "out").glob("*.tmp"))
    assert not list((tmp_path / "out").glob(".clean*"))


def test_stop_is_content_with_good_files(tmp_path, prepare):
    (tmp_path / "good").mkdir()
    soundfile.write(tmp_path / "good" / "a.wav", tone(), RATE)
    assert prepare(tmp_path / "good", unusable_clips="stop").reasons == {}


def test_no_clip_left_is_an_error_that_says_why(tmp_path, prepare):
    (tmp_path / "bad").mkdir()
    soundfile.write(tmp_path / "bad" / "a.wav", np.zeros(RATE), RATE)
    with pytest.raises(UserError, match=r"None of the 1 clips can be used:\na\.wav \(clip a\): silent"):
        prepare(tmp_path / "bad")


def test_whole_and_pad_take_short_clips_down_to_the_meters_block(odd_files, prepare):
    whole = prepare(odd_files, length_rule="whole", length_s=None)
    assert whole.samples["short"].shape == (39690, 1)
    assert whole.samples["24bit.wav"].shape == (66150, 1)
    assert whole.reasons["blip"] == "too short: 0.2 s, but the loudness meter needs 0.4 s"
    padded = prepare(odd_files, length_rule="pad")
    assert padded.samples["blip"].shape == (RATE, 1)
    assert padded.manifest["blip"]["note"] == "padded with 0.8 s of silence"
    assert "of 21 clips: padded with silence at the end." in padded.notes


def test_stereo_excludes_what_has_more_channels(odd_files, prepare):
    result = prepare(odd_files, channels="stereo")
    assert result.channels == 2
    assert result.reasons["8channel"].startswith("channels: 8 channels, but channels 'stereo' takes 1 or 2")
    np.testing.assert_array_equal(result.samples["8bit"][:, 0], result.samples["8bit"][:, 1])
    np.testing.assert_array_equal(result.samples["opposite"][:, 0], -result.samples["opposite"][:, 1])


def test_without_a_target_the_level_stays_and_silence_is_still_excluded(odd_files, prepare):
    result = prepare(odd_files, target_lufs=None)
    row = result.manifest["24bit.wav"]
    assert float(row["gain_db"]) == 0.0
    assert row["loudness_before_lufs"] == row["loudness_after_lufs"]
    np.testing.assert_allclose(result.samples["24bit.wav"], tone()[:RATE], atol=2**-22)
    assert result.reasons["silent"].startswith("silent")


def test_a_length_below_the_meters_block_is_refused_at_once(odd_files, prepare):
    with pytest.raises(UserError, match=r"preparation.length_s is 0.3 s, but the loudness meter needs 0.4 s"):
        prepare(odd_files, length_s=0.3)


def test_a_class_that_loses_all_its_clips_is_noted(tmp_path, prepare):
    folder = tmp_path / "two"
    for label, amplitude in (("loud", 0.3), ("mute", 0.0)):
        (folder / label).mkdir(parents=True)
        soundfile.write(folder / label / "a.wav", tone(amplitude=amplitude), RATE)
    assert "Classes of which no clip is left: mute." in prepare(folder).notes


def test_the_same_bits_for_any_number_of_threads(odd_files, prepare, tmp_path):
    names = ("clean.h5", "manifest.csv", "excluded.csv", "notes.csv")
    for threads in (1, 2, 7):
        prepare(odd_files, threads=threads, into=f"out{threads}")
    for name in names:
        contents = {(tmp_path / f"out{threads}" / name).read_bytes() for threads in (1, 2, 7)}
        assert len(contents) == 1, name


def test_decoding_stays_a_bounded_number_of_clips_ahead(tmp_path, monkeypatch):
    lock, started, ahead = threading.Lock(), 0, []

    def slow_reader(work, clips, total, threads):
        for done, outcome in enumerate(real(work, clips, total, threads)):
            with lock:
                ahead.append(started - done)
            yield outcome

    def count(clip, folder, preparation):
        nonlocal started
        with lock:
            started += 1
        samples = np.full((RATE, 1), 0.1, dtype=np.float32)
        return clips_module.PreparedClip(clip, samples, -20.0, 0.0, -20.0, ())

    real = clips_module._in_order
    monkeypatch.setattr(clips_module, "_in_order", slow_reader)
    monkeypatch.setattr(clips_module, "prepare_clip", count)
    rows = [IndexedClip(f"c{k}", "a.wav", 0.0, None, "a", "a", "", "") for k in range(60)]
    write_index(tmp_path / "index.csv", rows)
    out = {name: tmp_path / name for name in ("clean", "manifest", "excluded", "notes")}
    settings = json.dumps({"preparation": PREPARATION})
    prepare_clips(tmp_path / "index.csv", tmp_path, settings=settings, code="", threads=3, **out)
    assert started == 60
    assert max(ahead) <= 3 * clips_module.READ_AHEAD_PER_THREAD + 1


def test_a_file_that_vanished_is_named(tmp_path):
    write_index(tmp_path / "index.csv", [IndexedClip("a", "gone.wav", 0.0, None, "a", "a", "", "")])
    out = {name: tmp_path / name for name in ("clean", "manifest", "excluded", "notes")}
    with pytest.raises(UserError, match=r"gone\.wav was listed when the workflow started"):
        prepare_clips(
            tmp_path / "index.csv",
            tmp_path,
            settings=json.dumps({"preparation": PREPARATION}),
            code="",
            threads=2,
            **out,
        )


@pytest.mark.parametrize(("name", "clips"), [("esc10", 69), ("fsdkaggle2018_instruments", 68)])
def test_real_recordings(real_recordings, prepare, name, clips):
    result = prepare(real_recordings / name, length_rule="pad", length_s=3.0)
    assert len(result.manifest) == clips
    assert result.reasons == {}
    np.testing.assert_allclose(result.after, -23.0, atol=1e-5)
    assert {samples.shape for samples in result.samples.values()} == {(132300, 1)}
