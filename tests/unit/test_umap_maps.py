"""Maps by UMAP: which points are fitted, which clips are drawn, and that no setting is lost."""

import numpy as np
import pytest

from embedshift.clip_choice import choose_clips
from embedshift.sweep import Sweep
from embedshift.umap_maps import umap_reducer, umap_rows

CHOSEN = {"seed": 5, "clips_per_class": 2, "umap_points": 90}


def made_sweep(rng, clips=40):
    clean = rng.standard_normal((clips, 6)).astype(np.float32)
    moves = np.arange(1, 6, dtype=np.float32)[:, None] * np.ones(6, dtype=np.float32)
    names = np.array([f"clip{number}" for number in range(clips)])
    labels = np.array([f"class{number % 3}" for number in range(clips)])
    return Sweep(names, labels, names, clean, clean[:, None] + moves)


def test_points_of_clean_and_all_strengths_are_fitted_and_the_drawn_clips_among_them(rng):
    sweep, seen = made_sweep(rng), []

    def first_two(points):
        seen.append(points)
        return points[:, :2]

    rows = list(umap_rows(sweep, list("12345"), CHOSEN, first_two))
    assert seen[0].shape == (90, 6)  # 15 clips, clean and at 5 strengths
    drawn = sorted(choose_clips(sweep.clip_id, sweep.label, 5, per_class=2))
    assert {row["variant"] for row in rows} == {sweep.clip_id[clip] for clip in drawn}
    assert {row["n"] for row in rows} == {90}
    wanted = {"variant": sweep.clip_id[drawn[1]], "strength": "3", "measure": "umap2"}
    (row,) = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    assert row["value"] == pytest.approx(sweep.trajectories[drawn[1], 2, 1])
    assert [row["strength"] for row in rows[:4:2]] == ["clean", "1"]


def test_the_map_is_repeatable_and_says_so_to_umap(rng, monkeypatch):
    class Recorder:
        def __init__(self, **settings):
            self.settings = settings

        def fit_transform(self, points):
            return self.settings

    monkeypatch.setitem(__import__("sys").modules, "umap", type("umap", (), {"UMAP": Recorder}))
    settings = umap_reducer(15, 77)(np.zeros((100, 3)))
    assert settings == {"n_neighbors": 15, "random_state": 77, "n_jobs": 1, "init": "spectral"}
    assert umap_reducer(15, 77)(np.zeros((6, 3)))["n_neighbors"] == 5
