"""Erasers on planted effects, on noise, out of order, and through a file."""

import numpy as np
import pytest
import scipy.linalg
import torch
from concept_erasure import LeaceFitter
from planted_sweeps import noise_sweep, planted_sweep
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import r2_score, roc_auc_score

from embedshift.directions import global_direction, strength_targets
from embedshift.erasers.catalog import ERASERS, check_erasers
from embedshift.erasers.fit import FITS, fit_eraser, fit_erasers
from embedshift.erasers.linear_map import orthogonal_map
from embedshift.erasers.storage import read_erasers, write_erasers
from embedshift.erasers.training_clips import TrainingClips
from embedshift.errors import UserError

QUICK = {"learned": {"components": 8, "hidden": 16, "steps": 30}}
"""So that tests that only need some learned eraser take no time."""
LINEAR = [name for name, entry in ERASERS.items() if entry.kind == "linear"]
THAT_FIND_A_PLANTED_DIRECTION = [
    name for name in LINEAR if name not in ("normalised_displacement_pca", "random_subspace")
]


def training_clips(data, chosen=None, **others):
    fields = [data[name] for name in ("sweep", "clean", "labels", "strengths", "groups")]
    return TrainingClips(*fields, clips=chosen, **others)


def fit_quickly(method, clips, seed=0):
    return fit_eraser(method, clips, QUICK.get(method), seed)


def halves(data):
    """Return the clips of one half of the groups, and of the other."""
    number = np.array([int(name.removeprefix("recording")) for name in data["groups"]])
    return np.flatnonzero(number % 2 == 0), np.flatnonzero(number % 2 == 1)


def decode_strength(sweep, train, test):
    targets = np.arange(sweep.shape[1])
    fitted = LinearRegression().fit(np.concatenate(sweep[train]), np.tile(targets, len(train)))
    return r2_score(np.tile(targets, len(test)), fitted.predict(np.concatenate(sweep[test])))


def class_auc(clean, labels, train, test):
    fitted = LogisticRegression().fit(clean[train], labels[train])
    return roc_auc_score(labels[test] == "1", fitted.decision_function(clean[test]))


def test_the_catalogue_and_the_methods_are_the_same():
    assert list(ERASERS) == list(FITS)


@pytest.mark.parametrize("method", THAT_FIND_A_PLANTED_DIRECTION)
def test_a_planted_direction_goes_and_an_orthogonal_class_stays(rng, method):
    data = planted_sweep(rng, clips=2000, dim=24, noise=0.02, displacement_spread=0.2)
    train, test = halves(data)
    eraser = fit_eraser(method, training_clips(data, train))
    sweep = eraser.apply(data["sweep"].reshape(-1, 24)).reshape(data["sweep"].shape)
    clean = eraser.apply(data["clean"])
    assert decode_strength(data["sweep"], train, test) > 0.25
    assert decode_strength(sweep, train, test) < 0.03
    assert np.linalg.norm(eraser.basis @ data["planted"]) > 0.95
    before, after = (class_auc(rows, data["labels"], train, test) for rows in (data["clean"], clean))
    assert before > 0.9
    assert after > before - 0.01


@pytest.mark.parametrize("method", LINEAR)
def test_linear_erasers_are_projections(rng, method):
    data = planted_sweep(rng, clips=60, noise=0.3, displacement_spread=0.3)
    eraser = fit_eraser(method, training_clips(data))
    once = eraser.apply(data["clean"])
    np.testing.assert_allclose(eraser.apply(once), once, rtol=0, atol=1e-10)
    assert eraser.basis.shape == (eraser.n_dimensions, 40)
    np.testing.assert_allclose(eraser.basis @ eraser.basis.T, np.eye(eraser.n_dimensions), atol=1e-10)
    np.testing.assert_allclose(np.ptp(once @ eraser.basis.T, axis=0), 0, atol=1e-10)
    assert np.linalg.matrix_rank(once - once.mean(axis=0)) == 40 - eraser.n_dimensions


