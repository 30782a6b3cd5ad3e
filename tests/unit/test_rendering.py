"""A whole condition: order, blocks, threads, loudness, silence, faults."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyloudnorm
import pytest

from embedshift import rendering
from embedshift.atomic import write_atomically
from embedshift.canonical import canonical_json
from embedshift.effect_catalog import check_effect, condition_settings
from embedshift.effects import apply_chain
from embedshift.errors import UserError
from embedshift.rendering import apply_effect, blocks, buffer_for, render_block, spans
from embedshift.store import AudioReader, AudioWriter

RATE_HZ = 22050


def write_clean(path, clips, rate_hz=RATE_HZ):
    with (
        write_atomically(path) as temporary,
        AudioWriter(temporary, sample_rate_hz=rate_hz, channels=clips[0].shape[1]) as writer,
    ):
        for index, clip in enumerate(clips):
            writer.append(f"clip-{index}", clip, loudness_before_lufs=-20.0, loudness_after_lufs=-23.0)


def read_all(path):
    with AudioReader(path) as reader:
        return reader.clip_id, reader.read_block(0, len(reader)), reader


def settings_of(effect, strength, target_lufs=-23.0):
    return canonical_json(condition_settings(check_effect("tested", effect, RATE_HZ), strength, target_lufs))


def swept(processor, parameter, strength, **others):
    return {"chain": [{"processor": processor, parameter: "sweep"}], "strengths": [strength], **others}


@pytest.fixture
def clips(rng):
    """Return thirteen clips of differing lengths and levels, (n, 1) float32."""
    lengths = rng.integers(RATE_HZ // 2, RATE_HZ, 13)
    return [rng.normal(0, 0.02 * (index + 1), (n, 1)).astype(np.float32) for index, n in enumerate(lengths)]


def render(tmp_path, clips, effect, strength, *, target_lufs=-23.0, threads=2, name="out"):
    clean, output = tmp_path / "clean.h5", tmp_path / name / "s.h5"
    write_clean(clean, clips)
    apply_effect(str(clean), str(output), settings_of(effect, strength, target_lufs), "code", threads)
    return output


def test_clips_come_out_in_order_and_as_one_by_one(tmp_path, clips):
    effect = swept("Reverb", "room_size", 0.7, renormalise=False)
    clip_id, found, reader = read_all(render(tmp_path, clips, effect, 0.7))
    chain = check_effect("tested", effect)["chain"]
    assert clip_id == [f"clip-{index}" for index in range(len(clips))]
    for samples, clip in zip(found, clips, strict=True):
        np.testing.assert_array_equal(samples, apply_chain(clip, RATE_HZ, chain, 0.7))
    assert reader.sample_rate_hz == RATE_HZ
    assert not reader.silent.any()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("limit", [1, 40_000])
def test_threads_and_blocks_change_nothing(tmp_path, clips, monkeypatch, threads, limit):
    effect = swept("Chorus", "rate_hz", 2)
    expected = render(tmp_path, clips, effect, 2, name="expected")
    monkeypatch.setattr(rendering, "BLOCK_SAMPLES", limit)
    found = render(tmp_path, clips, effect, 2, threads=threads, name="found")
    for samples, same in zip(read_all(found)[1], read_all(expected)[1], strict=True):
        np.testing.assert_array_equal(samples, same)


def test_loudness_is_matched_after_the_effect(tmp_path, clips):
    _, found, reader = read_all(render(tmp_path, clips, swept("Distortion", "drive_db", 25), 25, target_lufs=-28.0))
    meter = pyloudnorm.Meter(RATE_HZ)
    for samples, before, after in zip(found, reader.loudness_before_lufs, reader.loudness_after_lufs, strict=True):
        assert meter.integrated_loudness(samples.astype(np.float64)) == pytest.approx(-28.0, abs=1e-3)
        assert after == pytest.approx(-28.0, abs=1e-3)
        assert before > -20


def test_loudness_is_kept_where_not_asked_for(tmp_path, clips):
    effect = swept("Gain", "gain_db", -12)
    _, found, reader = read_all(render(tmp_path, clips, effect, -12))
    np.testing.assert_array_equal(reader.loudness_before_lufs, reader.loudness_after_lufs)
    meter = pyloudnorm.Meter(RATE_HZ)
    for clip, samples, after in zip(clips, found, reader.loudness_after_lufs, strict=True):
        np.testing.assert_allclose(samples, clip * 10 ** (-12 / 20), rtol=1e-6)
        assert after == pytest.approx(meter.integrated_loudness(clip.astype(np.float64)) - 12, abs=1e-3)


def test_quiet_is_not_silent_unless_loudness_must_be_matched(tmp_path, clips):
    """At -90 dB a clip lies below the meter's gate, but its samples are there."""
    gain = swept("Gain", "gain_db", -90)
    _, found, reader = read_all(render(tmp_path, clips, gain, -90))
    assert not reader.silent.any()
    assert all(np.isneginf(reader.loudness_after_lufs))
    chain = [{"processor": "Gain", "gain_db": "sweep"}, {"processor": "time_reverse"}]
    _, kept, matched = read_all(render(tmp_path, clips, {"chain": chain, "strengths": [-90]}, -90))
    assert matched.silent.all()
    for samples, quiet in zip(kept, found, strict=True):
        np.testing.assert_array_equal(samples, quiet[::-1])  # kept, without gain


