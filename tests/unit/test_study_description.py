import importlib.metadata
import json

import numpy as np
import pytest

from embedshift.store import Embeddings, write_arrays, write_embeddings
from embedshift.study_description import analysis_notes, count_clips, describe_study, library_versions

CONFIG = {
    "study": "small",
    "seed": 3,
    "datasets": {"demo": {"folder": "sounds", "preparation": {"target_lufs": -23}}},
    "models": {"timbre": {"adapter": "timbre", "options": {"mfcc": 20}, "precision": "float32"}},
    "effects": {
        "gain": {
            "chain": [{"processor": "Gain", "gain_db": "sweep"}],
            "strengths": [-0.0, -1.5, -12.25],
            "unit": "dB",
            "neutral": 0,
            "renormalise": False,
            "tail_s": 0,
        }  # fmt: skip
    },
}


def embedding_file(path, **attributes):
    clips = ["a", "b", "c"]
    described = {"model": "timbre", "device": "cpu", "clips_embedded": 3, "seconds": 1.5, "numpy_version": "2.4.6"}
    write_embeddings(
        path,
        Embeddings(
            clip_id=clips,
            row_key=clips,
            embedding=np.ones((3, 7), np.float32),
            silent=np.zeros(3, bool),
            attributes={**described, "frame_hop_s": 0.016, "weights_sha256": "ab" * 32, **attributes},
        ),
    )
    return str(path)


@pytest.fixture
def described(tmp_path):
    clips, embeddings = tmp_path / "clips/demo", tmp_path / "embeddings/demo/timbre"
    clips.mkdir(parents=True)
    embeddings.mkdir(parents=True)
    (clips / "manifest.csv").write_text("clip_id,label,group\na,flute,g1\nb,flute,g1\nc,cello,g2\n")
    (clips / "excluded.csv").write_text('clip_id,file,reason\nd,d.wav,"silent, all of it"\n')
    (clips / "notes.csv").write_text("note\n1 of 4 clips: resampled.\n")
    (embeddings / "gain").mkdir()
    analysis = tmp_path / "sensitivity/demo/timbre/gain.h5"
    analysis.parent.mkdir(parents=True)
    write_arrays(analysis, {"x": np.ones(2)}, {"notes": json.dumps(["Two folds only."])})
    describe_study(
        manifests=[str(clips / "manifest.csv")],
        excluded=[str(clips / "excluded.csv")],
        notes=[str(clips / "notes.csv")],
        embeddings=[
            embedding_file(embeddings / "clean.h5"),
            embedding_file(embeddings / "gain/-1.5.h5", clips_embedded=0, seconds=0.25, device="cuda (H200)"),
        ],
        analyses=[str(analysis)],
        settings=json.dumps(CONFIG),
        description=str(tmp_path / "study.json"),
    )
    return json.loads((tmp_path / "study.json").read_text())


def test_data_sets_are_counted_and_exclusions_kept_with_their_reasons(described):
    dataset = described["datasets"][0]
    assert (dataset["name"], dataset["clips"], dataset["groups"]) == ("demo", 3, 2)
    assert dataset["classes"] == [
        {"label": "cello", "clips": 1, "groups": 1},
        {"label": "flute", "clips": 2, "groups": 1},
    ]
    assert dataset["excluded"] == [{"clip_id": "d", "file": "d.wav", "reason": "silent, all of it"}]
    assert dataset["notes"] == ["1 of 4 clips: resampled."]


def test_models_are_described_by_their_files(described):
    model = described["models"][0]
    assert (model["dim"], model["frame_hop_s"], model["weights_sha256"]) == (7, 0.016, "ab" * 32)
    assert model["devices"] == ["cpu", "cuda (H200)"]


def test_effort_is_summed_over_files(described):
    wanted = {"files": 2, "clips_embedded": 3, "seconds": 1.8, "devices": ["cpu", "cuda (H200)"]}
    assert described["embedding"] == wanted


def test_strengths_are_told_by_the_texts_that_name_files(described):
    assert described["effects"][0]["strengths"] == ["0", "-1.5", "-12.25"]
    assert described["config"]["seed"] == 3
    assert described["analysis_notes"] == [{"note": "Two folds only.", "where": ["demo/timbre/gain"]}]


def test_versions_of_the_files_win_and_several_are_all_told():
    versions = library_versions([{"numpy_version": "1.0"}, {"numpy_version": "2.0"}, {}])
    assert versions["numpy"] == "1.0, 2.0"
    assert versions["scipy"] == importlib.metadata.version("scipy")


def test_equal_notes_are_told_once_with_their_places():
    found = analysis_notes({
        "s/demo/a/gain.h5": {"notes": "first\nsecond"},
        "s/demo/b/gain.h5": {"notes": '["first"]'},
        "s/demo/c/gain.h5": {"notes": np.array([b"third"], dtype=object)},
        "s/demo/d/gain.h5": {},
    })  # fmt: skip
    assert found == [
        {"note": "first", "where": ["demo/a/gain", "demo/b/gain"]},
        {"note": "second", "where": ["demo/a/gain"]},
        {"note": "third", "where": ["demo/c/gain"]},
    ]


def test_clips_without_a_group_count_as_one_of_their_own():
    clips = [{"clip_id": "a", "label": "x", "group": ""}, {"clip_id": "b", "label": "x", "group": ""}]
    assert count_clips(clips) == (2, 2, [{"label": "x", "clips": 2, "groups": 2}])
