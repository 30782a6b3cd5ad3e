"""`backend: official`: the embedding job itself, run by the python of the published package's environment."""

import csv
import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from seeded_checkpoints.laion_clap import write_laion_clap_checkpoint
from seeded_checkpoints.openl3 import write_openl3_checkpoint
from seeded_checkpoints.panns import write_panns_checkpoint

from embedshift.models.catalog import check_model, weights_name
from embedshift.store import AudioWriter
from embedshift.weights import convert_file

RATE_HZ = 44_100
JOB = """
import json, sys
sys.path.insert(0, sys.argv[1])
from embedshift.embedding import embed_clips
embed_clips(**json.loads(sys.argv[2]))
"""
# LAION-CLAP's package rounds every clip to 16 bits
TOLERANCE = {"laion_clap": 5e-3}
CASES = {
    "openl3": ("openl3", write_openl3_checkpoint, "openl3.h5"),
    "panns": ("torch_packages", write_panns_checkpoint, "cnn14.pth"),
    "laion_clap": ("torch_packages", write_laion_clap_checkpoint, "clap.pt"),
}


@pytest.fixture
def clips(tmp_path, rng):
    """Write three stereo clips of 1.2 s with their manifest; return their names."""
    names = ["first", "second", "third"]
    with AudioWriter(tmp_path / "clean.h5", sample_rate_hz=RATE_HZ, channels=2) as writer:
        for name in names:
            samples = 0.1 * rng.standard_normal((round(1.2 * RATE_HZ), 2)).astype(np.float32)
            writer.append(name, samples, loudness_before_lufs=-23.0, loudness_after_lufs=-23.0)
    with open(tmp_path / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["clip_id"], *([name] for name in names)])
    return names


def run_job(python, folder, repository, settings, output):
    job = {"dataset": "d", "model": "m", "condition": "clean", **settings}
    inputs = {
        "manifest": folder / "manifest.csv",
        "audio": folder / "clean.h5",
        "weights": folder / "w.safetensors",
        "receipt": folder / "w.receipt.json",
        "output": output,
    }
    given = {name: str(path) for name, path in inputs.items()} | {"settings": json.dumps(job), "code": "{}"}
    command = [str(python), "-c", JOB, str(repository / "scripts"), json.dumps(given)]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(repository / "tests" / "parity" / "stubs")}
    finished = subprocess.run(command, env=os.environ | quiet, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr[-3000:]
    with h5py.File(output) as file:
        return file["embedding"][:], file["clip_id"].asstr()[:].tolist()


@pytest.mark.parametrize("adapter", CASES)
def test_the_job_of_the_published_package_writes_what_ours_writes(adapter, clips, tmp_path, repository, official):
    environment, write, file = CASES[adapter]
    python = official(environment)
    settings = check_model("m", {"adapter": adapter})
    write(tmp_path / file, seed=3)
    receipt = convert_file(weights_name(settings), tmp_path / file, tmp_path / "w.safetensors")
    (tmp_path / "w.receipt.json").write_text(json.dumps(receipt | {"original": [str(tmp_path / file)]}))
    ours, _ = run_job(sys.executable, tmp_path, repository, settings, tmp_path / "d" / "ours" / "clean.h5")
    theirs, names = run_job(
        python, tmp_path, repository, settings | {"backend": "official"}, tmp_path / "d" / "theirs" / "clean.h5"
    )
    assert names == clips
    assert np.abs(ours - theirs).max() <= TOLERANCE.get(adapter, 1e-4) * np.abs(theirs).max()
    assert not np.array_equal(ours, theirs), "the same bits would mean that the package was not asked"
