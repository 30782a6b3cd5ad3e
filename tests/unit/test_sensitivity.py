"""The whole analysis of one sweep: files in, tables and HDF5 out."""

import json

import numpy as np
import pytest
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from embedshift.errors import UserError
from embedshift.sensitivity import measure_sensitivity
from embedshift.store import Embeddings, read_arrays, write_embeddings
from embedshift.tables import read_table

CLIPS, DIM = 24, 40


def write_sweep(folder, rng, strengths=5, silent=(), groups=12):
    """Write embeddings that move along one axis, with noise; return what `measure_sensitivity` needs."""
    clip_id = [f"clip{i:02d}" for i in range(CLIPS)]
    rows = [f"{name},class{i % 2},g{i % groups}" for i, name in enumerate(clip_id)]
    (folder / "manifest.csv").write_text("clip_id,label,group\n" + "\n".join(rows) + "\n", encoding="utf-8")
    clean = rng.standard_normal((CLIPS, DIM)).astype(np.float32)
    paths = []
    for p in range(strengths + 1):
        embedding = clean + np.float32(0.8 * p) * np.eye(DIM, dtype=np.float32)[0]
        embedding[:, 1:] += (0.2 * rng.standard_normal((CLIPS, DIM - 1)) * (p > 0)).astype(np.float32)
        quiet = np.array([name in silent and p == 2 for name in clip_id])
        paths.append(folder / f"{p}.h5")
        write_embeddings(paths[-1], Embeddings(clip_id, ["key"] * CLIPS, embedding, quiet))
    settings = {
        "dataset": "demo",
        "model": "made",
        "effect": "shift",
        "parameter": "amount",
        "strengths": [str(p) for p in range(1, strengths + 1)],
        "values": list(range(1, strengths + 1)),
        "seed": 11,
        "sensitivity": {"folds": 5, "permutations": 39, "bootstrap": 100, "confidence": 0.95},
        "maps": {"clips_per_class": 2},
    }
    return {
        "manifest": folder / "manifest.csv",
        "clean": paths[0],
        "effected": paths[1:],
        "settings": json.dumps(settings),
    }


def analyse(folder, inputs, threads=1):
    outputs = {"analysis": folder / "a.h5", "rows": folder / "a.csv", "trajectories": folder / "a.trajectories.csv"}
    measure_sensitivity(**inputs, **outputs, code="c0de", threads=threads)
    return outputs


def pick(rows, **wanted):
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def test_tables_hold_every_measure_with_the_planted_values(tmp_path, rng):
    outputs = analyse(tmp_path, write_sweep(tmp_path, rng))
    rows = read_table(outputs["rows"])
    assert {(row["dataset"], row["model"], row["effect"]) for row in rows} == {("demo", "made", "shift")}
    assert {row["label"] for row in rows} == {"all", "class0", "class1"}
    for label, clips in (("all", 24), ("class0", 12)):
        held_out = pick(rows, measure="squared_spearman", split="held_out", label=label)[0]
        assert held_out["n"] == clips
        ceiling = pick(rows, measure="squared_spearman_ceiling", variant="global_direction", label=label)[0]
        perfect = spearmanr(np.arange(5 * clips), np.repeat(np.arange(5), clips)).statistic ** 2
        assert ceiling["value"] == pytest.approx(perfect, abs=1e-8)
        assert held_out["value"] <= ceiling["value"]
        assert held_out["ci_low"] <= held_out["value"] <= held_out["ci_high"]
        assert abs(held_out["null_mean"]) < 0.1
        assert held_out["p_value"] <= 0.05
        norms = pick(rows, measure="displacement_norm", variant="absolute", label=label)
        assert [row["strength"] for row in norms] == ["1", "2", "3", "4", "5"]
        expected = [np.sqrt((0.8 * p) ** 2 + 0.2**2 * (DIM - 1)) for p in range(1, 6)]
        np.testing.assert_allclose([row["value"] for row in norms], expected, rtol=0.05)
        assert pick(rows, measure="cosine_alignment", label=label, strength="5")[0]["value"] > 0.9
        assert len(pick(rows, measure="displacement_variance_share", label=label)) == 20
        ranks = [row["variant"] for row in pick(rows, measure="singular_value", label=label)]
        assert {"sample_wise_directions/001", "clean/001"} <= set(ranks)
    ratios = {row["variant"]: row["value"] for row in pick(rows, measure="participation_ratio", label="all")}
    assert ratios["displacements"] < 15
    assert ratios["displacements_uncentred"] < ratios["displacements"]
    assert ratios["clean"] > 12


