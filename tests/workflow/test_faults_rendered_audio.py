"""Rendered audio lies on the disk for the condition that is embedded, and for one more at most."""

import copy
import subprocess
import time

import pytest
from workflow.working_copy import SMALL_STUDY, WorkingCopy, environment

from embedshift.stored_size import audio_bytes

CLIPS, RATE_HZ = 12, 44100


@pytest.mark.slow
@pytest.mark.parametrize("cores", [2, 3])
def test_with_several_models_it_never_exceeds_two_conditions(tmp_path, cores):
    config = copy.deepcopy(SMALL_STUDY)
    del config["effects"]["lowpass"]
    config["models"] = {name: {"adapter": "timbre"} for name in ("one", "two", "three")}
    study = WorkingCopy.create(tmp_path / "copy", config)
    run = subprocess.Popen(
        study.command("--quiet", "all", "--until", "embed_clips", cores=cores), cwd=study.folder, env=environment()
    )
    most_files, most_bytes = 0, 0
    while run.poll() is None:
        sizes = sizes_below(study.folder / "results/effected")
        most_files, most_bytes = max(most_files, len(sizes)), max(most_bytes, sum(sizes))
        time.sleep(0.01)
    assert run.returncode == 0
    assert 1 <= most_files <= 2
    assert most_bytes <= 2 * audio_bytes(CLIPS, CLIPS * RATE_HZ, 1)
    assert sizes_below(study.folder / "results/effected") == []


def sizes_below(folder):
    """Return the size of every file, those that are being written included; one renamed meanwhile counts once."""
    size_of = {}
    for path in folder.rglob("*.h5*"):
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        size_of[found.st_ino] = found.st_size
    return list(size_of.values())
