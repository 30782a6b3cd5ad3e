"""The whole job on sweeps whose effect moves clips along a direction that the classes need, each by its own amount."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from embedshift.erasers.catalog import check_erasers
from embedshift.erasers.storage import read_erasers
from embedshift.errors import UserError
from embedshift.robustness import measure_robustness
from embedshift.store import Embeddings, read_attributes, write_embeddings
from embedshift.tables import read_table

CLIPS, DIM, APART = 400, 6, 2.0
STRENGTHS = (1.0, 2.0, 3.0)
ERASERS = ("none", {"eraser": "uncentred_displacement_pca", "components": 1}, "leace",
           {"eraser": "random_subspace", "same_rank_as": "uncentred_displacement_pca"}, "augmentation")  # fmt: skip


def write_sweep(folder, clips=CLIPS, groups=None, split="", **choices):
    """Write embeddings with two classes apart along axes 0 and 1; the effect adds (1 + N(0, 1)) strength to axis 0."""
    rng = np.random.default_rng(5)
    number = np.arange(clips)
    clip_id = [f"clip{i:03d}" for i in number]
    splits = ["test" if split and i % 4 < 2 else split for i in number]
    lines = [f"{name},class{i % 2},g{(i // 4) % (groups or clips)},{splits[i]}" for i, name in enumerate(clip_id)]
    (folder / "manifest.csv").write_text("clip_id,label,group,split\n" + "\n".join(lines) + "\n")
    clean = rng.standard_normal((clips, DIM))
    clean[:, :2] += APART * (number % 2)[:, None]
    reach = 1 + rng.standard_normal(clips)
    paths = []
    for strength in (0.0, *STRENGTHS):
        effected = clean + 0.02 * rng.standard_normal(clean.shape) * (strength > 0)
        effected[:, 0] += reach * strength
        paths.append(folder / f"{strength}.h5")
        silent = np.zeros(clips, dtype=bool)
        write_embeddings(paths[-1], Embeddings(clip_id, ["key"] * clips, effected.astype(np.float32), silent))
    return {"manifest": folder / "manifest.csv", "clean": paths[0], "effected": paths[1:], "settings": made(**choices)}


def made(erasers=ERASERS, split_kind="folds", **choices):
    checked = check_erasers("erasers", erasers)
    robustness = {"erasers": checked, "eraser_order": list(checked), "fit_on": "class", "split": split_kind, "folds": 3,
                  "protocol": "grouped", "bootstrap": 200, "confidence": 0.95, "permutations": 19}  # fmt: skip
    names = {"dataset": "made", "model": "planted", "effect": "shift", "seed": 3}
    sweep = {"strengths": [f"{value:g}" for value in STRENGTHS], "values": list(STRENGTHS)}
    return json.dumps({**names, **sweep, "robustness": robustness | choices})


def run(folder, inputs, **further):
    measure_robustness(**inputs, rows=folder / "rows.csv", erasers=folder / "e.h5", code="c0de", **further)
    return read_table(folder / "rows.csv")


def pick(rows, **wanted):
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("robustness")
    return folder, run(folder, write_sweep(folder))


def auc(distance, variance):
    """Return the AUC of a Gaussian score whose classes have this distance and variance each."""
    return norm.cdf(distance / np.sqrt(2 * variance))


def test_the_auc_is_that_of_the_planted_distributions(done):
    of = {"measure": "roc_auc", "label": "all", "eraser": "none"}
    clean = pick(done[1], **of, train="clean", test="clean")[0]
    assert clean["value"] == pytest.approx(auc(2 * APART, 2), abs=0.03)
    for row, strength in zip(pick(done[1], **of, train="clean", test="effected"), STRENGTHS, strict=True):
        assert row["value"] == pytest.approx(auc(2 * APART, 2 + strength**2), abs=0.05)
        assert row["ci_low"] < row["value"] < row["ci_high"]


def test_erasing_the_direction_helps_on_effected_clips_and_harms_on_clean_ones(done):
    eraser = "uncentred_displacement_pca"
    of = {"measure": "roc_auc_difference", "label": "all", "eraser": eraser}
    mean = pick(done[1], **of, variant="mean_over_strengths", train="clean", test="effected")[0]
    assert mean["value"] > 0.03
    assert mean["p_value"] <= 0.05
    strongest = pick(done[1], **of, variant="against_none", train="clean", test="effected", strength="3")[0]
    assert strongest["value"] == pytest.approx(auc(APART, 1) - auc(2 * APART, 11), abs=0.06)
    harm = pick(done[1], **of, variant="against_none", train="clean", test="clean")[0]
    assert harm["value"] == pytest.approx(auc(APART, 1) - auc(2 * APART, 2), abs=0.04)
    assert harm["ci_high"] < 0
    assert harm["p_value"] <= 0.05
    others = pick(done[1], measure="roc_auc_difference", label="all", eraser="random_subspace",
                  variant="mean_over_strengths", train="clean", test="effected")  # fmt: skip
    assert others[0]["value"] < mean["value"]


def test_the_mean_difference_is_the_mean_of_the_differences(done):
    for eraser in ("uncentred_displacement_pca", "leace", "random_subspace"):
        of = {
            "measure": "roc_auc_difference",
            "label": "class1",
            "eraser": eraser,
            "train": "effected",
            "test": "clean",
        }
        each = [row["value"] for row in pick(done[1], **of, variant="against_none")]
        assert len(each) == 3
        assert pick(done[1], **of, variant="mean_over_strengths")[0]["value"] == pytest.approx(np.mean(each), abs=1e-8)


def test_the_strength_is_read_before_and_not_after_leace(done):
    found = {row["eraser"]: row for row in pick(done[1], measure="strength_r2", variant="linear")}
    assert list(found) == ["none", "uncentred_displacement_pca", "leace", "random_subspace"]
    # cov(strength, axis 0)^2 / (var(strength) var(axis 0 given axis 1)), the latter 1 + E s^2 + var s + half the class
    assert found["none"]["value"] == pytest.approx((2 / 3) / (1 + 14 / 3 + 2 / 3 + 0.5), abs=0.03)
    assert found["none"]["p_value"] == pytest.approx(1 / 20)
    for eraser in ("leace", "uncentred_displacement_pca"):
        assert abs(found[eraser]["value"]) < 0.02
    assert pick(done[1], measure="strength_r2", variant="non_linear", eraser="none")[0]["value"] > 0.1


def test_augmentation_is_a_way_to_train_and_helps_where_the_effect_harms(done):
    strongest = pick(done[1], measure="roc_auc_difference", variant="against_none", train="augmented", test="effected",
                     label="all", strength="3")  # fmt: skip
    assert strongest[0]["value"] > 0.02
    assert strongest[0]["eraser"] == "none"


def test_probes_of_all_classes_lose_with_the_strength(done):
    for measure, variant in (("balanced_accuracy", "multinomial"), ("average_precision", "multi_label")):
        rows = pick(done[1], measure=measure, variant=variant)
        assert [row["strength"] for row in rows] == ["", "1", "2", "3"]
        assert rows[0]["value"] > rows[-1]["value"] + 0.05
        assert all(row["ci_low"] <= row["value"] <= row["ci_high"] for row in rows)


def test_erasers_are_stored_with_what_made_them_and_told_apart(done):
    erasers = read_erasers(done[0] / "e.h5")
    assert read_attributes(done[0] / "e.h5")["code"] == "c0de"
    assert {eraser.fitted_on.label for eraser in erasers.values()} == {"all", "class0", "class1"}
    assert len(erasers) == 3 * 3 * 3
    one = erasers["uncentred_displacement_pca-0-1"]
    assert one.fitted_on.label == "class1"
    assert abs(one.basis[0, 0]) > 0.99
    dimensions = pick(done[1], measure="eraser_dimensions", eraser="random_subspace", label="class1")
    assert dimensions[0]["value"] == 1


def test_a_given_split_is_kept_and_threads_change_no_byte(tmp_path):
    erasers = ("cca_global", {"eraser": "augmentation", "copies": 2})
    inputs = write_sweep(tmp_path, clips=120, split="train", split_kind="given", erasers=erasers)
    rows = run(tmp_path, inputs)
    text = (tmp_path / "rows.csv").read_bytes()
    assert {row["n"] for row in pick(rows, measure="roc_auc", label="all")} == {60}
    run(tmp_path, inputs, threads=2)
    assert (tmp_path / "rows.csv").read_bytes() == text


def test_what_cannot_be_measured_is_said(tmp_path):
    with pytest.raises(UserError, match="two groups"):
        run(tmp_path, write_sweep(tmp_path, clips=12, groups=1))
    with pytest.raises(UserError, match="test clips"):
        run(tmp_path, write_sweep(tmp_path, clips=12, split_kind="given"))
