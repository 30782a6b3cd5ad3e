"""What a change makes Snakemake run again: read from Snakemake's own list of jobs."""

import copy
import shutil
import subprocess
import sys

import h5py
import pytest
from workflow.working_copy import SMALL_STUDY, WorkingCopy, make_sounds

DRAWING = {
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
COLLECTING = {"tabulate_sensitivity": 1, "describe_study": 1, **DRAWING}

EMBEDDING = {"apply_effect": 6, "embed_clips": 7, "measure_sensitivity": 2, "measure_geometry": 2, **COLLECTING}


def with_change(*path, value):
    config = copy.deepcopy(SMALL_STUDY)
    inner = config
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    inner[path[-1]] = value
    return config


def git(study, *arguments):
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=study.folder, check=True, capture_output=True)


def test_each_figure_is_its_own(finished_study):
    figures = sorted((finished_study.folder / "results/studies/small/figures").glob("*.svg"))
    assert len(figures) == 8
    assert len({figure.read_bytes() for figure in figures}) == 8


def test_nothing_changed(study):
    assert study.planned_rules() == {}


def test_every_file_touched(study):
    for path in study.folder.rglob("*"):
        if path.is_file() and ".snakemake" not in path.parts:
            path.touch()
    assert study.planned_rules() == {}


def test_comments_docstrings_and_formatting_edited(study):
    study.edit("scripts/apply_effect.py", "if __name__", "# A comment.\nif __name__")
    study.edit("scripts/embedshift/effects.py", "import numpy as np", "# A comment.\nimport numpy as np")
    module = study.folder / "scripts/embedshift/sensitivity.py"
    module.write_text('"""Another docstring."""\n' + module.read_text().split('"""', 2)[2])
    reformat = [sys.executable, "-m", "ruff", "format", "--line-length", "80", "scripts"]
    subprocess.run(reformat, cwd=study.folder, check=True, capture_output=True)
    assert study.planned_rules() == {}


def test_git_checkout_back_and_forth(study):
    git(study, "init", "-q")
    git(study, "add", "scripts", "rules", "Snakefile", "config.schema.yaml", "studies", "report", "profiles")
    git(study, "commit", "-qm", "now")
    git(study, "checkout", "-qb", "other")
    study.edit("scripts/embedshift/rendering.py", "import json", "import json, math")
    git(study, "commit", "-qam", "other")
    assert study.planned_rules() != {}
    git(study, "checkout", "-q", "-")
    assert study.planned_rules() == {}


def test_the_folder_copied_without_time_stamps(study, tmp_path):
    shutil.copytree(study.folder, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    assert WorkingCopy(tmp_path / "elsewhere").planned_rules() == {}


def test_one_strength_added(study):
    study.write_config(with_change("effects", "gain", "strengths", value=[5, -20, -30, -40]))
    assert study.planned_rules() == {
        "apply_effect": 1,
        "embed_clips": 1,
        "measure_sensitivity": 1,
        "measure_geometry": 1,
        "render_examples": 1,
        **COLLECTING,
    }
    planned = study.planned()
    assert "Rendering gain at -30 on tones" in planned
    assert "Embedding gain/-30 of tones with timbre" in planned
    assert "Measuring how timbre moves with gain on tones" in planned


def test_the_setting_of_one_effect_changed(study):
    chain = [{"processor": "LowpassFilter", "cutoff_frequency_hz": "sweep"}, {"processor": "Gain", "gain_db": -3}]
    study.write_config(with_change("effects", "lowpass", "chain", value=chain))
    assert study.planned_rules() == {
        "apply_effect": 3,
        "embed_clips": 3,
        "measure_sensitivity": 1,
        "measure_geometry": 1,
        "render_examples": 1,
        **COLLECTING,
    }
    assert not any("gain" in job for job in study.planned() if "Drawing" not in job and "Embedding lowpass" not in job)


def test_a_model_added(study):
    study.write_config(with_change("models", "timbre_again", value={"adapter": "timbre"}))
    planned = study.planned_rules()
    assert planned == {
        "apply_effect": 6,
        "embed_clips": 7,
        "measure_sensitivity": 2,
        "measure_geometry": 2,
        **COLLECTING,
    }
    embedding = [job for job in study.planned() if job.startswith(("Embedding", "Measuring"))]
    assert all("timbre_again" in job for job in embedding)


@pytest.mark.parametrize(("models", "threads"), [(1, 4), (2, 2), (3, 4)])
def test_embedding_leaves_no_core_idle(study, models, threads):
    study.write_config(with_change("models", value={f"model_{n}": {"adapter": "timbre"} for n in range(models)}))
    study.run("results/embeddings/tones/model_0/clean.h5", cores=4)
    assert f"(cpu, threads: {threads})" in (study.folder / "logs/embed_clips/tones/model_0/clean.log").read_text()


def test_a_figure_setting_changed(study):
    study.write_config(with_change("figures", "dpi", value=100))
    assert study.planned_rules() == DRAWING


def test_how_embeddings_are_computed_changed(study):
    study.write_config(with_change("embedding", value={"device": "cpu", "batch_size": 3}))
    assert study.planned_rules() == {}


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("scripts/embedshift/figures/overview.py", {"plot_overview": 1, "build_report": 1}),
        ("scripts/embedshift/displacement.py", {"measure_sensitivity": 2, **COLLECTING}),
        ("scripts/embedshift/frechet.py", {"measure_geometry": 2, **COLLECTING}),
        ("scripts/embedshift/models/timbre.py", EMBEDDING),
        ("scripts/embedshift/study_description.py", {"describe_study": 1, "build_report": 1}),
        ("scripts/embedshift/models/crepe.py", {}),
    ],
)  # fmt: skip
def test_a_bug_fixed_in_a_module_reruns_the_rules_that_import_it(study, file, rules):
    path = study.folder / file
    path.write_text(path.read_text() + "\nA_FIX = 1\n")
    assert study.planned_rules() == rules


