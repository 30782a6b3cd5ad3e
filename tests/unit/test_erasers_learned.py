"""The learned eraser where the strength is encoded non-linearly, beside the linear ones; seeded, on one thread."""

import time

import numpy as np
import pytest
import torch
from planted_sweeps import planted_sweep, strength_in_the_length
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.svm import SVR

from embedshift.erasers.fit import fit_eraser
from embedshift.erasers.learned_training import descend, train
from embedshift.erasers.training_clips import TrainingClips

FITTED, PROBED, TESTED = np.arange(500), np.arange(500, 900), np.arange(900, 1200)
LINEAR = {
    "leace": {},
    "leace of levels": {"concept": "levels"},
    "inlp": {},
    "cca_global": {},
    "lda": {},
    "generalised_pca": {"components": 16},
    "uncentred_displacement_pca": {"components": 3},
}


@pytest.fixture(scope="module")
def sweep():
    return strength_in_the_length(np.random.default_rng(20220419), clips=1200)


@pytest.fixture(scope="module")
def clips(sweep):
    return TrainingClips(
        sweep["sweep"], sweep["clean"], sweep["labels"], sweep["strengths"], sweep["groups"], clips=FITTED
    )


@pytest.fixture(scope="module")
def learned(clips):
    return fit_eraser("learned", clips, seed=1)


def erase(eraser, sweep):
    clips, strengths, dim = sweep["sweep"].shape
    return eraser.apply(sweep["clean"]), eraser.apply(sweep["sweep"].reshape(-1, dim)).reshape(clips, strengths, dim)


def decode_non_linearly(erased):
    """Return the best held-out R2 of two non-linear probes fitted and tested on clips that the eraser has not seen."""
    strengths = np.arange(erased.shape[1]) / (erased.shape[1] - 1)
    rows = [np.concatenate(erased[clips]) for clips in (PROBED, TESTED)]
    targets = [np.tile(strengths, len(clips)) for clips in (PROBED, TESTED)]
    axes = PCA(24, random_state=0).fit(rows[0])
    coordinates = [axes.transform(part) for part in rows]
    spread = coordinates[0].std()
    with_squares = [np.c_[part, part**2, np.linalg.norm(part, axis=1)] for part in coordinates]
    boosted = HistGradientBoostingRegressor(max_iter=60, random_state=0).fit(with_squares[0], targets[0])
    kernel = SVR(gamma=0.05, C=1).fit(coordinates[0] / spread, targets[0])
    return max(
        r2_score(targets[1], boosted.predict(with_squares[1])),
        r2_score(targets[1], kernel.predict(coordinates[1] / spread)),
    )


def decode_linearly(erased):
    strengths = np.arange(erased.shape[1])
    probe = RidgeCV(np.logspace(-2, 4, 7)).fit(np.concatenate(erased[PROBED]), np.tile(strengths, len(PROBED)))
    return r2_score(np.tile(strengths, len(TESTED)), probe.predict(np.concatenate(erased[TESTED])))


def class_auc(train, test, labels):
    probe = LogisticRegression(C=0.1, max_iter=1000).fit(train[PROBED], labels[PROBED])
    return roc_auc_score(labels[TESTED] == "1", probe.decision_function(test[TESTED]))


def test_the_strength_is_harder_to_decode_than_after_any_linear_eraser_and_the_class_stays(sweep, clips, learned):
    labels = sweep["labels"]
    before = decode_non_linearly(sweep["sweep"])
    clean, erased = erase(learned, sweep)
    after = decode_non_linearly(erased)
    assert before > 0.6
    assert after < 0.15
    assert decode_linearly(erased) < 0.02
    auc_before = class_auc(sweep["clean"], sweep["clean"], labels)
    assert class_auc(clean, clean, labels) > auc_before - 0.02
    assert class_auc(clean, erased[:, -1], labels) > class_auc(sweep["clean"], sweep["sweep"][:, -1], labels) - 0.02
    for name, options in LINEAR.items():
        linear = fit_eraser(name.split(" ")[0], clips, options)
        linear_clean, linear_sweep = erase(linear, sweep)
        harmless = class_auc(linear_clean, linear_clean, labels) > auc_before - 0.02
        assert decode_non_linearly(linear_sweep) > after + 0.2 or not harmless, name


def test_a_subspace_that_holds_the_strength_holds_the_class_too(sweep, clips):
    """What a linear eraser would have to do here: remove 16 dimensions and the classes with them."""
    clean, erased = erase(fit_eraser("uncentred_displacement_pca", clips, {"components": 16}), sweep)
    assert decode_non_linearly(erased) < 0.15
    assert class_auc(clean, clean, sweep["labels"]) < 0.7


