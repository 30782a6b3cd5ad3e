"""A published study's quirks of rendering, held against pedalboard itself and against levels measured elsewhere."""

import csv
import io

import numpy as np
import pedalboard
import pytest
import soundfile
from pedalboard.io import AudioFile
from scipy import signal

from embedshift.atomic import write_atomically
from embedshift.canonical import canonical_json
from embedshift.codehash import closure_of
from embedshift.effect_catalog import check_effect, condition_settings
from embedshift.effects import apply_chain
from embedshift.errors import UserError
from embedshift.published_rendering import LeakingBoard, as_int16_file
from embedshift.rendering import apply_effect
from embedshift.store import AudioReader, AudioWriter

RATE_HZ = 44100


def chain_of(processor, **parameters):
    return check_effect("e", {"chain": [{"processor": processor, **parameters}]}, RATE_HZ)["chain"]


def render(folder, clips, effect, strength, files=None, threads=2):
    """Render (n, channels) clips, of the given files, through an effect; return them in clip order."""
    ids = [f"clip-{index}" for index in range(len(clips))]
    with (
        write_atomically(folder / "clean.h5") as temporary,
        AudioWriter(temporary, sample_rate_hz=RATE_HZ, channels=clips[0].shape[1]) as writer,
    ):
        for name, clip in zip(ids, clips, strict=True):
            writer.append(name, clip, loudness_before_lufs=-20.0, loudness_after_lufs=-20.0)
    with open(folder / "manifest.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["clip_id", "file", "start_s"])
        rows.writerows([name, path, 0.0] for name, path in zip(ids, files or ids, strict=True))
    settings = canonical_json(condition_settings(check_effect("e", effect, RATE_HZ), strength, -23.0))
    apply_effect(str(folder / "clean.h5"), str(folder / "e/s.h5"), settings, "code", threads, folder / "manifest.csv")
    with AudioReader(folder / "e/s.h5") as reader:
        assert reader.clip_id == ids
        return reader.read_block(0, len(reader))


def reverb(room_size, *quirks):
    return {
        "chain": [{"processor": "Reverb", "room_size": "sweep"}],
        "strengths": [room_size],
        "renormalise": False,
        "compatibility": list(quirks),
    }


@pytest.mark.parametrize(
    ("room_size", "levels_db"), [(0.5, (-17, -68, -111)), (0.8, (-13.5, -39, -60)), (1.0, (-7, -15, -21.5))]
)
def test_the_tail_of_a_clip_sounds_in_the_next_at_the_known_levels(tmp_path, rng, room_size, levels_db):
    """A silent clip after 3 s of noise: level of its seconds relative to the noise, as seen with pedalboard 0.9.12.

    The one value below -100 dB is -108.3 dB with pedalboard 0.9.26 itself, called as published, for any of six noises.
    """
    noise = rng.normal(0, 0.1, (3 * RATE_HZ, 2)).astype(np.float32)
    _, after = render(tmp_path, [noise, np.zeros_like(noise)], reverb(room_size, "state_leak"), room_size)
    before_rms = np.sqrt(np.mean(np.square(noise)))
    seconds = np.sqrt(np.mean(np.square(after.reshape(3, RATE_HZ, 2).astype(np.float64)), axis=(1, 2)))
    found_db = 20 * np.log10(seconds / before_rms)
    assert found_db[:2] == pytest.approx(levels_db[:2], abs=1.0)
    assert found_db[2] == pytest.approx(levels_db[2], abs=1.0 if levels_db[2] > -100 else 3.0)
    alone = apply_chain(np.zeros_like(noise), RATE_HZ, chain_of("Reverb", room_size=room_size), 0)
    assert np.abs(alone).max() == 0


def reference(clips, make_board):
    """Return the clips as the published loop renders and writes them, in the order given, read back as float."""
    board, rendered = make_board(), []
    for clip in clips:
        stored = io.BytesIO()
        with AudioFile(stored, "w", RATE_HZ, clip.shape[1], format="wav") as file:
            for start in range(0, len(clip), RATE_HZ):
                file.write(board(np.ascontiguousarray(clip[start : start + RATE_HZ].T), RATE_HZ, reset=False))
        stored.seek(0)
        rendered.append(soundfile.read(stored, dtype="float32", always_2d=True)[0])
    return rendered


@pytest.mark.parametrize(
    ("processor", "parameter", "strength"),
    [("Reverb", "room_size", 0.91), ("Gain", "gain_db", 5.0), ("Gain", "gain_db", -40.0), ("Bitcrush", "bit_depth", 4),
     ("Bitcrush", "bit_depth", 15)],
)  # fmt: skip
def test_all_quirks_give_the_published_loops_samples(tmp_path, rng, processor, parameter, strength):
    clips = [rng.uniform(-1, 1, (length, 2)).astype(np.float32) for length in (132299, 50000, 88200)]
    effect = {
        "chain": [{"processor": processor, parameter: "sweep"}],
        "strengths": [strength],
        "renormalise": False,
        "compatibility": "deng2025",
    }
    found = render(tmp_path, clips, effect, strength)
    make = {"Reverb": pedalboard.Reverb, "Gain": pedalboard.Gain, "Bitcrush": pedalboard.Bitcrush}[processor]
    expected = reference(clips, lambda: pedalboard.Pedalboard([make(**{parameter: strength})]))
    for samples, same in zip(found, expected, strict=True):
        np.testing.assert_array_equal(samples, same)


def test_the_low_pass_has_each_file_as_a_whole(tmp_path, rng):
    clips = [rng.uniform(-1, 1, (70000, 2)).astype(np.float32) for _ in range(2)]
    effect = {
        "chain": [{"processor": "chebyshev2_lowpass", "frequency_hz": "sweep", "pass_ripple_db": 3,
                   "stop_attenuation_db": 80}],
        "strengths": [1600],
        "renormalise": False,
        "compatibility": "deng2025",
    }  # fmt: skip
    found = render(tmp_path, clips, effect, 1600)
    order, corner_hz = signal.cheb2ord(1600 / 1.1, 1600 * 1.1, 3, 80, fs=RATE_HZ)
    sections = signal.cheby2(order, 80, corner_hz, output="sos", fs=RATE_HZ)
    for clip, samples in zip(clips, found, strict=True):
        filtered = signal.sosfilt(sections, clip.T.astype(np.float32)).T
        assert np.abs(samples - filtered).max() <= 1.01 / 32768
        assert (samples * 32768 == np.rint(samples * 32768)).all()


def test_clips_leak_in_the_order_of_their_files_and_come_out_in_their_own(tmp_path, rng):
    clips = [rng.normal(0, 0.1, (length, 1)).astype(np.float32) for length in (60000, 45000, 52000)]
    files = ["b/x.wav", "c/x.wav", "a/x.wav"]
    found = render(tmp_path, clips, reverb(0.8, "state_leak"), 0.8, files)
    board = LeakingBoard(chain_of("Reverb", room_size=0.8), RATE_HZ, 0.8)
    for row in (2, 0, 1):
        np.testing.assert_array_equal(found[row], board.run(clips[row]))
    first_alone = apply_chain(clips[2], RATE_HZ, chain_of("Reverb", room_size=0.8), 0.8)
    np.testing.assert_allclose(found[2], first_alone, atol=1e-7)
    assert np.abs(found[0] - apply_chain(clips[0], RATE_HZ, chain_of("Reverb", room_size=0.8), 0.8)).max() > 1e-3


@pytest.mark.parametrize("length", [RATE_HZ, RATE_HZ + 1, RATE_HZ + 15, 2 * RATE_HZ + 16, 10])
def test_where_a_second_ends_changes_no_sample(rng, length):
    clip = rng.normal(0, 0.1, (length, 2)).astype(np.float32)
    found = LeakingBoard(chain_of("Reverb", room_size=0.8), RATE_HZ, 0.8).run(clip)
    np.testing.assert_allclose(found, apply_chain(clip, RATE_HZ, chain_of("Reverb", room_size=0.8), 0.8), atol=1e-6)


def test_sixteen_bits_are_those_of_pedalboards_writer(rng):
    samples = np.concatenate([
        rng.uniform(-1.2, 1.2, 100_000),
        np.arange(-32768, 32768) / 32768,
        (np.arange(-500, 500) + 0.5) / 32768,
        [1, -1, 2, -2, 32767.4 / 32768, 32767.6 / 32768],
    ]).astype(np.float32)  # fmt: skip
    stored = io.BytesIO()
    with AudioFile(stored, "w", RATE_HZ, 1, format="wav") as file:
        file.write(samples[None])
    stored.seek(0)
    np.testing.assert_array_equal(as_int16_file(samples), soundfile.read(stored, dtype="float32")[0])


def test_one_quirk_alone(tmp_path, rng):
    clips = [rng.normal(0, 0.1, (60000, 1)).astype(np.float32) for _ in range(2)]
    (found, second) = render(tmp_path, clips, reverb(0.8, "int16_files"), 0.8)
    for clip, samples in zip(clips, (found, second), strict=True):
        plain = apply_chain(clip, RATE_HZ, chain_of("Reverb", room_size=0.8), 0.8)
        np.testing.assert_array_equal(samples, as_int16_file(plain))


def test_a_plugin_with_latency_cannot_leak(tmp_path, rng):
    clips = [rng.normal(0, 0.1, (60000, 1)).astype(np.float32)]
    effect = {"chain": [{"processor": "PitchShift", "semitones": "sweep"}], "strengths": [4], "renormalise": False,
              "compatibility": ["state_leak"]}  # fmt: skip
    with pytest.raises(UserError, match="PitchShift delays the sound"):
        render(tmp_path, clips, effect, 4)


def test_a_tail_and_a_leak_exclude_each_other():
    with pytest.raises(UserError, match=r"effects\.e\.tail_s"):
        check_effect("e", {**reverb(0.8, "state_leak"), "tail_s": 1.0}, RATE_HZ)


def test_who_does_not_ask_does_not_import_it():
    assert "embedshift/published_rendering.py" not in closure_of("apply_effect.py")
    assert "embedshift/models/published_sound.py" not in closure_of("embed_clips.py")