def test_ten_clips_added_are_the_only_ones_embedded(study):
    make_sounds(study.folder / "sounds", count=10, first=12)
    study.run("--until", "embed_clips")
    for path in study.folder.glob("results/embeddings/tones/timbre/**/*.h5"):
        if ".kept" not in path.parts:
            with h5py.File(path) as file:
                assert len(file["clip_id"]) == 22
                assert file.attrs["clips_embedded"] == 10, path
    assert study.planned_rules("--until", "embed_clips") == {}


def test_folds_changed(study):
    study.write_config(with_change("sensitivity", "folds", value=2))
    assert study.planned_rules() == {"measure_sensitivity": 2, "measure_geometry": 2, **COLLECTING}


def test_labels_corrected_in_the_table(study):
    """The audio stays what it is: nothing is rendered or embedded again."""
    study.write_config(with_change("datasets", "tones", "table", value="labels.csv"))
    files = sorted(path.relative_to(study.folder / "sounds") for path in study.folder.glob("sounds/*/*.wav"))
    rows = [f"{file},{file.parent},{file.stem}" for file in files]
    table = study.folder / "sounds/labels.csv"
    table.write_text("\n".join(["file,label,group", *rows]) + "\n")
    study.run()
    table.write_text(table.read_text().replace(",low,", ",deep,"))
    assert study.planned_rules() == {
        "index_dataset": 1,
        "prepare_clips": 1,
        "measure_sensitivity": 2,
        "measure_geometry": 2,
        "render_examples": 2,
        **COLLECTING,
    }
    study.run()
    assert ",deep," in (study.folder / "results/studies/small/tables/sensitivity.csv").read_text()
    assert study.planned_rules() == {}
    table.write_text(table.read_text().replace(rows[0] + "\n", ""))
    assert study.planned_rules()["embed_clips"] == 7


def test_a_model_fixed_while_another_stays(study):
    study.write_config(with_change("models", "crepe", value={"adapter": "timbre", "options": {}}))
    study.run("--until", "measure_sensitivity", "measure_geometry")
    study.write_config(with_change("models", "crepe", value={"adapter": "timbre", "frames": True}))
    assert study.planned_rules() == {
        "apply_effect": 6,
        "embed_clips": 7,
        "measure_sensitivity": 2,
        "measure_geometry": 2,
        **COLLECTING,
    }
    assert not any(job.endswith("with timbre") for job in study.planned())


def test_effected_audio_kept_for_listening(study):
    study.write_config(with_change("keep_effected_audio", value=True))
    assert study.planned_rules() == {"apply_effect": 6}
    study.run()
    assert len(list(study.folder.glob("results/effected/tones/*/*.h5"))) == 6
    assert study.planned_rules() == {}


def test_names_of_another_study_must_agree(study):
    other = with_change(
        "effects", "lowpass", "chain", value=[{"processor": "HighpassFilter", "cutoff_frequency_hz": "sweep"}]
    )
    study.write_config({**other, "study": "another"})
    told = study.run(check=False)
    assert told.returncode == 1
    for word in ("effects.lowpass", "study small", "LowpassFilter", "HighpassFilter", "results_folder"):
        assert word in told.stderr + told.stdout
    study.write_config({**SMALL_STUDY, "study": "another"})
    assert "embed_clips" not in study.planned_rules()


def test_lost_records_are_made_up_for_by_check_outputs(study):
    assert "0 of them are stale" in study.run("check_outputs").stderr
    shutil.rmtree(study.folder / ".snakemake")
    study.write_config(with_change("sensitivity", "permutations", value=39))
    told = study.run("check_outputs", check=False)
    assert told.returncode == 1
    assert "sensitivity.permutations: 19 there, 39 here" in told.stderr
    (command,) = [line for line in told.stderr.splitlines() if "snakemake --configfile study.yaml --forcerun" in line]
    stale = command.split("--forcerun ")[1].split()
    kinds = [(kind, effect) for kind in ("geometry", "sensitivity") for effect in ("gain", "lowpass")]
    assert sorted(stale) == [f"results/studies/small/{kind}/tones/timbre/{effect}.h5" for kind, effect in kinds]
    assert study.planned_rules("--forcerun", *stale) == {"measure_sensitivity": 2, "measure_geometry": 2, **COLLECTING}
