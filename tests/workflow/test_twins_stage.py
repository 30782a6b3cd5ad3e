"""Twins as a stage: an effect beside its twin with a quirk gives a table; without twins there is none."""

import copy
import csv

from workflow.working_copy import SMALL_STUDY, WorkingCopy

TABLE = "results/studies/small/tables/twins.csv"
REVERB = {"preset": "deng2025_reverb", "strengths": [0.1, 1.0]}


def with_twins():
    config = copy.deepcopy(SMALL_STUDY)
    config["effects"] = {"raw": REVERB, "leaking": REVERB | {"compatibility": ["state_leak"]}}
    return config


def test_a_study_with_twins_compares_them_and_one_without_has_no_such_job(tmp_path):
    made = WorkingCopy.create(tmp_path / "copy", with_twins())
    assert made.planned_rules()["compare_twins"] == 1
    made.run(TABLE)
    with open(made.folder / TABLE, newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["effect"], row["twin"], row["quirks"]) for row in rows} == {("leaking", "timbre/raw", "state_leak")}
    apart = [float(row["value"]) for row in rows if (row["measure"], row["variant"]) == ("twin_distance", "relative")]
    assert len(apart) == 2
    assert min(apart) > 0
    assert "compare_twins" not in made.planned_rules()
    made.write_config(SMALL_STUDY)
    assert "compare_twins" not in made.planned_rules()
