"""The bundled demo clips are what data/SOURCE.md says they are."""

import csv
import hashlib
import importlib.util
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import librosa
import numpy as np
import pyloudnorm
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# General MIDI level 1 sound set, counted from 0.
PROGRAMS = {
    "cel": {42},
    "cla": {71},
    "flu": {73},
    "gac": {24, 25},
    "gel": {26, 27, 28, 29, 30},
    "org": {16, 17, 18, 19, 20},
    "pia": {0, 1, 2},
    "sax": {64, 65, 66, 67},
    "tru": {56},
    "vio": {40},
    "voi": {52, 53},
}


@pytest.fixture(scope="module")
def demo(repository) -> Path:
    return repository / "data" / "demo"


@pytest.fixture(scope="module")
def rows(demo) -> list[dict]:
    with (demo / "clips.csv").open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


@pytest.fixture(scope="module")
def clips(demo, rows) -> dict[str, np.ndarray]:
    return {row["file"]: soundfile.read(demo / row["file"], dtype="int16")[0] for row in rows}


def test_table_and_folder_name_the_same_110_files(demo, rows):
    in_folder = sorted(path.relative_to(demo).as_posix() for path in demo.rglob("*.flac"))
    assert sorted(row["file"] for row in rows) == in_folder
    assert len(in_folder) == 110


def test_label_is_the_folder_and_each_class_has_ten_clips(rows):
    assert all(row["label"] == row["file"].split("/")[0] for row in rows)
    labels = [row["label"] for row in rows]
    assert {label: labels.count(label) for label in PROGRAMS} == dict.fromkeys(PROGRAMS, 10)


def test_each_class_has_five_performances_that_share_their_settings(rows):
    performances = defaultdict(set)
    for row in rows:
        settings = ("preset", "key", "tempo_bpm", "style", "articulation", "velocity")
        performances[row["group"]].add((row["label"], *(row[name] for name in settings)))
    assert all(len(settings) == 1 for settings in performances.values())
    labels = [settings.pop()[0] for settings in performances.values()]
    assert all(labels.count(label) >= 5 for label in PROGRAMS)


def test_presets_belong_to_the_class(rows):
    assert [row["file"] for row in rows if int(row["preset"]) not in PROGRAMS[row["label"]]] == []


def test_format_is_mono_16_bit_at_44100_hz_of_three_seconds(demo, rows):
    info = [soundfile.info(demo / row["file"]) for row in rows]
    found = {(i.format, i.subtype, i.samplerate, i.channels, i.frames) for i in info}
    assert found == {("FLAC", "PCM_16", 44100, 1, 132300)}


def test_folder_stays_small(demo):
    assert sum(path.stat().st_size for path in demo.rglob("*") if path.is_file()) < 15e6


def test_no_two_clips_are_equal(clips):
    assert len({hashlib.sha256(samples.tobytes()).hexdigest() for samples in clips.values()}) == 110


def test_none_is_clipped_or_inaudible_and_all_have_a_loudness(clips):
    meter = pyloudnorm.Meter(44100)
    for file, samples in clips.items():
        assert np.abs(samples.astype(int)).max() < 0.9 * 32768, file
        assert -40 < meter.integrated_loudness(samples / 32768) < -10, file


def test_clips_begin_and_end_with_sound(clips):
    for file, samples in clips.items():
        level = np.sqrt(np.mean(np.square(samples / 32768)))
        assert np.sqrt(np.mean(np.square(samples[:8820] / 32768))) > 0.1 * level, file
        assert np.sqrt(np.mean(np.square(samples[-4410:] / 32768))) > 0.1 * level, file


def test_accuracies_stated_in_source_md(clips, rows, repository):
    """Means of ten shuffles are stated; one shuffle must lie near each of them."""
    meter = pyloudnorm.Meter(44100)
    features = []
    for samples in clips.values():
        y = samples / 32768
        y = (y * 10 ** ((-23 - meter.integrated_loudness(y)) / 20)).astype(np.float32)
        log_mel = np.log(librosa.feature.melspectrogram(y=y, sr=44100, n_mels=64) + 1e-6)  # (bands, frames)
        features.append(np.concatenate([log_mel.mean(axis=1), log_mel.std(axis=1)]))
    labels, groups = (np.array([row[column] for row in rows]) for column in ("label", "group"))
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))

    def accuracy(folds, groups=None):
        predicted = cross_val_predict(classifier, np.array(features), labels, cv=folds, groups=groups)
        return balanced_accuracy_score(labels, predicted)

    assert "0.86 with random folds, 0.64 with folds by performance" in (repository / "data/SOURCE.md").read_text()
    assert accuracy(StratifiedKFold(5, shuffle=True, random_state=0)) == pytest.approx(0.86, abs=0.05)
    assert accuracy(StratifiedGroupKFold(5, shuffle=True, random_state=0), groups) == pytest.approx(0.64, abs=0.05)


def test_rendering_again_gives_the_same_samples(clips, demo, repository, tmp_path):
    missing = [name for name in ("tinysoundfont", "pretty_midi") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(
            f"the renderer is not installed (missing {', '.join(missing)}); see the head of data/render_demo.py"
        )
    subprocess.run([sys.executable, repository / "data/render_demo.py", "--folder", tmp_path], check=True)
    assert (tmp_path / "clips.csv").read_text() == (demo / "clips.csv").read_text()
    different = [
        f for f, samples in clips.items() if not np.array_equal(soundfile.read(tmp_path / f, dtype="int16")[0], samples)
    ]
    assert different == []
