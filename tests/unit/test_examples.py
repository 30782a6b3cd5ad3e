import base64
import io
import json

import numpy as np
import pedalboard
import pyloudnorm
import pytest
import soundfile

from embedshift.atomic import write_atomically
from embedshift.errors import UserError
from embedshift.examples import LONGEST_S, choose_strengths, encode_mp3, render_examples
from embedshift.published_examples import render_example_as_published
from embedshift.store import AudioReader, AudioWriter

RATE_HZ = 22050
LABELS = ("cello", "cello", "flute", "flute", "organ")


def tone(seconds=1.0, rate_hz=RATE_HZ, level=0.1, hertz=440.0):
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * hertz * time_s))[:, np.newaxis].astype(np.float32)


def heard(record) -> tuple[np.ndarray, int]:
    return soundfile.read(io.BytesIO(base64.b64decode(record["audio_base64"])), always_2d=True)


@pytest.fixture
def clean(tmp_path):
    path = tmp_path / "clean.h5"
    with write_atomically(path) as temporary, AudioWriter(temporary, sample_rate_hz=RATE_HZ, channels=1) as writer:
        for number in range(len(LABELS)):
            silent = number == 4
            sound = tone(hertz=220 * (number + 1)) * (0 if silent else 1)
            writer.append(f"clip{number}", sound, loudness_before_lufs=-20, loudness_after_lufs=-23, silent=silent)
    rows = [f"clip{number},{label}" for number, label in enumerate(LABELS)]
    (tmp_path / "manifest.csv").write_text("\n".join(["clip_id,label", *rows]) + "\n")
    return path


def rendered(clean, **changed) -> list[dict]:
    settings = {
        "dataset": "demo", "effect": "gain", "chain": [{"processor": "Gain", "gain_db": "sweep"}], "renormalise": False,
        "tail_s": 0, "strengths": [0.0, -6.0, -12.0, -18.0, -24.0], "strength_texts": ["0", "-6", "-12", "-18", "-24"],
        "target_lufs": -23, "number": 3, "clips": 1, "seed": 5,
    }  # fmt: skip
    target = clean.parent / "examples.json"
    paths = {"clean": str(clean), "manifest": str(clean.parent / "manifest.csv"), "examples": str(target)}
    render_examples(**paths, settings=json.dumps(settings | changed))
    return json.loads(target.read_text())


def test_weakest_middle_and_strongest_can_be_heard_beside_the_clean_clip(clean):
    records = rendered(clean)
    assert [record["strength"] for record in records] == ["clean", "0", "-12", "-24"]
    sizes = [np.sqrt(np.mean(heard(record)[0] ** 2)) for record in records]
    np.testing.assert_allclose(20 * np.log10(np.array(sizes[1:]) / sizes[0]), [0, -12, -24], atol=0.5)
    assert {record["clip_id"] for record in records} == {records[0]["clip_id"]}


def test_the_loudness_told_is_that_of_an_independent_meter(clean):
    for record in rendered(clean):
        sound, rate_hz = heard(record)
        assert record["loudness_lufs"] == pytest.approx(pyloudnorm.Meter(rate_hz).integrated_loudness(sound), abs=0.3)


def test_examples_are_matched_in_loudness_where_the_effect_says_so(clean):
    records = rendered(clean, renormalise=True)
    assert [record["loudness_lufs"] for record in records[1:]] == [-23.0] * 3
    assert rendered(clean, renormalise=True, target_lufs=None)[3]["loudness_lufs"] < -40


def test_the_same_seed_gives_the_same_bytes(clean):
    assert rendered(clean) == rendered(clean)


def test_clips_are_of_different_classes_and_never_silent(clean):
    found = set()
    for seed in range(8):
        records = rendered(clean, clips=2, number=1, seed=seed)
        assert {record["label"] for record in records} == {"cello", "flute"}
        found.add(tuple(record["clip_id"] for record in records))
    assert len(found) > 1
    assert {record["clip_id"] for record in rendered(clean, clips=9, number=1)} == {f"clip{i}" for i in range(4)}
    assert rendered(clean, clips=0) == []


@pytest.fixture
def ordered(clean):
    """Return the audio with a manifest whose files are in another order than the clips: 2 comes right before 0."""
    files = {2: "a/1.wav", 0: "a/2.wav", 1: "b/1.wav", 3: "b/2.wav", 4: "c.wav"}
    rows = [f"clip{number},{label},{files[number]},0" for number, label in enumerate(LABELS)]
    (clean.parent / "manifest.csv").write_text("\n".join(["clip_id,label,file,start_s", *rows]) + "\n")
    return clean