@pytest.mark.parametrize("method", LINEAR)
def test_on_pure_noise_the_energy_removed_is_the_share_of_dimensions(rng, method):
    data = noise_sweep(rng, clips=3000, strengths=4, dim=20)
    options = {"components": 3} if "components" in ERASERS[method].options else {}
    eraser = fit_eraser(method, training_clips(data, np.arange(1000)), options)
    removed = 1 - np.var(eraser.apply(data["clean"][1000:]), axis=0).sum() / np.var(data["clean"][1000:], axis=0).sum()
    assert removed == pytest.approx(eraser.n_dimensions / 20, abs=0.01)
    assert eraser.energy_removed.clean == pytest.approx(eraser.n_dimensions / 20, abs=0.03)
    assert eraser.energy_removed.displacement == pytest.approx(eraser.n_dimensions / 20, abs=0.03)


def test_inlp_removes_nothing_from_noise(rng):
    eraser = fit_eraser("inlp", training_clips(noise_sweep(rng, 500, 6, 20)))
    assert eraser.n_dimensions == 0
    assert eraser.details["first_r2"] < 0.01


@pytest.mark.parametrize("method", list(ERASERS))
def test_the_order_of_clips_does_not_matter(rng, method):
    data = planted_sweep(rng, clips=60, noise=0.3, displacement_spread=0.3)
    given, shuffled = np.arange(60), rng.permutation(60)
    erased = [fit_quickly(method, training_clips(data, clips)).apply(data["clean"]) for clips in (given, shuffled)]
    np.testing.assert_array_equal(erased[0], erased[1])


@pytest.mark.parametrize("method", list(ERASERS))
def test_choosing_clips_is_the_same_as_handing_over_only_these(rng, method):
    data = planted_sweep(rng, clips=60, noise=0.3)
    chosen = np.arange(5, 45)
    alone = {name: data[name] if name == "strengths" else data[name][chosen]
             for name in ("sweep", "clean", "labels", "strengths", "groups")}  # fmt: skip
    one, other = fit_quickly(method, training_clips(data, chosen)), fit_quickly(method, training_clips(alone))
    np.testing.assert_allclose(one.apply(data["clean"]), other.apply(data["clean"]), rtol=0, atol=1e-9)
    assert one.fitted_on == other.fitted_on


def test_all_erasers_come_back_from_a_file_bit_for_bit(rng, tmp_path):
    data = planted_sweep(rng, clips=60, noise=0.3, displacement_spread=0.3)
    clips = training_clips(data, dataset="piano", model="musicnn", effect="gain", label="all")
    erasers = {method: fit_quickly(method, clips, seed=7) for method in ERASERS}
    write_erasers(tmp_path / "erasers.h5", erasers, {"settings": "{}"})
    back = read_erasers(tmp_path / "erasers.h5")
    assert list(back) == list(erasers)
    for method, eraser in erasers.items():
        np.testing.assert_array_equal(back[method].apply(data["clean"]), eraser.apply(data["clean"]))
        for field in ("name", "method", "options", "seed", "energy_removed", "fitted_on", "details"):
            assert getattr(back[method], field) == getattr(eraser, field)
        for name, array in eraser.map.arrays().items():
            found = back[method].map.arrays()[name]
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(found, array)


def test_a_file_without_erasers_is_a_users_mistake(tmp_path):
    from embedshift.store import write_arrays

    write_arrays(tmp_path / "other.h5", {"clip_id": np.array(["a"])}, {})
    with pytest.raises(UserError, match="holds no erasers"):
        read_erasers(tmp_path / "other.h5")


def test_an_eraser_is_frozen_and_knows_what_it_was_fitted_on(rng):
    data = planted_sweep(rng, clips=60)
    eraser = fit_eraser("lda", training_clips(data, np.arange(20), dataset="piano", effect="gain"))
    assert (eraser.fitted_on.dataset, eraser.fitted_on.effect) == ("piano", "gain")
    assert (eraser.fitted_on.clips, eraser.fitted_on.groups, eraser.fitted_on.strengths) == (20, 10, 8)
    with pytest.raises(AttributeError):
        eraser.name = "other"
    with pytest.raises(ValueError, match="read-only"):
        eraser.basis[0] = 0
    other = fit_eraser("lda", training_clips(data, np.arange(20, 40)))
    assert other.fitted_on.groups_digest != eraser.fitted_on.groups_digest


