"""Trajectories in a scratch file read as those in an array, and give the same results."""

import json

import numpy as np
import pytest

from embedshift import displacement, sensitivity, sweep
from embedshift.displacement import measure_displacement
from embedshift.scratch_sweep import ScratchSweep, chosen_clips, stretches
from embedshift.shards import rows_of_shards
from embedshift.store import Embeddings, write_embeddings
from embedshift.tables import read_table


@pytest.fixture
def array(rng):
    return rng.standard_normal((300, 4, 5)).astype(np.float32)


@pytest.fixture
def on_disk(array):
    made = ScratchSweep(*array.shape)
    even, odd = np.arange(0, 300, 2), np.arange(1, 300, 2)
    for strength in range(4):
        for rows in (odd, even):
            made.write(strength, rows, array[rows, strength])
    return made


@pytest.mark.parametrize(
    "key",
    [
        slice(None),
        slice(20, 170),
        slice(290, 400),
        slice(0, 0),
        7,
        -1,
        np.array([5, 3, 299, 0, 3]),
        np.arange(300) % 7 == 0,
        (slice(None), 2),
        (slice(None), -1),
        (np.array([9, 200, 8]), 1),
        (slice(3, 60), slice(1, 3)),
        np.ix_([250, 4, 5], [3, 0]),
        np.array([], dtype=int),
    ],
)
def test_reads_are_those_of_an_array(array, on_disk, key):
    np.testing.assert_array_equal(on_disk[key], array[key])


def test_chosen_clips_are_read_from_the_same_file(array, on_disk):
    clips = np.array([250, 3, 4, 5, 100])
    chosen = chosen_clips(on_disk, clips)
    assert chosen.shape == (5, 4, 5)
    assert len(chosen) == 5
    np.testing.assert_array_equal(chosen[1:4, 2], array[clips][1:4, 2])
    np.testing.assert_array_equal(chosen[np.array([4, 0])], chosen_clips(array, clips)[[4, 0]])
    np.testing.assert_array_equal(on_disk[10:12], array[10:12])


def test_stretches_join_what_lies_near():
    rows = np.array([0, 1, 4, 40, 41, 90])
    assert [rows[a:b].tolist() for a, b in stretches(rows, gap=3)] == [[0, 1, 4], [40, 41], [90]]
    assert list(stretches(rows[:0], gap=3)) == []


def write_study(folder, rng, shards):
    """Write a manifest, and clean and effected embeddings of 240 clips in 60 groups and 3 classes."""
    names = [f"clip{number:03d}" for number in range(240)]
    rows = [f"{name},class{number % 3},group{number // 4}" for number, name in enumerate(names)]
    (folder / "manifest.csv").write_text("\n".join(["clip_id,label,group", *rows]) + "\n")
    clean, axis = rng.standard_normal((240, 12)), rng.standard_normal(12)
    files = []
    for step in range(5):
        embedding = (clean + step * axis + 0.3 * rng.standard_normal((240, 12))).astype(np.float32)
        for number, of_shard in enumerate(rows_of_shards(names, shards)):
            path = folder / f"{step}.shard_{number + 1}_of_{shards}.h5"
            clips = [names[row] for row in of_shard]
            silent = np.array([row == 7 and step == 2 for row in of_shard], dtype=bool)
            write_embeddings(path, Embeddings(clips, clips, embedding[of_shard], silent))
            files.append(path)
    return {"manifest": folder / "manifest.csv", "clean": files[:shards], "effected": files[shards:]}


SETTINGS = json.dumps(
    {
        "dataset": "d",
        "model": "m",
        "effect": "e",
        "strengths": list("1234"),
        "values": [1, 2, 3, 4],
        "seed": 3,
        "sensitivity": {"folds": 3, "permutations": 19, "bootstrap": 100, "confidence": 0.95},
        "maps": {"clips_per_class": 1},
    }
)


def measured(folder, given):
    folder.mkdir()
    out = {"analysis": folder / "a.h5", "rows": folder / "r.csv", "trajectories": folder / "t.csv"}
    sensitivity.measure_sensitivity(**given, **out, settings=SETTINGS, code="")
    return read_table(out["rows"]) + read_table(out["trajectories"])


def test_an_analysis_larger_than_the_memory_gives_the_same_numbers(tmp_path, rng, monkeypatch):
    folders = {shards: tmp_path / f"in_{shards}" for shards in (1, 3)}
    given = {}
    for shards, folder in folders.items():
        folder.mkdir()
        given[shards] = write_study(folder, np.random.default_rng(5), shards)
    expected = measured(tmp_path / "array", given[1])
    monkeypatch.setattr(sensitivity, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(sweep, "BLOCK_CLIPS", 17)
    monkeypatch.setattr(displacement, "BLOCK_CLIPS", 17)
    found = measured(tmp_path / "disk", given[3])
    assert len(found) == len(expected) > 100
    for ours, theirs in zip(found, expected, strict=True):
        for column, value in theirs.items():
            if isinstance(value, float):
                assert ours[column] == pytest.approx(value, rel=1e-10, abs=1e-10), theirs
            else:
                assert ours[column] == value


def test_displacements_in_blocks_are_those_of_all_at_once(rng, array, monkeypatch):
    clean = rng.standard_normal((300, 5)).astype(np.float32)
    group = rng.integers(0, 40, 300).astype(str)
    moved = array.astype(np.float64) - clean[:, None]
    expected = np.empty((300, 4))
    for clip in range(300):
        others = moved[group != group[clip]].sum(axis=0)
        lengths = np.linalg.norm(moved[clip], axis=1) * np.linalg.norm(others, axis=1)
        expected[clip] = np.einsum("pd,pd->p", moved[clip], others) / lengths
    monkeypatch.setattr(displacement, "BLOCK_CLIPS", 23)
    found = measure_displacement(clean, array, group)
    np.testing.assert_allclose(found.cosine_alignment, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.norm, np.linalg.norm(moved, axis=2), rtol=1e-12)
    centred = clean - clean.mean(axis=0, dtype=np.float64)
    assert found.clean_spread == pytest.approx(np.sqrt((centred**2).sum(axis=1).mean()), rel=1e-12)


def test_blocks_hold_whole_groups(rng):
    group_of = rng.integers(0, 30, 200)
    blocks = displacement.whole_groups(group_of, 20)
    assert sorted(np.concatenate(blocks)) == list(range(200))
    assert sum(len(np.unique(group_of[block])) for block in blocks) == len(np.unique(group_of))
    assert len(blocks) > 3