def reverb_without_reset(*clips, room_size):
    """Return the last clip after pedalboard's own plugin, fed second by second, that is never reset."""
    plugin = pedalboard.Reverb(room_size=room_size)
    for clip in clips:
        parts = [plugin.process(clip[at : at + RATE_HZ].T, RATE_HZ, reset=False) for at in range(0, len(clip), RATE_HZ)]
    return np.concatenate(parts, axis=1).T


def test_a_leaking_effect_is_heard_after_the_clip_that_comes_before_it(ordered):
    chain = [{"processor": "Reverb", "room_size": "sweep"}]
    settings = {
        "chain": chain,
        "strengths": [1.0],
        "strength_texts": ["1"],
        "compatibility": ["state_leak"],
        "clips": 9,
    }
    records = [record for record in rendered(ordered, **settings) if record["strength"] != "clean"]
    assert {record["clip_id"]: record["after"] for record in records} == {
        "clip0": "clip2", "clip1": "clip0", "clip2": "", "clip3": "clip1",
    }  # fmt: skip
    sounds = {number: tone(hertz=220 * (number + 1)) for number in range(4)}
    with AudioReader(ordered) as reader:
        wanted = {"chain": chain, "compatibility": ["state_leak"], "tail_s": 0}
        after = render_example_as_published(reader, 0, 2, 1.0, wanted)
        alone = render_example_as_published(reader, 0, None, 1.0, wanted)
    np.testing.assert_allclose(after, reverb_without_reset(sounds[2], sounds[0], room_size=1.0), atol=1e-6)
    np.testing.assert_allclose(alone, reverb_without_reset(sounds[0], room_size=1.0), atol=1e-6)
    assert np.abs(after - alone).max() > 0.01


def test_an_example_through_a_16_bit_file_is_clipped_as_by_pedalboards_own(ordered, tmp_path):
    with AudioReader(ordered) as reader:
        wanted = {"chain": [{"processor": "Gain", "gain_db": "sweep"}], "compatibility": ["int16_files"], "tail_s": 0}
        found = render_example_as_published(reader, 1, None, 24.0, wanted)
    with pedalboard.io.AudioFile(str(tmp_path / "loud.wav"), "w", RATE_HZ, 1) as file:
        file.write(pedalboard.Gain(gain_db=24.0)(tone(hertz=440), RATE_HZ))
    np.testing.assert_array_equal(found, soundfile.read(tmp_path / "loud.wav", dtype="float32", always_2d=True)[0])
    assert np.abs(found).max() == 1.0
    assert all("after" not in record for record in rendered(ordered))


@pytest.mark.parametrize(
    ("count", "number", "wanted"),
    [(5, 3, [0, 2, 4]), (31, 4, [0, 10, 20, 30]), (2, 4, [0, 1]), (1, 3, [0]), (7, 1, [6])],
)
def test_strengths_are_spread_from_weakest_to_strongest(count, number, wanted):
    assert choose_strengths(count, number) == wanted


@pytest.mark.parametrize("rate_hz", [8000, 44100, 50000, 96000, 192000])
def test_any_sample_rate_becomes_an_mp3_of_the_same_length_and_pitch(rate_hz):
    sound, decoded_hz = soundfile.read(io.BytesIO(encode_mp3(tone(1.0, rate_hz), rate_hz)), always_2d=True)
    assert len(sound) / decoded_hz == pytest.approx(1.0, abs=0.06)
    spectrum = np.abs(np.fft.rfft(sound[:, 0] * np.hanning(len(sound))))
    assert np.argmax(spectrum) * decoded_hz / len(sound) == pytest.approx(440, abs=2)


def test_loud_sounds_are_turned_down_instead_of_clipped():
    sound, _ = soundfile.read(io.BytesIO(encode_mp3(tone(level=4.0), RATE_HZ)))
    spectrum = np.abs(np.fft.rfft(sound[2000:-2000] * np.hanning(len(sound) - 4000)))
    third = round(3 * 440 * (len(sound) - 4000) / RATE_HZ)
    assert spectrum[third - 20 : third + 20].max() < 0.01 * spectrum.max()


def test_long_and_many_channelled_sounds_are_cut():
    sound, decoded_hz = soundfile.read(io.BytesIO(encode_mp3(np.repeat(tone(30.0), 8, axis=1), RATE_HZ)))
    assert sound.shape[1] == 2
    assert len(sound) / decoded_hz == pytest.approx(LONGEST_S, abs=0.1)


def test_very_short_and_silent_clips_can_be_heard_too(clean):
    assert len(encode_mp3(tone(0.05), RATE_HZ)) > 100
    assert len(encode_mp3(tone() * 0, RATE_HZ)) > 100


def test_an_effect_that_explodes_names_the_clip(clean, monkeypatch):
    monkeypatch.setattr("embedshift.examples.apply_chain", lambda samples, *_: samples * np.float32(np.nan))
    with pytest.raises(UserError, match="clip"):
        rendered(clean)