def test_nothing_moves(rng):
    """Where no effect is heard, every eraser still works; those that look for a direction leave embeddings alone."""
    clean = rng.standard_normal((30, 12)).astype(np.float32)
    data = planted_sweep(rng, clips=30, dim=12)
    data |= {"clean": clean, "sweep": np.repeat(clean[:, None], 8, axis=1)}
    for method in ERASERS:
        eraser = fit_quickly(method, training_clips(data))
        assert np.isfinite(eraser.apply(clean)).all()
        assert np.isnan(eraser.energy_removed.displacement)
        if ERASERS[method].kind == "linear" and method != "random_subspace":
            assert eraser.n_dimensions == 0


def test_writing_to_an_array_that_is_there(rng):
    data = planted_sweep(rng, clips=40)
    for method in ("generalised_pca", "learned", "augmentation"):
        eraser = fit_quickly(method, training_clips(data))
        out = data["clean"].astype(np.float64)
        expected = eraser.apply(data["clean"])
        assert eraser.apply(out, out) is out
        np.testing.assert_array_equal(out, expected)


def test_float32_and_float64_embeddings_give_the_same(rng):
    data = planted_sweep(rng, clips=40)
    eraser = fit_eraser("leace", training_clips(data))
    np.testing.assert_array_equal(eraser.apply(data["clean"]), eraser.apply(data["clean"].astype(np.float64)))


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(rng, threads):
    data = planted_sweep(rng, clips=600, dim=64)
    for method in ("lda", "leace", "cca_sample_wise", "uncentred_displacement_pca"):
        one, several = (fit_eraser(method, training_clips(data, threads=number)) for number in (1, threads))
        np.testing.assert_array_equal(one.apply(data["clean"]), several.apply(data["clean"]))


# --- LEACE against its own package


def pooled(data, concept):
    """Return the rows that a concept is fitted on, and its values, float64 (rows, k)."""
    clips, strengths, dim = data["sweep"].shape
    if concept == "strength":
        rows, values = data["sweep"].reshape(-1, dim), np.tile(strength_targets(strengths), clips)[:, None]
    else:
        rows = np.concatenate([data["clean"][:, None], data["sweep"]], axis=1).reshape(-1, dim)
        values = np.tile(np.eye(1 + strengths), (clips, 1))
    return rows.astype(np.float64), values


@pytest.mark.parametrize("concept", ["strength", "levels"])
def test_leace_equals_the_authors_package(rng, concept):
    data = planted_sweep(rng, clips=150, dim=30, noise=0.3)
    rows, values = pooled(data, concept)
    theirs = LeaceFitter.fit(
        torch.from_numpy(rows), torch.from_numpy(values), shrinkage=False, svd_tol=1e-9, constrain_cov_trace=False
    ).eraser
    ours = fit_eraser("leace", training_clips(data), {"concept": concept, "shrinkage": "none"})
    np.testing.assert_allclose(ours.apply(rows), theirs(torch.from_numpy(rows)).numpy(), rtol=0, atol=1e-9)
    assert ours.n_dimensions == (1 if concept == "strength" else 8)


@pytest.mark.parametrize("shrinkage", ["ledoit_wolf", "none"])
@pytest.mark.parametrize("concept", ["strength", "levels"])
@pytest.mark.parametrize(("clips", "dim"), [(150, 30), (10, 200)], ids=["tall", "wide"])
def test_leace_leaves_no_covariance_with_the_concept(rng, concept, shrinkage, clips, dim):
    data = planted_sweep(rng, clips=clips, dim=dim, noise=0.3)
    rows, values = pooled(data, concept)
    erased = fit_eraser("leace", training_clips(data), {"concept": concept, "shrinkage": shrinkage}).apply(rows)

    def covariance(matrix):
        return (matrix - matrix.mean(axis=0)).T @ (values - values.mean(axis=0)) / len(values)

    assert np.abs(covariance(erased)).max() < 1e-12
    assert np.abs(covariance(rows)).max() > 0.01
    np.testing.assert_allclose(erased.mean(axis=0), rows.mean(axis=0), atol=1e-12)


# --- The other methods against definitions built from other libraries


def test_uncentred_pca_equals_the_singular_vectors_of_the_displacements(rng):
    data = planted_sweep(rng, clips=100, noise=0.3, displacement_spread=0.3)
    displacements = (data["sweep"].astype(np.float64) - data["clean"][:, None]).reshape(-1, 40)
    expected = np.linalg.svd(displacements)[2][:3]
    found = fit_eraser("uncentred_displacement_pca", training_clips(data), {"components": 3}).basis
    np.testing.assert_allclose(found.T @ found, expected.T @ expected, rtol=0, atol=1e-9)


