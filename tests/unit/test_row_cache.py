"""Row keys, the link to the last finished output, and parts."""

import hashlib
import os
import shutil
import tracemalloc

import numpy as np
import pytest

from embedshift import row_cache
from embedshift.canonical import canonical_json
from embedshift.row_cache import KeptRows, Row, describe_model, merge_rows, row_key
from embedshift.store import EmbeddingReader, Embeddings, read_embeddings

SETTINGS = {"adapter": "timbre", "options": {"hop_s": 0.05}, "precision": "float32", "dataset": "d", "model": "m"}
CODE = canonical_json(
    {"embedshift/models/timbre.py": "aa", "embedshift/batching.py": "bb", "embedshift/joblog.py": "c"}
)


@pytest.fixture
def kept(tmp_path):
    return KeptRows(tmp_path / "embeddings" / "demo" / "timbre" / "reverb" / "0.5.h5", "reverb/0.5")


def finish(kept, keys, rng, with_frames=False):
    rows = {key: Row(*some_row(rng, with_frames)) for key in keys}
    silent = np.zeros(len(keys), dtype=bool)
    described = Embeddings([f"c{key}" for key in keys], keys, np.zeros((0, 0)), silent)
    merge_rows(kept.output, described, kept.write_part(rows), with_frames)
    shutil.rmtree(kept.parts.parent)
    return rows


def embedding_at(place):
    with EmbeddingReader(place.path) as reader:
        return reader.read(place.row, place.row + 1)[0]


def some_row(rng, with_frames):
    frames = rng.normal(size=(int(rng.integers(1, 5)), 3)).astype(np.float32)
    return frames.mean(axis=0), frames if with_frames else None


def test_everything_that_decides_a_number_changes_the_key(rng):
    samples = rng.normal(size=(100, 1)).astype(np.float32)
    model = describe_model(SETTINGS, "w", CODE)
    nudged = samples.copy()
    nudged[50] = np.nextafter(nudged[50], 1)
    others = [
        (nudged, 44_100, model),
        (samples.reshape(50, 2), 44_100, model),
        (samples, 48_000, model),
        (samples, 44_100, describe_model(SETTINGS | {"adapter": "crepe"}, "w", CODE)),
        (samples, 44_100, describe_model(SETTINGS | {"options": {"hop_s": 0.1}}, "w", CODE)),
        (samples, 44_100, describe_model(SETTINGS | {"precision": "bfloat16"}, "w", CODE)),
        (samples, 44_100, describe_model(SETTINGS, "v", CODE)),
        (samples, 44_100, describe_model(SETTINGS, "w", CODE.replace('"aa"', '"ab"'))),
        (samples, 44_100, describe_model(SETTINGS, "w", CODE.replace('"bb"', '"ab"'))),
        (samples, 44_100, describe_model(SETTINGS, "w", "other code")),
    ]
    keys = {row_key(samples, 44_100, model), *(row_key(*other) for other in others)}
    assert len(keys) == 1 + len(others)


def test_what_decides_no_number_leaves_the_key(rng):
    model = describe_model(SETTINGS, "w", CODE)
    assert model == describe_model(SETTINGS | {"dataset": "e", "model": "n", "frames": True}, "w", CODE)
    assert model == describe_model(SETTINGS, "w", CODE.replace('"c"', '"d"'))


def test_the_key_holds_the_digest_of_the_float32_samples():
    samples = np.array([[0.0], [1.0]], dtype=np.float32)
    audio = hashlib.sha256(b"\0\0\0\0\0\0\x80\x3f").hexdigest()
    assert row_key(samples, 8000, "m") == hashlib.sha256(f"{audio} (2, 1) 8000 m".encode()).hexdigest()[:32]


def test_the_link_survives_the_output_and_costs_no_space(kept, rng):
    rows = finish(kept, ["a", "b"], rng)
    kept.renew()
    assert kept.link.samefile(kept.output)
    assert kept.link == kept.output.parents[1] / ".kept" / "reverb__0.5.h5"
    kept.output.unlink()
    finished = kept.read(with_frames=False).finished
    assert finished.keys() == rows.keys()
    np.testing.assert_array_equal(embedding_at(finished["b"]), rows["b"].embedding)


def test_renewing_again_takes_the_new_output_and_leaves_nothing_else(kept, rng):
    for keys in (["a"], ["b"]):
        kept.output.unlink(missing_ok=True)
        finish(kept, keys, rng)
        kept.renew()
        kept.renew()
    assert list(kept.read(with_frames=False).finished) == ["b"]
    assert os.listdir(kept.link.parent) == [kept.link.name]


