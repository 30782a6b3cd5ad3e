"""What a killed run left is removed; what is new, or kept on purpose, stays."""

import os
import time

from embedshift.leftovers import note_keeping, remove_leftovers


def test_only_files_older_than_the_run_are_removed(tmp_path):
    old, new, missing = (tmp_path / name for name in ("old.h5", "new.h5", "missing.h5"))
    old.touch()
    new.touch()
    started_s = time.time() - 100
    os.utime(old, (started_s - 1, started_s - 1))
    assert remove_leftovers(tmp_path, [old, new, missing], started_s) == [old]
    assert new.exists()


def test_a_study_that_keeps_its_audio_protects_the_folder(tmp_path):
    audio = tmp_path / "a.h5"
    audio.touch()
    note_keeping(tmp_path, "listening", True)
    note_keeping(tmp_path, "other", False)
    assert remove_leftovers(tmp_path, [audio], time.time() + 9) == []
    note_keeping(tmp_path, "listening", False)
    assert remove_leftovers(tmp_path, [audio], time.time() + 9) == [audio]
