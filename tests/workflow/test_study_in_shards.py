"""A data set in shards: the same tables as in one piece, and a new clip touches one shard only."""

import copy

import pytest
from workflow.working_copy import SMALL_STUDY, WorkingCopy, make_sounds

from embedshift.shards import shard_of

SHARDS = 3
STRENGTHS = [5, -20, -40]
ANALYSES = {
    "measure_sensitivity": 1,
    "measure_geometry": 1,
    "render_examples": 1,
    "tabulate_sensitivity": 1,
    "describe_study": 1,
    "plot_trajectories": 1,
    "plot_monotonicity": 1,
    "plot_spectra": 1,
    "plot_displacement": 1,
    "plot_clip_by_clip": 1,
    "plot_common_motion": 1,
    "plot_distances": 1,
    "plot_overview": 1,
    "build_report": 1,
}


def config(**of_dataset):
    made = copy.deepcopy(SMALL_STUDY)
    del made["effects"]["lowpass"]
    made["datasets"]["tones"] |= {"table": "labels.csv"} | of_dataset
    return made


def write_table(study):
    files = sorted(path.relative_to(study.folder / "sounds") for path in study.folder.glob("sounds/*/*.wav"))
    rows = [f"{file},{file.parent},{file.stem}" for file in files]
    (study.folder / "sounds/labels.csv").write_text("\n".join(["file,label,group", *rows]) + "\n")


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    """Return a small study in three shards, finished on one core."""
    made = WorkingCopy.create(tmp_path_factory.mktemp("sharded") / "copy", config(shards=SHARDS))
    write_table(made)
    made.run(cores=1)
    return made


def test_tables_are_those_of_the_data_set_in_one_piece(sharded, tmp_path):
    whole = WorkingCopy.create(tmp_path / "copy", config())
    write_table(whole)
    whole.run(cores=2)
    assert sharded.tables() == whole.tables()
    for name in ("manifest.csv", "excluded.csv", "notes.csv"):
        found, expected = (study.folder / "results/clips/tones" / name for study in (sharded, whole))
        assert found.read_text() == expected.read_text()
    assert not list(sharded.folder.glob("results/effected/*/*/*.h5"))
    whole.write_config(config(shards=1))
    assert whole.planned_rules() == {}


def test_a_finished_study_has_nothing_to_do(sharded):
    assert sharded.planned_rules() == {}


def test_a_new_clip_touches_the_jobs_of_its_shard(sharded, tmp_path):
    study = sharded.copy(tmp_path / "copy")
    make_sounds(study.folder / "sounds", count=1, first=12)
    write_table(study)
    assert study.planned_rules() == {
        "index_dataset": 1,
        "prepare_clips": 1,
        "join_clips": 1,
        "apply_effect": len(STRENGTHS),
        "embed_clips": len(STRENGTHS) + 1,
        **ANALYSES,
    }
    name = f".shard_{shard_of('low__tone_012', SHARDS) + 1}_of_{SHARDS}"
    touched = [job for job in study.planned() if job.startswith(("Decoding", "Rendering gain", "Embedding"))]
    assert len(touched) == 2 + 2 * len(STRENGTHS)
    assert all(f"tones{name}" in job for job in touched)


def test_a_corrected_label_decodes_renders_and_embeds_nothing(sharded, tmp_path):
    study = sharded.copy(tmp_path / "copy")
    table = study.folder / "sounds/labels.csv"
    table.write_text(table.read_text().replace(",low,", ",deep,"))
    assert study.planned_rules() == {"index_dataset": 1, "join_clips": 1, **ANALYSES}
    study.run()
    assert ",deep," in (study.folder / "results/studies/small/tables/sensitivity.csv").read_text()
    assert study.planned_rules() == {}


def test_another_study_must_not_cut_the_same_data_set_otherwise(sharded, tmp_path):
    study = sharded.copy(tmp_path / "copy")
    study.write_config({**config(), "study": "another"})
    told = study.run("--dry-run", check=False)
    assert told.returncode == 1
    assert "shards: 3 there, null here" in told.stdout + told.stderr