def test_a_copy_is_kept_where_there_are_no_hard_links(kept, rng, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(row_cache.os, "link", refuse)
    finish(kept, ["a"], rng)
    kept.renew()
    assert not kept.link.samefile(kept.output)
    assert kept.link.read_bytes() == kept.output.read_bytes()


def test_parts_are_read_until_the_output_is_finished(kept, rng):
    parts = [{key: Row(*some_row(rng, True)) for key in keys} for keys in ("ab", "cd")]
    for part in parts:
        kept.write_part(part)
    unfinished = kept.read(with_frames=True).unfinished
    for key, row in (parts[0] | parts[1]).items():
        np.testing.assert_array_equal(embedding_at(unfinished[key]), row.embedding)
        with EmbeddingReader(unfinished[key].path) as reader:
            np.testing.assert_array_equal(reader.read_frames(unfinished[key].row), row.frames)
    finish(kept, list("abcd"), rng)
    kept.renew()
    assert kept.read(with_frames=False).unfinished == {}
    assert not kept.parts.exists()


def test_rows_without_frames_are_not_taken_where_frames_are_asked_for(kept, rng):
    finish(kept, ["a"], rng)
    kept.renew()
    kept.write_part({"b": Row(*some_row(rng, False))})
    contents = kept.read(with_frames=True)
    assert contents.finished == contents.unfinished == {}
    assert list(kept.read(with_frames=False).unfinished) == ["b"]


def test_nothing_kept_is_nothing_found(kept):
    contents = kept.read(with_frames=False)
    assert contents.finished == contents.unfinished == {}


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "other"])
def test_damaged_files_are_passed_over_with_a_line_in_the_log(kept, rng, caplog, damage):
    finish(kept, ["a", "b"], rng, with_frames=True)
    kept.renew()
    kept.write_part({"c": Row(*some_row(rng, True))})
    kept.write_part({"d": Row(*some_row(rng, True))})
    part = sorted(kept.parts.glob("*.h5"))[0]
    for path in (kept.link, part):
        content = path.read_bytes()
        path.unlink()
        damaged = {"cut": content[: len(content) // 2], "noise": rng.bytes(5000), "empty": b"", "other": b"%PDF"}
        path.write_bytes(damaged[damage])
    contents = kept.read(with_frames=True)
    assert contents.finished == {}
    assert len(contents.unfinished) == 1
    assert caplog.text.count("Passing over") == 2


def test_merging_follows_the_keys_and_offsets_the_frames(kept, rng):
    rows = {key: Row(*some_row(rng, True)) for key in "abc"}
    keys = ["c", "a", "c"]
    described = Embeddings(["x", "y", "z"], keys, np.zeros((0, 0)), np.array([True, False, False]))
    merge_rows(kept.output, described, kept.write_part(rows), True)
    found = read_embeddings(kept.output, ["x", "y", "z"])
    for index, key in enumerate(keys):
        frames = found.frames[found.frame_offset[index] : found.frame_offset[index + 1]]
        np.testing.assert_array_equal(frames, rows[key].frames)
        np.testing.assert_array_equal(found.embedding[index], rows[key].embedding)
    assert found.silent.tolist() == [True, False, False]


def test_merging_takes_rows_from_any_number_of_files_in_blocks(kept, rng, monkeypatch):
    monkeypatch.setattr(row_cache, "BLOCK_CLIPS", 7)
    monkeypatch.setattr(row_cache, "OPEN_FILES", 2)
    keys = [f"k{number:03d}" for number in range(60)]
    rows = {key: Row(*some_row(rng, True)) for key in keys}
    places = {}
    for first in range(6):
        places |= kept.write_part({key: rows[key] for key in keys[first::6]})
    order = list(rng.permutation(keys))
    described = Embeddings(order, order, np.zeros((0, 0)), np.zeros(60, dtype=bool))
    merge_rows(kept.output, described, places, True)
    found = read_embeddings(kept.output, order)
    np.testing.assert_array_equal(found.embedding, np.stack([rows[key].embedding for key in order]))
    np.testing.assert_array_equal(found.frames, np.concatenate([rows[key].frames for key in order]))
    assert found.frame_offset.tolist() == np.cumsum([0, *(len(rows[key].frames) for key in order)]).tolist()


def test_rows_of_another_number_of_shards_are_found(tmp_path, rng):
    folder = tmp_path / "embeddings" / "demo" / "timbre" / "reverb"
    before = [KeptRows(folder / f"0.5.shard_{number}_of_2.h5", "reverb/0.5") for number in (1, 2)]
    for kept, key in zip(before, "ab", strict=True):
        finish(kept, [key], rng)
        kept.renew()
    assert list(KeptRows(folder / "0.5.shard_3_of_3.h5", "reverb/0.5").read(with_frames=False).finished) == ["a", "b"]
    assert list(KeptRows(folder / "0.5.h5", "reverb/0.5").read(with_frames=False).finished) == ["a", "b"]
    assert KeptRows(folder / "0.25.h5", "reverb/0.25").read(with_frames=False).finished == {}
    assert list(before[1].read(with_frames=False).finished) == ["b"]
    before[1].link.unlink()
    assert before[1].read(with_frames=False).finished == {}


def test_merging_frames_takes_the_memory_of_a_block(kept, rng):
    frames = rng.standard_normal((40, 64)).astype(np.float32)
    places = {}
    for first in range(0, 1500, 100):
        rows = {f"k{first + number}": Row(frames.mean(axis=0), frames + number) for number in range(100)}
        places |= kept.write_part(rows)
    keys = list(places)
    described = Embeddings(keys, keys, np.zeros((0, 0)), np.zeros(len(keys), dtype=bool))
    tracemalloc.start()
    merge_rows(kept.output, described, places, True)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kept.output.stat().st_size > 15e6
    assert peak_bytes < 3 * row_cache.BLOCK_CLIPS * frames.nbytes + 2000 * len(keys)
