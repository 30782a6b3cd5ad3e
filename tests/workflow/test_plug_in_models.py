"""A user's own class in a whole study: it is embedded, edited, broken and mended."""

import copy

import h5py
import numpy as np
import pytest
from workflow.working_copy import SMALL_STUDY, WorkingCopy

MINE = '''"""Level and roughness, ten times a second."""

import numpy as np


class Mine:
    """Two numbers a frame."""

    sample_rate_hz = 22_050

    def __init__(self, factor=1.0):
        self.factor = factor

    def __call__(self, samples):
        frames = samples[:, : samples.shape[1] // 2_205 * 2_205].reshape(len(samples), -1, 2_205)
        return self.factor * np.stack([frames.std(axis=2), np.abs(np.diff(frames)).mean(axis=2)], axis=2)
'''


def config_with_plug_in():
    config = copy.deepcopy(SMALL_STUDY)
    config["effects"] = {"gain": {"preset": "deng2025_gain", "strengths": [5, -20]}}
    config["models"]["mine"] = {"adapter": "python:models/mine.py:Mine", "options": {"factor": 2.0}}
    return config


@pytest.fixture(scope="module")
def with_plug_in(tmp_path_factory):
    made = WorkingCopy.create(tmp_path_factory.mktemp("plug_in") / "copy", config_with_plug_in())
    (made.folder / "models").mkdir()
    (made.folder / "models" / "mine.py").write_text(MINE)
    made.run()
    return made


@pytest.fixture
def study(with_plug_in, tmp_path):
    return with_plug_in.copy(tmp_path / "copy")


def embedding_jobs(study):
    return sorted(job for job in study.planned() if job.startswith("Embedding"))


def embedded(study, condition="gain/-20"):
    with h5py.File(study.folder / f"results/embeddings/tones/mine/{condition}.h5") as file:
        return file["embedding"][:]


def test_a_study_with_a_user_s_class(with_plug_in):
    assert embedded(with_plug_in).shape == (12, 2)
    assert with_plug_in.planned_rules() == {}
    tables = with_plug_in.tables()
    assert ",mine,gain," in tables["sensitivity.csv"]


def test_a_comment_in_the_user_s_file_embeds_nothing(study):
    study.edit("models/mine.py", "    def __call__", "    # Seen from far away, all is flat.\n    def __call__")
    assert study.planned_rules() == {}


def test_an_edit_of_the_user_s_file_embeds_again_with_this_model_only(study):
    before = embedded(study)
    study.edit("models/mine.py", "self.factor * np", "1.5 * self.factor * np")
    expected = ["Embedding clean", "Embedding gain/-20", "Embedding gain/5"]
    assert embedding_jobs(study) == [f"{job} of tones with mine" for job in expected]
    assert not any("with timbre" in job or "how timbre" in job for job in study.planned())
    study.run("results/embeddings/tones/mine/gain/-20.h5")
    np.testing.assert_allclose(embedded(study), 1.5 * before, rtol=1e-6)
    assert embedding_jobs(study) == [f"{job} of tones with mine" for job in (expected[0], expected[2])]


def test_another_option_embeds_again(study):
    config = config_with_plug_in()
    config["models"]["mine"]["options"]["factor"] = 4.0
    study.write_config(config)
    assert len(embedding_jobs(study)) == 3


def test_a_broken_class_is_told_in_words(study):
    study.edit("models/mine.py", "frames.std(axis=2)", "frames.std(axis=3)")
    done = study.run(check=False)
    assert done.returncode != 0
    told = done.stdout + done.stderr
    assert "Mine of" in told
    assert "mine.py, line 16" in told
    assert "axis 3 is out of bounds" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("class Mine:", "class Mein:", ["models.mine", "defines no Mine", "Mein"]),
        ("class Mine:", "class Mine", ["models.mine", "mine.py, line 6", "valid Python"]),
    ],
)
def test_a_mistake_that_shows_without_running_stops_the_start(study, old, new, words):
    study.edit("models/mine.py", old, new)
    done = study.run("--dry-run", check=False)
    assert done.returncode != 0
    for word in words:
        assert word in done.stdout + done.stderr


def write_wav2vec2(folder, seed):
    import torch
    import transformers

    torch.manual_seed(seed)
    config = transformers.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, conv_dim=(8,) * 7,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2)  # fmt: skip
    transformers.Wav2Vec2Model(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)


@pytest.fixture(scope="module")
def finished_speech(with_plug_in, tmp_path_factory):
    study = with_plug_in.copy(tmp_path_factory.mktemp("speech") / "copy")
    write_wav2vec2(study.folder / "models" / "speech", seed=1)
    config = config_with_plug_in()
    config["models"]["speech"] = {"adapter": "transformers:models/speech", "options": {"layer": 1}}
    study.write_config(config)
    study.run("results/embeddings/tones/speech/clean.h5")
    return study


@pytest.fixture
def with_speech(finished_speech, tmp_path):
    return finished_speech.copy(tmp_path / "copy")


def test_a_folder_of_a_hugging_face_model(with_speech):
    study, clean = with_speech, "results/embeddings/tones/speech/clean.h5"
    with h5py.File(study.folder / clean) as file:
        assert file["embedding"].shape == (12, 16)
    for path in (study.folder / "data/weights").glob("*"):
        path.touch()
    assert study.planned_rules(clean) == {}
    write_wav2vec2(study.folder / "models" / "speech", seed=2)
    assert study.planned_rules(clean) == {"fetch_weights": 1, "embed_clips": 1}


def test_another_conversion_of_weights_is_followed_by_the_models_that_have_some(with_speech):
    study = with_speech
    clean = "results/embeddings/tones/speech/clean.h5"
    path = study.folder / "scripts/embedshift/torch_checkpoint.py"
    path.write_text(path.read_text() + "\nA_FIX = 1\n")
    assert study.planned_rules(clean) == {"fetch_weights": 1, "embed_clips": 1}
    assert study.planned_rules("results/embeddings/tones/timbre/clean.h5") == {}
    study.run(clean)
    with h5py.File(study.folder / clean) as file:
        assert file.attrs["clips_embedded"] == 0, "the converted tensors are the same"
    assert study.planned_rules(clean) == {}
