"""The README's ten lines, word for word, on real recordings; only the folder is another."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from workflow.working_copy import REPOSITORY, WorkingCopy

from embedshift.tables import read_table


def config_of_the_readme():
    """Return the text of the config under `Your own sounds`."""
    section = (REPOSITORY / "README.md").read_text().split("## Your own sounds")[1]
    return re.search(r"```yaml\n(.*?)```", section, re.S).group(1)


def working_copy(folder, sounds: Path, table: str | None):
    study = WorkingCopy.create(folder)
    text = config_of_the_readme()
    assert len(text.strip().splitlines()) <= 10
    config = yaml.safe_load(text)
    config["datasets"]["mine"]["folder"] = str(sounds)
    if table:
        config["datasets"]["mine"]["table"] = table
    study.write_config(config)
    if (REPOSITORY / "data/weights").is_dir():
        # hidden files are half made, by another test worker
        hidden = shutil.ignore_patterns(".*")
        shutil.copytree(REPOSITORY / "data/weights", folder / "data/weights", ignore=hidden)
    return study


@pytest.mark.slow
@pytest.mark.parametrize(
    ("collection", "table", "classes"),
    [("fsdkaggle2018_instruments", "MANIFEST.csv", 6), ("esc10", None, 10)],
)
def test_ten_lines_take_real_recordings_to_a_page(real_recordings, tmp_path, collection, table, classes):
    study = working_copy(tmp_path / "copy", real_recordings / collection, table)
    study.run()
    page = (study.folder / "results/studies/mine/report.html").read_text()
    assert len(page.encode()) < 15e6
    for effect in ("lowpass", "reverb"):
        sounds = json.loads((study.folder / f"results/studies/mine/examples/mine/{effect}.json").read_text())
        assert all(sound["audio_base64"][:100] in page for sound in sounds)
    with open(study.folder / "results/clips/mine/manifest.csv") as file:
        clips = list(csv.DictReader(file))
    assert len({clip["label"] for clip in clips}) == classes
    rows = read_table(study.folder / "results/studies/mine/tables/sensitivity.csv")
    found = {(row["model"], row["effect"], row["split"]): row for row in rows
             if row["measure"] == "squared_spearman" and row["label"] == "all"}  # fmt: skip
    for model in ("musicnn", "timbre"):
        for effect in ("lowpass", "reverb"):
            row = found[model, effect, "held_out"]
            assert row["n"] == len(clips)
            assert row["ci_low"] <= row["value"] <= row["ci_high"]
            assert abs(row["null_mean"]) < 0.1
    assert found["timbre", "lowpass", "held_out"]["value"] > 0.5
    assert study.planned_rules() == {}