@pytest.mark.parametrize("renormalise", [True, False])
def test_a_clip_that_falls_silent_is_kept_and_flagged(tmp_path, clips, renormalise):
    clips[4] = (clips[4] * 1e-3).astype(np.float32)  # all of it rounds to zero at four bits
    effect = swept("Bitcrush", "bit_depth", 4, renormalise=renormalise)
    _, found, reader = read_all(render(tmp_path, clips, effect, 4))
    assert list(np.flatnonzero(reader.silent)) == [4]
    assert not found[4].any()
    assert found[4].shape == clips[4].shape


def test_stereo_and_tail(tmp_path, rng):
    clips = [rng.normal(0, 0.1, (RATE_HZ, 2)).astype(np.float32) for _ in range(3)]
    effect = swept("Delay", "delay_seconds", 0.5, tail_s=0.75, renormalise=False)
    _, found, reader = read_all(render(tmp_path, clips, effect, 0.5))
    assert reader.channels == 2
    for samples, clip in zip(found, clips, strict=True):
        assert samples.shape == (round(1.75 * RATE_HZ), 2)
        echo = samples[RATE_HZ : RATE_HZ * 3 // 2]
        np.testing.assert_allclose(echo, 0.5 * clip[RATE_HZ // 2 :], atol=1e-6)


def test_values_that_are_not_finite_name_clip_effect_and_strength(tmp_path, clips):
    clips[7][100] = np.float32(3e38)
    effect = swept("Gain", "gain_db", 6)
    with pytest.raises(UserError, match="clip-7.*effect loud at strength 6"):
        render(tmp_path, clips, effect, 6, name="loud")
    assert list((tmp_path / "loud").iterdir()) == []  # nothing half-written


def test_short_clips_cannot_be_matched_but_can_be_rendered(tmp_path, rng):
    clips = [rng.normal(0, 0.1, (RATE_HZ // 4, 1)).astype(np.float32)]
    effect = swept("Reverb", "room_size", 0.5)
    with pytest.raises(UserError, match=r"clip-0 lasts 0\.250 s.*effect out"):
        render(tmp_path, clips, effect, 0.5)
    _, _, reader = read_all(render(tmp_path, clips, {**effect, "renormalise": False}, 0.5))
    assert np.isnan(reader.loudness_after_lufs).all()


def test_matching_without_a_target_is_told(tmp_path, clips):
    with pytest.raises(UserError, match=r"effects\.out\.renormalise.*target_lufs"):
        render(tmp_path, clips, swept("Reverb", "room_size", 0.5), 0.5, target_lufs=None)


def test_output_says_what_made_it(tmp_path, clips):
    effect = swept("Reverb", "room_size", 0.5)
    attributes = read_all(render(tmp_path, clips, effect, 0.5))[2].attributes
    assert attributes["settings"] == settings_of(effect, 0.5)
    assert json.loads(attributes["settings"])["effect"]["chain"][0]["damping"] == 0.5
    assert attributes["code"] == "code"
    assert "pedalboard_version" in attributes


def test_progress_is_logged(tmp_path, clips, caplog):
    with caplog.at_level(logging.INFO, logger="embedshift"):
        render(tmp_path, clips, swept("Gain", "gain_db", 1), 1)
    assert "13 of 13 clips rendered" in caplog.text


def test_memory_is_bounded_by_blocks():
    offset = np.arange(0, 1001 * 100, 100)
    found = list(blocks(offset, tail=0, limit=750))
    assert found[0] == (0, 7)
    assert [stop for _, stop in found] == [start for start, _ in found[1:]] + [1000]
    assert max(offset[stop] - offset[start] for start, stop in found) <= 750
    assert next(blocks(offset, tail=50, limit=750)) == (0, 5)


def test_a_clip_longer_than_a_block_is_a_block():
    assert list(blocks(np.array([0, 10, 5000, 5010]), tail=0, limit=100)) == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(("count", "parts"), [(0, 4), (1, 4), (10, 4), (16, 4), (7, 1)])
def test_spans_cover_everything_once(count, parts):
    found = list(spans(count, parts))
    assert [index for span in found for index in span] == list(range(count))
    assert len(found) == min(count, parts)


def test_rendered_clips_lie_in_the_buffer_given(clips):
    offset = np.concatenate([[0], np.cumsum([len(clip) for clip in clips])])
    buffer = buffer_for(offset, [(0, len(clips))], 7, 1)
    assert len(buffer) == offset[-1] + 7 * len(clips)
    with ThreadPoolExecutor(2) as pool:
        results, extremes = render_block(clips, [], 7, buffer, pool, 2)
    assert all(np.shares_memory(result, buffer) for result in results)
    np.testing.assert_array_equal(np.concatenate(results), buffer)
    np.testing.assert_array_equal(extremes[:, 1], [clip.max() for clip in clips])
