"""Twins that differ by a published study's quirk only: found in the config, compared on the same clips, shown."""

import json

import numpy as np
import pytest
import yaml
from made_tables import made_settings
from scipy import stats

from embedshift.compatibility_twins import Twin, find_twins
from embedshift.configuration import complete_config
from embedshift.report.twins import read_twins
from embedshift.resampling import draw_groups
from embedshift.store import Embeddings, write_arrays, write_embeddings
from embedshift.study import Study
from embedshift.study_layout import read_layout
from embedshift.tables import read_table, write_table
from embedshift.twin_comparison import OWN_COLUMNS, compare_twins
from embedshift.twin_measures import Drawn, mean_rows, squared_spearman_rows, within_clip_rows

LEAKING = {"preset": "deng2025_reverb", "compatibility": ["state_leak"]}
GROUPS = np.repeat([f"g{number}" for number in range(20)], 3)


@pytest.fixture
def config(repository):
    written = yaml.safe_load((repository / "config.yaml").read_text())
    written["effects"] = {
        "raw": {"preset": "deng2025_reverb"},
        "leaking": LEAKING,
        "both": {"preset": "deng2025_reverb", "compatibility": "deng2025"},
        "louder": {**LEAKING, "renormalise": True},
        "alone": {"preset": "deng2025_gain", "compatibility": ["int16_files"]},
    }
    written["models"] = {
        "kaiser": {"adapter": "musicnn", "compatibility": ["kaiser_best"]},
        "musicnn": {"adapter": "musicnn"},
        "timbre": {"adapter": "timbre"},
    }
    return complete_config(written, repository, repository)


def test_twins_have_one_definition_and_the_fewest_quirks_of_the_other(config):
    assert find_twins(config) == [
        Twin("effects", "leaking", "raw", ("state_leak",)),
        Twin("effects", "both", "raw", ("state_leak", "int16_files")),
        Twin("models", "kaiser", "musicnn", ("kaiser_best",)),
    ]
    del config["effects"]["raw"]
    assert find_twins(config)[0] == Twin("effects", "both", "leaking", ("int16_files",))


def test_the_study_names_both_sides_of_every_comparison(config):
    places = Study(config).compared_places()
    assert ("timbre", "raw") in places
    assert ("timbre", "alone") not in places
    assert ("musicnn", "alone") in places
    settings = json.loads(Study(config).twin_settings())
    assert settings["twins"][0] == {"kind": "effects", "name": "leaking", "other": "raw", "quirks": ["state_leak"]}


def drawn(seed=1, permutations=400, resamples=2000):
    return Drawn.of(GROUPS, resamples=resamples, permutations=permutations, confidence=0.95, seed=seed)