def test_the_file_holds_what_the_tables_are_made_of(tmp_path, rng):
    outputs = analyse(tmp_path, write_sweep(tmp_path, rng))
    arrays, attributes = read_arrays(outputs["analysis"])
    rows = read_table(outputs["rows"])
    rho = spearmanr(arrays["projection"].ravel(), np.tile(arrays["strength"], CLIPS)).statistic
    in_sample = pick(rows, measure="squared_spearman", split="in_sample", label="all")[0]
    assert in_sample["value"] == pytest.approx(rho**2, abs=1e-8)
    alignment = pick(rows, measure="cosine_alignment", strength="3", label="all")[0]
    assert alignment["value"] == pytest.approx(arrays["cosine_alignment"][:, 2].mean(), abs=1e-8)
    assert np.linalg.norm(arrays["direction"]) == pytest.approx(1)
    assert arrays["clip_id"].tolist()[:2] == ["clip00", "clip01"]
    assert attributes["code"] == "c0de"
    assert json.loads(attributes["settings"])["effect"] == "shift"
    assert attributes["condition_number"] > 1
    for group in np.unique(arrays["group"]):
        assert len(set(arrays["fold"][arrays["group"] == group])) == 1


def test_tables_are_the_same_on_any_number_of_cores(tmp_path, rng):
    inputs = write_sweep(tmp_path, rng)
    texts = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            outputs = analyse(tmp_path, inputs, threads)
        texts.append([outputs[name].read_bytes() for name in ("rows", "trajectories")])
    assert texts[0] == texts[1]


def test_silent_clips_are_left_out_and_the_notes_say_so(tmp_path, rng):
    outputs = analyse(tmp_path, write_sweep(tmp_path, rng, silent=("clip03", "clip07"), groups=4))
    arrays, attributes = read_arrays(outputs["analysis"])
    assert len(arrays["clip_id"]) == CLIPS - 2
    notes = json.loads(attributes["notes"])
    assert "2 clips are silent" in notes[0]
    assert "clip03, clip07" in notes[0]
    assert any("all (4)" in note and "5 folds" in note for note in notes)


def test_one_strength_has_displacements_and_a_map_only(tmp_path, rng):
    outputs = analyse(tmp_path, write_sweep(tmp_path, rng, strengths=1))
    measures = {row["measure"] for row in read_table(outputs["rows"])}
    assert measures == {"displacement_norm", "cosine_to_clean", "cosine_alignment"}
    assert {row["strength"] for row in read_table(outputs["trajectories"])} == {"", "clean", "1"}
    arrays, _ = read_arrays(outputs["analysis"])
    assert "direction" not in arrays


@pytest.mark.filterwarnings("error")
def test_few_groups_two_strengths_and_still_embeddings_are_no_error(tmp_path, rng):
    inputs = write_sweep(tmp_path, rng, strengths=2, groups=1)
    outputs = analyse(tmp_path, inputs)
    rows = read_table(outputs["rows"])
    assert not pick(rows, split="held_out")
    assert pick(rows, measure="displacement_norm", label="all")[0]["ci_low"] is None
    outputs = analyse(tmp_path, inputs | {"effected": [inputs["clean"], inputs["clean"]]})
    rows = read_table(outputs["rows"])
    assert pick(rows, measure="squared_spearman", split="in_sample", label="all")[0]["value"] == 0
    assert pick(rows, measure="cosine_alignment", label="all", strength="1")[0]["value"] is None


@pytest.mark.parametrize(
    ("found", "written", "names"),
    [(",class1,", ",all,", ("clip01", "label 'all'", "Rename")), ("clip03,", "mean,", ("'mean'", "Rename clip_id"))],
    ids=["class", "clip"],
)
def test_names_that_the_tables_use_themselves_are_refused_before_anything_is_read(tmp_path, found, written, names):
    manifest = tmp_path / "manifest.csv"
    rows = "".join(f"clip{i:02d},class{i % 2},g{i}\n" for i in range(4))
    manifest.write_text("clip_id,label,group\n" + rows.replace(found, written))
    inputs = {"manifest": manifest, "clean": tmp_path / "missing.h5", "effected": [], "settings": "{}"}
    with pytest.raises(UserError) as error:
        analyse(tmp_path, inputs)
    assert all(name in str(error.value) for name in (*names, "manifest.csv"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.csv"]
