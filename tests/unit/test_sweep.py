"""Sweeps built from embedding files."""

import numpy as np
import pytest

from embedshift.errors import UserError
from embedshift.store import Embeddings, write_embeddings
from embedshift.sweep import build_sweep

CLIPS = ["c1", "c2", "c3", "c4"]


def write(path, values, silent=(), clips=CLIPS):
    silent = np.array([clip in silent for clip in clips])
    write_embeddings(path, Embeddings(list(clips), ["key"] * len(clips), values.astype(np.float32), silent))
    return path


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.csv"
    rows = ["c1,flute,g1", "c2,flute,g1", "c3,cello,g2", "c4,cello,"]
    path.write_text("\n".join(["clip_id,label,group", *rows]) + "\n", encoding="utf-8")
    return path


def test_strengths_keep_the_order_given_and_clips_that_of_the_manifest(tmp_path, manifest, rng):
    values = rng.standard_normal((3, 4, 5)).astype(np.float32)
    paths = [write(tmp_path / f"{name}.h5", x) for name, x in zip(("clean", "10", "2"), values, strict=True)]
    sweep = build_sweep(manifest, paths[0], paths[1:])
    assert np.array_equal(sweep.clean, values[0])
    assert np.array_equal(sweep.trajectories, values[1:].transpose(1, 0, 2))
    assert sweep.clip_id.tolist() == CLIPS
    assert sweep.group.tolist() == ["g1", "g1", "g2", "c4"]
    assert sweep.left_out == ()


def test_a_clip_silent_at_one_strength_is_left_out_at_all_and_counted(tmp_path, manifest, rng):
    values = rng.standard_normal((3, 4, 5)).astype(np.float32)
    clean, first = write(tmp_path / "clean.h5", values[0]), write(tmp_path / "1.h5", values[1], silent=("c2",))
    second = write(tmp_path / "2.h5", values[2], silent=("c2", "c3"))
    sweep = build_sweep(manifest, clean, [first, second])
    assert sweep.left_out == ("c2", "c3")
    assert sweep.clip_id.tolist() == ["c1", "c4"]
    assert np.array_equal(sweep.trajectories, values[1:].transpose(1, 0, 2)[[0, 3]])
    assert sweep.label.tolist() == ["flute", "cello"]


def test_mistakes_are_told(tmp_path, manifest, rng):
    clean = write(tmp_path / "clean.h5", rng.standard_normal((4, 5)))
    with pytest.raises(UserError, match="different models"):
        build_sweep(manifest, clean, [write(tmp_path / "a.h5", rng.standard_normal((4, 6)))])
    with pytest.raises(UserError, match="the manifest says c1"):
        build_sweep(manifest, clean, [write(tmp_path / "b.h5", rng.standard_normal((4, 5)), clips=CLIPS[::-1])])
    with pytest.raises(UserError, match="audible"):
        build_sweep(manifest, clean, [write(tmp_path / "c.h5", rng.standard_normal((4, 5)), silent=CLIPS)])
    manifest.write_text("clip_id,label\nc1,flute\n", encoding="utf-8")
    with pytest.raises(UserError, match="lacks the columns group"):
        build_sweep(manifest, clean, [])