def test_a_paired_difference_of_means_is_that_of_scipy(rng):
    without = rng.normal(3, 2, (60, 2))
    with_quirk = without + 0.3 + rng.normal(0, 0.2, (60, 2))
    with_quirk[4, 1] = np.nan
    first, second, over_all = mean_rows(with_quirk, without, drawn())
    assert [row["side"] for row in first] == ["with", "without", "difference"]
    of_group = (with_quirk - without)[:, 0].reshape(20, 3).mean(axis=1)
    assert first[2]["value"] == pytest.approx(of_group.mean())
    reference = stats.bootstrap((of_group,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    assert (first[2]["ci_low"], first[2]["ci_high"]) == pytest.approx(tuple(reference), abs=0.015)
    assert first[2]["ci_high"] - first[2]["ci_low"] < 0.2 * (first[0]["ci_high"] - first[0]["ci_low"])
    assert second[2]["n"] == 59
    assert second[2]["value"] == pytest.approx(np.nanmean(with_quirk[:, 1] - without[:, 1]))
    assert over_all[2]["value"] == pytest.approx((first[2]["value"] + second[2]["value"]) / 2)
    assert first[2]["p_value"] == pytest.approx(1 / 401)


def test_the_p_value_of_means_is_that_of_scipys_test_by_signs(rng):
    without = rng.normal(0, 1, (60, 1))
    with_quirk = without + rng.normal(0.05, 0.3, (60, 1))
    row = mean_rows(with_quirk, without, drawn(permutations=4000))[0][2]
    of_group = (with_quirk - without).reshape(20, 3).mean(axis=1)
    reference = stats.permutation_test((of_group,), np.mean, permutation_type="samples", n_resamples=4000, rng=2)
    assert row["p_value"] == pytest.approx(reference.pvalue, abs=0.04)


def test_order_by_strength_is_scipys_and_a_lost_order_is_told(rng):
    levels = np.tile(np.arange(6), (60, 1))
    without, with_quirk = (levels + rng.normal(0, sd, levels.shape) for sd in (0.5, 4.0))
    ours, theirs, change = squared_spearman_rows(with_quirk, without, drawn(permutations=99))
    for row, values in ((ours, with_quirk), (theirs, without)):
        assert row["value"] == pytest.approx(stats.spearmanr(values.ravel(), levels.ravel()).statistic ** 2)
    assert change["value"] == pytest.approx(ours["value"] - theirs["value"])
    assert change["ci_high"] < 0
    assert change["p_value"] == pytest.approx(0.01)
    rho = [stats.spearmanr(values, range(6)).statistic for values in without]
    assert within_clip_rows(with_quirk, without, drawn())[1]["value"] == pytest.approx(np.mean(rho))


def test_p_values_are_uniform_where_the_quirk_changes_nothing(rng):
    levels, found = np.tile(np.arange(4), (60, 1)), []
    for number in range(60):
        sides = levels * 0.3 + rng.normal(0, 1, (2, *levels.shape)) + rng.normal(0, 0.5, (60, 1))
        one = drawn(seed=number, permutations=59, resamples=100)
        found.append(squared_spearman_rows(*sides, one)[2]["p_value"])
    assert stats.kstest(np.array(found) - rng.uniform(0, 1 / 60, 60), "uniform").pvalue > 0.01


def test_one_group_has_neither_interval_nor_p_value(rng):
    one = Drawn.of(np.array(["g"] * 5), resamples=100, permutations=99, confidence=0.95, seed=1)
    row = mean_rows(rng.normal(0, 1, (5, 2)), np.zeros((5, 2)), one)[0][2]
    assert np.isnan([row["ci_low"], row["p_value"]]).all()
    assert np.isfinite(row["value"])


CLIPS = [f"clip{number:02d}" for number in range(60)]
CONDITIONS = ("clean", "reverb/0.01", "reverb/0.12", "leaking/0.01", "leaking/0.12")


@pytest.fixture
def study(tmp_path, rng):
    """Return settings and files of a study in which leaking adds a fixed vector to what reverb does."""
    effect = ("room_size", "", np.array([0.01, 0.12]), "linear")
    settings = json.loads(made_settings(models=("timbre",), effects={"reverb": effect, "leaking": effect}))
    settings |= {"effect_order": ["reverb", "leaking"], "seed": 5}
    settings["twins"] = [{"kind": "effects", "name": "leaking", "other": "reverb", "quirks": ["state_leak"]}]
    clean = rng.normal(0, 1, (60, 8))
    moved = {"clean": clean, "reverb/0.01": clean + 1, "reverb/0.12": clean + 2}
    moved |= {f"leaking/{text}": moved[f"reverb/{text}"] + 0.25 for text in ("0.01", "0.12")}
    paths = {"embeddings": [], "analyses": []}
    for condition in CONDITIONS:
        path = tmp_path / "embeddings/demo/timbre" / f"{condition}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        embedding = moved[condition].astype(np.float32)
        write_embeddings(path, Embeddings(CLIPS, CLIPS, embedding, np.zeros(60, dtype=bool)))
        paths["embeddings"].append(str(path))
    for name in ("reverb", "leaking"):
        norm = np.stack([np.linalg.norm(moved[f"{name}/{text}"] - clean, axis=1) for text in ("0.01", "0.12")], axis=1)
        kept = slice(1, None) if name == "reverb" else slice(None)  # one clip is missing on one side
        arrays = {
            "clip_id": np.array(CLIPS),
            "group": GROUPS,
            "displacement_norm": norm,
            "cosine_alignment": norm * 0 + 1,
        }
        arrays |= {"projection": norm, "held_out_projection": norm + rng.normal(0, 0.1, norm.shape)}
        path = tmp_path / "sensitivity/demo/timbre" / f"{name}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(path, {key: values[kept] for key, values in arrays.items()}, {})
        paths["analyses"].append(str(path))
    place = {"dataset": "demo", "model": "timbre", "label": "all", "n": 60, "ci_low": 1.0, "ci_high": 9.0}
    ratio = {"measure": "participation_ratio", "variant": "between_groups"}
    rows = [place | ratio | {"effect": name, "value": value} for name, value in (("reverb", 2.0), ("leaking", 3.5))]
    write_table(tmp_path / "sensitivity.csv", rows)
    return settings, {**paths, "sensitivity": str(tmp_path / "sensitivity.csv"), "robustness": None}, clean


def test_what_was_planted_is_what_the_table_and_the_page_say(study, tmp_path):
    settings, paths, clean = study
    table = tmp_path / "twins.csv"
    compare_twins(**paths, settings=json.dumps(settings), comparison=str(table))
    rows = read_table(table)
    assert {(row["model"], row["effect"], row["twin"], row["quirks"]) for row in rows} == {
        ("timbre", "leaking", "timbre/reverb", "state_leak")
    }
    assert set(rows[0]) >= set(OWN_COLUMNS)

    def one(measure, variant, strength, side):
        (row,) = [row for row in rows if (row["measure"], row["variant"], row["strength"], row["side"])
                  == (measure, variant, strength, side)]  # fmt: skip
        return row

    unit = np.sqrt(8)
    spread = np.sqrt(np.mean(np.sum((clean[1:] - clean[1:].mean(axis=0)) ** 2, axis=1)))
    length = one("displacement_norm", "relative", "0.12", "difference")
    assert length["value"] == pytest.approx(0.25 * unit / spread, rel=1e-5)
    assert length["n"] == 59
    assert one("twin_distance", "relative", "0.01", "between")["value"] == pytest.approx(0.25 * unit / spread, rel=1e-5)
    assert one("twin_distance", "share_of_displacement", "0.01", "between")["value"] == pytest.approx(0.25, rel=1e-5)
    unpaired = one("participation_ratio", "between_groups", "", "difference")
    assert (unpaired["value"], unpaired["ci_low"], unpaired["p_value"]) == (1.5, None, None)
    (shown,) = read_twins(table, read_layout(json.dumps(settings)))
    assert shown.heading == "timbre, leaking beside timbre/reverb: state_leak"
    assert "25.0 % [25.0, 25.0] at 0.01; 12.5 % [12.5, 12.5] at 0.12" in shown.apart
    told = {line[0]: line[1:] for line in shown.rows}
    assert told["participation ratio"] == ("2.00 [1.00, 9.00]", "3.50 [1.00, 9.00]", "1.50 (not paired)", "–")
    assert "ρ² along the global direction (held out)" in told


def test_resamples_are_those_of_the_analysis():
    draws = draw_groups(GROUPS, 50, 3)
    one = Drawn.of(GROUPS, resamples=50, permutations=20, confidence=0.9, seed=3)
    np.testing.assert_array_equal(one.resamples.of_clips(), draws.of_clips())
    assert all(len(set(one.exchanged[0, group == GROUPS])) == 1 for group in set(GROUPS))