def test_generalised_pca_equals_the_generalised_eigenvectors_of_scipy(rng):
    data = planted_sweep(rng, clips=100, noise=0.3, displacement_spread=0.3)
    displacements = (data["sweep"].astype(np.float64) - data["clean"][:, None]).reshape(-1, 40)
    covariance = ledoit_wolf(data["clean"].astype(np.float64))[0]
    ratio, vectors = scipy.linalg.eigh(displacements.T @ displacements / len(displacements), covariance)
    eraser = fit_eraser("generalised_pca", training_clips(data), {"components": 3})
    expected = np.linalg.qr(vectors[:, -3:])[0].T
    np.testing.assert_allclose(eraser.basis.T @ eraser.basis, expected.T @ expected, rtol=0, atol=1e-9)
    assert eraser.details["largest_ratio"] == pytest.approx(ratio[-1], rel=1e-9)


@pytest.mark.parametrize(("ridge", "rounds"), [(1e-3, 3), (10.0, 6)])
def test_inlp_equals_a_loop_of_regressions_on_projected_embeddings(rng, ridge, rounds):
    """With a small penalty little is left after three rounds, and the next direction is known to fewer digits."""
    data = planted_sweep(rng, clips=80, dim=20, noise=0.3, displacement_spread=0.3)
    rows, values = pooled(data, "strength")
    scatter = np.sum((rows - rows.mean(axis=0)) ** 2)
    projected, expected = rows, []
    for _ in range(rounds):
        weights = Ridge(alpha=ridge * scatter / 20, solver="svd").fit(projected, values[:, 0]).coef_
        expected.append(weights / np.linalg.norm(weights))
        projected = projected - np.outer(projected @ expected[-1], expected[-1])
    found = fit_eraser("inlp", training_clips(data), {"rounds": rounds, "stop_at_r2": -1.0, "ridge": ridge}).basis
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=0, atol=1e-8)


def test_the_first_direction_of_inlp_without_a_penalty_is_the_canonical_one(rng):
    data = planted_sweep(rng, clips=80, dim=20, noise=0.3)
    found = fit_eraser("inlp", training_clips(data), {"rounds": 1, "ridge": 1e-9}).basis[0]
    np.testing.assert_allclose(found, global_direction(data["sweep"]).vector, atol=1e-6)


def test_the_stopping_rule_of_inlp_is_the_held_out_r2(rng):
    data = planted_sweep(rng, clips=200, dim=20, noise=0.3, displacement_spread=0.5)
    eraser = fit_eraser("inlp", training_clips(data), {"stop_at_r2": 0.05})
    assert eraser.details["first_r2"] > 0.2
    assert eraser.details["last_r2"] <= 0.05
    assert 0 < eraser.n_dimensions < 6


def test_inlp_chooses_a_penalty_that_serves_other_clips_where_clips_are_few(rng):
    data = planted_sweep(rng, clips=60, strengths=12, dim=200, noise=0.3)
    assert fit_eraser("inlp", training_clips(data), {"ridge": 1e-6}).details["first_r2"] < 0.01
    eraser = fit_eraser("inlp", training_clips(data))
    assert eraser.details["first_r2"] > 0.15
    assert eraser.n_dimensions >= 1
    assert abs(eraser.basis[0] @ data["planted"]) > 0.7


# --- Baselines


def test_a_random_subspace_of_the_same_rank_as_another_eraser(rng):
    data = planted_sweep(rng, clips=60, noise=0.3)
    items = [{"eraser": "leace", "concept": "levels"}, {"eraser": "random_subspace", "same_rank_as": "leace"}]
    fitted = fit_erasers(check_erasers("robustness.erasers", items), training_clips(data), seed=3)
    assert fitted["random_subspace"].n_dimensions == fitted["leace"].n_dimensions == 8
    again = fit_eraser("random_subspace", training_clips(data), {"components": 8}, seed=3)
    np.testing.assert_array_equal(fitted["random_subspace"].basis, again.basis)
    other = fit_eraser("random_subspace", training_clips(data), {"components": 8}, seed=4)
    assert not np.allclose(other.basis, again.basis)