def torch_loss(weights, batch):
    """Return distance and discrepancy as torch computes them, for automatic differentiation."""
    w1, b1, w2, b2, w3, b3 = weights
    silu = torch.nn.functional.silu
    outputs = batch + silu(silu(batch * np.sqrt(batch.shape[2]) @ w1 + b1) @ w2 + b2) @ w3 + b3
    clips, levels, q = outputs.shape
    squared = torch.cdist(*(outputs.reshape(-1, q),) * 2, compute_mode="donot_use_mm_for_euclid_dist") ** 2
    median = squared.detach().median()
    kernel = sum(torch.exp(-squared / (width * median)) for width in (0.25, 1.0, 4.0))
    between = kernel.reshape(clips, levels, clips, levels).mean(dim=(0, 2))
    return (outputs - batch[:, :1]).square().sum(dim=2).mean(), between.diagonal().sum() - between.mean() * levels


def made_coordinates(clips, levels, q):
    return np.random.default_rng(4).standard_normal((clips, levels, q)).astype(np.float32) / np.float32(np.sqrt(q))


def test_the_gradient_is_that_of_automatic_differentiation():
    batch = made_coordinates(7, 4, 10)
    rng = np.random.default_rng(5)
    weights = [0.3 * rng.standard_normal(shape) for shape in ((10, 12), (12,), (12, 12), (12,), (12, 10), (10,))]
    weights = tuple(array.astype(np.float32) for array in weights)
    slopes = tuple(np.empty_like(array) for array in weights)
    found = descend(weights, batch, 5.0, slopes)
    exact = [torch.from_numpy(array.astype(np.float64)).requires_grad_() for array in weights]
    distance, discrepancy = torch_loss(exact, torch.from_numpy(batch.astype(np.float64)))
    (distance + 5.0 * discrepancy).backward()
    assert found == pytest.approx((distance.item(), discrepancy.item()), rel=1e-5)
    for slope, array in zip(slopes, exact, strict=True):
        expected = array.grad.numpy()
        np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_the_steps_are_those_of_torch(monkeypatch):
    """AdamW under OneCycleLR, on the gradients of this training, from the weights that no step leaves."""
    coordinates, options = made_coordinates(60, 9, 10), {"hidden": 12, "steps": 40, "independence": 5.0}
    taken = []

    def noted(weights, batch, independence, slopes):
        before = [array.copy() for array in weights]
        found = descend(weights, batch, independence, slopes)
        taken.append((before, [slope.copy() for slope in slopes]))
        return found

    monkeypatch.setattr("embedshift.erasers.learned_training.descend", noted)
    last, _ = train(coordinates, options, seed=2)
    weights = [torch.from_numpy(array).requires_grad_() for array in taken[0][0]]
    optimiser = torch.optim.AdamW(weights, lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=40)
    for _, slopes in taken:
        for array, slope in zip(weights, slopes, strict=True):
            array.grad = torch.from_numpy(slope)
        optimiser.step()
        schedule.step()
    for found, expected in zip(last, weights, strict=True):
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=0, atol=1e-5)


def test_the_same_seed_gives_the_same_bits_another_seed_does_not(clips, learned, sweep):
    before = torch.get_num_threads()
    again, other = (fit_eraser("learned", clips, {"steps": steps}, seed) for steps, seed in ((600, 1), (600, 2)))
    assert torch.get_num_threads() == before
    np.testing.assert_array_equal(again.apply(sweep["clean"]), learned.apply(sweep["clean"]))
    assert not np.allclose(other.apply(sweep["clean"]), learned.apply(sweep["clean"]))


def test_the_order_of_clips_does_not_matter_after_all_steps(sweep, learned, rng):
    order = rng.permutation(FITTED)
    clips = TrainingClips(
        sweep["sweep"], sweep["clean"], sweep["labels"], sweep["strengths"], sweep["groups"], clips=order
    )
    again = fit_eraser("learned", clips, seed=1)
    np.testing.assert_array_equal(again.apply(sweep["clean"]), learned.apply(sweep["clean"]))


def test_linear_trace_goes_too_also_outside_the_principal_coordinates(rng):
    data = planted_sweep(rng, clips=600, dim=60, noise=0.05)
    data["sweep"] = data["clean"][:, None] + (data["sweep"] - data["clean"][:, None]) * np.float32(0.02)
    fields = [data[name] for name in ("sweep", "clean", "labels", "strengths", "groups")]
    eraser = fit_eraser("learned", TrainingClips(*fields), {"components": 2, "steps": 50})
    erased = eraser.apply(data["sweep"].reshape(-1, 60)).reshape(data["sweep"].shape)
    assert np.ptp(data["sweep"].mean(axis=0), axis=0).max() > 0.01
    assert np.ptp(erased.mean(axis=0), axis=0).max() < 1e-9


def test_five_hundred_clips_at_eight_strengths_in_512_dimensions_take_seconds(rng):
    data = strength_in_the_length(rng, clips=500, dim=512)
    fields = [data[name] for name in ("sweep", "clean", "labels", "strengths", "groups")]
    started_s = time.process_time()
    eraser = fit_eraser("learned", TrainingClips(*fields))
    assert time.process_time() - started_s < 30
    assert eraser.energy_removed.displacement > 0.24  # the share that is no noise: 0.49 * 0.357 * 18.6 of 3.3 + 10.2
