"""Trajectory maps against scikit-learn's PCA, and the rows of a map."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from embedshift.sweep import Sweep
from embedshift.trajectories import fit_map, trajectory_rows


def made_sweep(rng, clips=12, strengths=4, dim=20):
    clean = rng.standard_normal((clips, dim)).astype(np.float32)
    moves = np.arange(1, strengths + 1)[:, None] * rng.standard_normal(dim) * 0.5
    trajectories = (clean[:, None] + moves + 0.1 * rng.standard_normal((clips, strengths, dim))).astype(np.float32)
    names = np.array([f"clip{i}" for i in range(clips)])
    return Sweep(names, np.array(["flute", "cello", "oboe"])[np.arange(clips) % 3], names, clean, trajectories)


@pytest.mark.parametrize(("clips", "dim"), [(12, 20), (3, 30)], ids=["tall", "wide"])
def test_the_map_is_the_pca_of_all_embeddings_clean_and_effected(rng, clips, dim):
    sweep = made_sweep(rng, clips=clips, dim=dim)
    pooled = np.concatenate([sweep.clean, sweep.trajectories.reshape(-1, dim)]).astype(float)
    expected = PCA(n_components=3, svd_solver="full").fit(pooled)
    found = fit_map(sweep.clean, sweep.trajectories)
    np.testing.assert_allclose(found.share, expected.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(np.abs(found.place(pooled)), np.abs(expected.transform(pooled)), atol=1e-8)
    towards = found.place(sweep.trajectories[:, -1].mean(axis=0)) - found.place(sweep.clean.mean(axis=0))
    assert (towards >= -1e-6).all()


def test_fewer_dimensions_than_axes_are_no_error(rng):
    sweep = made_sweep(rng, dim=2)
    found = fit_map(sweep.clean, sweep.trajectories)
    assert found.share.sum() == pytest.approx(1)
    assert found.axes.shape == (2, 2)


def test_rows_hold_chosen_clips_and_means_from_clean_to_the_last_strength(rng):
    sweep = made_sweep(rng)
    rows = list(trajectory_rows(sweep, ["a", "b", "c", "d"], clips_per_class=2, seed=1))
    first = [row for row in rows if row["measure"] == "pc1"]
    assert {row["variant"] for row in first} - {"mean"} <= set(sweep.clip_id)
    assert len({row["variant"] for row in first}) == 3 * 2 + 1
    assert [row["strength"] for row in first[:5]] == ["clean", "a", "b", "c", "d"]
    mean = {row["strength"]: row["value"] for row in first if row["variant"] == "mean" and row["label"] == "all"}
    fitted = fit_map(sweep.clean, sweep.trajectories)
    assert mean["c"] == pytest.approx(fitted.place(sweep.trajectories[:, 2]).mean(axis=0)[0], abs=1e-6)
    assert {row["label"] for row in first if row["variant"] == "mean"} == {"all", "flute", "cello", "oboe"}
