"""The reader irmas, its download and the published quirks in the whole workflow; overrides by a second config file."""

import copy
import hashlib
import shutil

import h5py
import numpy as np
import pytest
import soundfile
import yaml
from http_server import serve
from workflow.working_copy import PARTS, REPOSITORY, WorkingCopy

RATE_HZ = 22050
REVERB = {"preset": "deng2025_reverb", "strengths": [0.5, 0.97]}
STUDY = {
    "study": "irmas_like",
    "datasets": {
        "made": {
            "reader": "irmas",
            "folder": "irmas",
            "reader_options": {"folds": 2, "drop_genres": ["lat_sou"]},
            "preparation": {"preset": "deng2025", "sample_rate_hz": RATE_HZ},
        }
    },
    "effects": {"reverb": REVERB, "reverb_published": {**REVERB, "compatibility": "deng2025"}},
    "models": {"timbre": {"adapter": "timbre"}},
    "sensitivity": {"folds": 2, "permutations": 19, "bootstrap": 100},
}


def make_irmas(folder):
    """Write stereo sounds of one second under names of the true pattern, two excerpts a recording."""
    for number in range(12):
        code = ("cel", "pia", "tru")[number % 3]
        rng = np.random.default_rng(number)
        times_s = np.arange(RATE_HZ) / RATE_HZ
        for excerpt in (1, 2):
            pitch_hz = {"cel": 110, "pia": 440, "tru": 1760}[code] * rng.uniform(0.9, 1.1)
            tone = np.sin(2 * np.pi * pitch_hz * times_s) * np.exp(-times_s * rng.uniform(0, 3))
            sound = 0.2 * np.stack([tone, 0.5 * tone], axis=1) + 0.003 * rng.standard_normal((RATE_HZ, 2))
            genre = "lat_sou" if number == 11 else "cla"
            (folder / code).mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / code / f"[{code}][{genre}]{number:04d}__{excerpt}.wav", sound, RATE_HZ)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    made = WorkingCopy.create(tmp_path_factory.mktemp("published") / "copy", STUDY)
    make_irmas(made.folder / "irmas")
    made.run()
    return made


def embeddings(study, condition, model="timbre"):
    with h5py.File(study.folder / f"results/embeddings/made/{model}/{condition}.h5") as file:
        return file["embedding"][:]


def test_names_make_labels_groups_split_and_reasons(finished):
    rows = (finished.folder / "results/clips/made/manifest.csv").read_text().splitlines()
    assert len(rows) > 10
    assert any(",cello,0000,train," in row or ",cello,0000,test," in row for row in rows)
    excluded = (finished.folder / "results/clips/made/excluded.csv").read_text()
    assert excluded.count("genre lat_sou is left out (drop_genres)") == 2


def test_the_twin_holds_the_clip_before_and_nothing_runs_again(finished):
    plain, published = (embeddings(finished, f"{name}/0.97") for name in ("reverb", "reverb_published"))
    assert np.abs(plain - published).max() > 1e-3
    assert finished.planned_rules() == {}


def test_a_quirk_of_a_model_embeds_that_model_again_and_nothing_else(finished, tmp_path):
    study = finished.copy(tmp_path / "copy")
    before = embeddings(study, "clean")
    config = copy.deepcopy(STUDY)
    config["models"]["timbre"]["compatibility"] = ["channels_in_a_row"]
    study.write_config(config)
    planned = study.planned_rules()
    assert planned["embed_clips"] == 5
    assert planned["apply_effect"] == 4
    assert not {"index_dataset", "prepare_clips"} & planned.keys()
    study.run("--until", "embed_clips")
    assert np.abs(embeddings(study, "clean") - before).max() > 1e-3


def test_the_published_study_plans_all_its_jobs_in_a_clean_checkout(tmp_path):
    study = WorkingCopy.create(tmp_path / "copy")
    assert PARTS
    done = study.run("--dry-run", "--configfile", "studies/sensitivity.yaml")
    counts = {line.split()[0]: int(line.split()[1]) for line in (done.stdout + done.stderr).splitlines()
              if len(line.split()) == 2 and line.split()[1].isdigit()}  # fmt: skip
    assert counts["embed_clips"] == 3 * (1 + 108)
    assert counts["apply_effect"] == 108
    assert counts["fetch_dataset"] == 1
    assert counts["fetch_weights"] == 3
    assert not (study.folder / "results/clips").exists(), "a dry run writes no listing of what is not there"


def test_a_second_config_file_puts_other_sounds_and_models_in(tmp_path):
    study = WorkingCopy.create(tmp_path / "copy")
    (study.folder / "data").mkdir(exist_ok=True)
    (study.folder / "data/demo").symlink_to(REPOSITORY / "data/demo")
    done = study.run("--dry-run", "--configfile", "studies/sensitivity.yaml", "studies/sensitivity_demo.yaml")
    told = done.stdout + done.stderr
    assert "Embedding bitcrush_raw/4 of demo with crepe" in told
    assert "irmas" not in told
    assert "openl3" not in told


def test_without_a_folder_and_without_a_download_the_folder_is_asked_for(tmp_path):
    study = WorkingCopy.create(tmp_path / "copy")
    config = yaml.safe_load((REPOSITORY / "studies/sensitivity.yaml").read_text())
    del config["datasets"]["irmas"]["download"]
    study.write_config(config)
    done = study.run("--dry-run", check=False)
    assert done.returncode != 0
    assert "datasets.irmas.folder" in done.stdout + done.stderr


def test_a_data_set_is_fetched_once_and_then_known(tmp_path):
    study = WorkingCopy.create(tmp_path / "copy")
    make_irmas(tmp_path / "IRMAS-TrainingData")
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path, "IRMAS-TrainingData")
    config = copy.deepcopy(STUDY)
    config["datasets"]["made"] |= {"download": "irmas", "folder": "data/downloads/IRMAS-TrainingData"}
    study.write_config(config)
    catalogue = "scripts/embedshift/published_datasets.py"
    with serve() as site, open(archive, "rb") as file:
        content = file.read()
        site.files["IRMAS-TrainingData.zip"] = content
        study.edit(catalogue, "4fd9f5ed5a18d8e2687e6360b5f60afe", hashlib.md5(content).hexdigest())
        address = "https://zenodo.org/records/1290750/files/IRMAS-TrainingData.zip?download=1"
        study.edit(catalogue, address, site.url("IRMAS-TrainingData.zip"))
        target = "results/embeddings/made/timbre/reverb/0.97.h5"
        assert study.planned_rules(target)["fetch_dataset"] == 1
        study.run(target)
        assert len(site.requests) == 1
    assert study.planned_rules(target) == {}
    assert (study.folder / "data/downloads/IRMAS-TrainingData.receipt.json").exists()
    (study.folder / "data/downloads/IRMAS-TrainingData/tru/[tru][lat_sou]0011__1.wav").unlink()
    assert "index_dataset" in study.planned_rules(target), "a file that goes is noticed as everywhere"