def test_augmentation_adds_copies_of_each_clip_at_strengths_of_its_own(rng):
    data = planted_sweep(rng, clips=300)
    eraser = fit_eraser("augmentation", training_clips(data), {"copies": 2}, seed=5)
    rows, clip, level = eraser.map.augment(data["clean"], data["sweep"])
    assert not eraser.is_map
    assert rows.dtype == np.float32
    assert len(rows) == len(clip) == len(level) == 900
    np.testing.assert_array_equal(rows[:300], data["clean"])
    np.testing.assert_array_equal(rows[300:], data["sweep"][clip[300:], level[300:]])
    assert (np.bincount(clip) == 3).all()
    assert (level[300::2] != level[301::2]).all()
    drawn = np.bincount(level[300:], minlength=8)
    assert drawn.min() > 40  # 75 expected, standard deviation 8
    order = rng.permutation(300)
    _, clip_again, level_again = eraser.map.augment(data["clean"][order], data["sweep"][order])
    assert set(zip(order[clip_again], level_again, strict=True)) == set(zip(clip, level, strict=True))


def test_more_copies_than_strengths_are_all_strengths(rng):
    data = planted_sweep(rng, clips=10)
    rows, _, level = fit_eraser("augmentation", training_clips(data), {"copies": 50}).map.augment(
        data["clean"], data["sweep"]
    )
    assert len(rows) == 10 * 9
    assert sorted(level[10:18]) == list(range(8))


# --- Users' mistakes


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["ldaa"], "lda"),
        ([{"eraser": "leace", "concepts": "levels"}], "concept"),
        ([{"eraser": "leace", "concept": "level"}], "strength, levels"),
        ([{"eraser": "cca_sample_wise", "threshold": 2}], "from 0.01 to 1.0"),
        ([{"eraser": "learned", "steps": 10.5}], "a whole number"),
        ([{"eraser": "inlp", "ridge": "best"}], "held_out or a number"),
        (["lda", "lda"], "taken by an earlier item"),
        ([{"eraser": "lda", "name": "a/b"}], "letters, digits"),
        ([{"eraser": "random_subspace", "same_rank_as": "inlp"}, "inlp"], "there is none"),
        ([3], "the name of an eraser"),
    ],
)
def test_a_mistake_in_the_list_of_erasers_says_what_is_allowed(items, message):
    with pytest.raises(UserError, match=message):
        check_erasers("robustness.erasers", items)


def test_defaults_are_filled_in_and_names_kept():
    checked = check_erasers("erasers", ["lda", {"eraser": "cca_sample_wise", "threshold": 1, "name": "first_only"}])
    assert checked == {
        "lda": {"eraser": "lda", "options": {}},
        "first_only": {"eraser": "cca_sample_wise", "options": {"threshold": 1.0}},
    }


def test_sweeps_that_cannot_be_fitted_on_say_so(rng):
    data = planted_sweep(rng, clips=10)
    with pytest.raises(UserError, match="two strengths"):
        training_clips({**data, "sweep": data["sweep"][:, :1], "strengths": [1]})
    with pytest.raises(UserError, match=r"clips, strengths, dim"):
        training_clips({**data, "clean": data["clean"][:, :5]})
    with pytest.raises(UserError, match="at least one clip"):
        training_clips(data, np.array([], dtype=int))


def test_erasers_of_several_thresholds_keep_one_array_that_nobody_can_write_to(rng):
    """Of each class and fold of a study there are as many; a copy each would be gigabytes."""
    clips = training_clips(noise_sweep(rng, clips=40, strengths=6, dim=60))
    settings = {f"of {share}": {"eraser": "cca_sample_wise", "options": {"threshold": share}} for share in (0.3, 0.5)}
    few, many = (eraser.map for eraser in reversed(fit_erasers(settings, clips).values()))
    assert 0 < few.n_dimensions <= many.n_dimensions
    assert few.left is few.right
    assert np.shares_memory(few.left, many.left)
    with pytest.raises(ValueError, match="read-only"):
        few.left[0, 0] = 1.0


def test_a_map_does_not_follow_the_array_that_it_was_made_from():
    basis = np.eye(4)[:1].copy()
    view = basis[:]
    view.setflags(write=False)
    fitted = orthogonal_map(view)
    basis[:] = 7.0
    np.testing.assert_array_equal(fitted.left, np.eye(4)[:1])
