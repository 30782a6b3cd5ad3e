"""The geometry of a sweep from files to rows: every measure, planted values, few clips, cores, and memory."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from embedshift.geometry import measure_geometry
from embedshift.sensitivity import measure_sensitivity
from embedshift.store import Embeddings, read_arrays, write_embeddings
from embedshift.tables import read_table

CLIPS, DIM = 48, 30
EXPECTED = {
    "squared_spearman", "squared_pearson", "squared_spearman_share", "squared_pearson_share", "within_clip_spearman",
    "condition_number", "rank", "participation_ratio",
    "components_for_90_percent", "shared_rank", "first_component_share", "mean_cosine", "common_share",
    "intrinsic_dimension", "relative_step", "turning_degrees", "jump", "straightness", "frechet", "mmd",
    "cka_debiased", "procrustes",
}  # fmt: skip


def write_sweep(folder, rng, strengths=5, groups=24, clips=CLIPS):
    """Write clips that move 0.8 a strength along one axis, with noise; return what `measure_geometry` needs."""
    clip_id = [f"clip{i:02d}" for i in range(clips)]
    rows = [f"{name},class{i % 2},g{i % groups}" for i, name in enumerate(clip_id)]
    (folder / "manifest.csv").write_text("clip_id,label,group\n" + "\n".join(rows) + "\n", encoding="utf-8")
    clean = rng.standard_normal((clips, DIM)).astype(np.float32)
    paths = []
    for p in range(strengths + 1):
        embedding = clean + np.float32(0.8 * p) * np.eye(DIM, dtype=np.float32)[0]
        embedding += (0.1 * rng.standard_normal((clips, DIM)) * (p > 0)).astype(np.float32)
        paths.append(folder / f"{p}.h5")
        write_embeddings(paths[-1], Embeddings(clip_id, ["key"] * clips, embedding, np.zeros(clips, dtype=bool)))
    settings = {
        "dataset": "demo",
        "model": "made",
        "effect": "shift",
        "strengths": [str(p) for p in range(1, strengths + 1)],
        "seed": 11,
        "sensitivity": {"folds": 5, "permutations": 39, "bootstrap": 100, "confidence": 0.95},
        "geometry": {"ridge_share": 0.1, "neighbours": 5, "rotations": 19, "most_clips": 4096},
    }
    return {"manifest": folder / "manifest.csv", "clean": paths[0], "effected": paths[1:], "settings": settings}


def analyse(folder, inputs, **geometry):
    settings = inputs["settings"] | {"geometry": inputs["settings"]["geometry"] | geometry}
    outputs = {"analysis": folder / "a.h5", "rows": folder / "a.csv"}
    measure_geometry(**(inputs | {"settings": json.dumps(settings)}), **outputs, code="c0de")
    return outputs


def pick(rows, **wanted):
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def test_tables_hold_every_measure_with_the_planted_values(tmp_path, rng):
    rows = read_table(analyse(tmp_path, write_sweep(tmp_path, rng))["rows"])
    assert {row["measure"] for row in rows} == EXPECTED
    assert {row["label"] for row in rows} == {"all", "class0", "class1"}
    assert {(row["dataset"], row["model"], row["effect"]) for row in rows} == {("demo", "made", "shift")}
    whole = {"label": "all", "strength": ""}
    assert pick(rows, measure="shared_rank", **whole)[0]["value"] == 1
    assert pick(rows, measure="participation_ratio", variant="between_groups", **whole)[0]["value"] < 1.2
    for variant in ("translation", "rank_one"):
        share = pick(rows, measure="common_share", variant=variant, **whole)[0]
        # 0.64 (1 + 4 + 9 + 16 + 25) along the axis, noise of 0.01 in 30 dimensions at 5 strengths
        assert share["value"] == pytest.approx(35.2 / (35.2 + 1.5), abs=0.02)
        assert share["ci_low"] <= share["value"] <= share["ci_high"]
    sizes = [row["value"] for row in pick(rows, measure="frechet", variant="limit", label="all")]
    np.testing.assert_allclose(sizes[2:], [(0.8 * p) ** 2 for p in (3, 4, 5)], rtol=0.15)
    for row in pick(rows, measure="mmd", strength="5"):
        assert row["p_value"] == pytest.approx(1 / 40)
    assert pick(rows, measure="cka_debiased", strength="5")[0]["value"] > 0.95
    assert pick(rows, measure="procrustes", strength="5")[0]["value"] < 0.02
    steps = [row["value"] for row in pick(rows, measure="relative_step", label="all")]
    assert steps == pytest.approx([1] * 4, abs=0.1)
    published = pick(rows, variant="sample_wise_directions", measure="squared_spearman", label="all")[0]
    assert (published["value"], published["split"]) == (pytest.approx(1), "in_sample")
    left_out = pick(rows, variant="sample_wise_ridge", measure="squared_spearman", label="all")[0]
    assert left_out["value"] > 0.9 > left_out["null_mean"]
    shares = pick(rows, measure="squared_spearman_share", label="all")
    in_sample = [row for row in shares if row["split"] == "in_sample"]
    assert [(row["variant"], row["value"]) for row in in_sample] == [("sample_wise_directions/+0.95", 1)]
    assert sum(row["value"] for row in shares if row["split"] == "held_out") == pytest.approx(1)


def test_every_row_has_an_interval_or_a_null_where_groups_allow(tmp_path, rng):
    rows = read_table(analyse(tmp_path, write_sweep(tmp_path, rng))["rows"])
    without = {row["measure"] for row in rows if row["ci_low"] is None and row["p_value"] is None}
    assert without <= {"condition_number", "rank"}


def test_the_table_is_the_same_on_any_number_of_cores(tmp_path, rng):
    inputs, texts = write_sweep(tmp_path, rng), []
    for threads in (1, 4):
        with threadpool_limits(threads):
            texts.append(analyse(tmp_path, inputs)["rows"].read_bytes())
    assert texts[0] == texts[1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", [{"strengths": 1}, {"strengths": 2}, {"groups": 1}, {"clips": 3}, {"clips": 2}])
def test_small_sweeps_and_still_embeddings_are_no_error(tmp_path, rng, case):
    inputs = write_sweep(tmp_path, rng, **case)
    outputs = analyse(tmp_path, inputs)
    assert read_table(outputs["rows"])
    still = [inputs["clean"]] * len(inputs["effected"])
    assert read_table(analyse(tmp_path, inputs | {"effected": still})["rows"])
    _, attributes = read_arrays(outputs["analysis"])
    assert attributes["code"] == "c0de"


def test_more_clips_than_are_compared_pair_by_pair_are_thinned_by_whole_groups_and_noted(tmp_path, rng):
    outputs = analyse(tmp_path, write_sweep(tmp_path, rng), most_clips=30)
    rows = read_table(outputs["rows"])
    assert {row["n"] for row in pick(rows, measure="mmd")} == {30}
    assert {row["n"] for row in pick(rows, measure="mean_cosine", label="all")} == {48}
    _, attributes = read_arrays(outputs["analysis"])
    assert "Of 48 clips at most 30" in json.loads(attributes["notes"])[0]


def test_the_sweep_is_not_held_twice():
    """Beside the sweep only squares of clips grow (of at most 4,096); a copy in float64 would be two sweeps more."""
    script = Path(__file__).with_name("peak_of_geometry.py")
    sizes_mb = []
    for clips in ("60", "360"):
        done = subprocess.run([sys.executable, script, clips], capture_output=True, text=True, check=True)
        sizes_mb.append(json.loads(done.stdout))
    grown = sizes_mb[1]["peak_mb"] - sizes_mb[0]["peak_mb"]
    sweep_mb = sizes_mb[1]["sweep_mb"] - sizes_mb[0]["sweep_mb"]
    squares_mb = 16 * 8 * (360**2 - 60**2) / 2**20
    assert grown < 1.5 * sweep_mb + squares_mb


def test_no_number_stands_twice_in_the_table_of_both_analyses(tmp_path, rng):
    inputs = write_sweep(tmp_path, rng)
    wanted = inputs["settings"] | {"parameter": "amount", "values": [1, 2, 3, 4, 5], "maps": {"clips_per_class": 1}}
    outputs = {name: tmp_path / f"b.{name}" for name in ("analysis", "rows", "trajectories")}
    measure_sensitivity(**(inputs | {"settings": json.dumps(wanted)}), **outputs, code="c0de", threads=1)
    rows = read_table(outputs["rows"]) + read_table(analyse(tmp_path, inputs)["rows"])
    keys = [tuple(row[key] for key in ("strength", "label", "measure", "variant", "split")) for row in rows]
    assert sorted(keys) == sorted(set(keys))
