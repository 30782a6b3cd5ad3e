"""HDF5 is read and written where nothing can be locked: somebody else's lock on the file stands for a refusal."""

import fcntl

import h5py
import numpy as np
import pytest

from embedshift.store import AudioReader, AudioWriter, read_arrays, write_arrays


@pytest.fixture
def locked():
    """Return what locks a file for itself alone, as long as the test runs."""
    held = []

    def lock(path):
        held.append(open(path, "rb"))  # noqa: SIM115
        fcntl.flock(held[-1], fcntl.LOCK_EX)
        return path

    yield lock
    for file in held:
        file.close()


def write_one_clip(path):
    with AudioWriter(path, sample_rate_hz=8000, channels=1) as writer:
        writer.append("a", np.ones((800, 1), np.float32), loudness_before_lufs=-20.0, loudness_after_lufs=-23.0)


def test_the_lock_of_this_test_stops_hdf5_itself(tmp_path, locked):
    write_arrays(tmp_path / "a.h5", {"x": np.arange(3)}, {})
    locked(tmp_path / "a.h5")
    with pytest.raises(OSError, match="lock"):
        h5py.File(tmp_path / "a.h5", "r", locking=True)


def test_reading_asks_for_no_lock(tmp_path, locked):
    write_arrays(tmp_path / "a.h5", {"x": np.arange(3)}, {})
    write_one_clip(tmp_path / "b.h5")
    np.testing.assert_array_equal(read_arrays(locked(tmp_path / "a.h5"))[0]["x"], [0, 1, 2])
    with AudioReader(locked(tmp_path / "b.h5")) as reader:
        assert reader.read(0).shape == (800, 1)


def test_writing_asks_for_no_lock(tmp_path, locked):
    (tmp_path / "b.h5").touch()
    write_one_clip(locked(tmp_path / "b.h5"))
    assert len(AudioReader(tmp_path / "b.h5")) == 1


def test_a_reader_keeps_the_old_file_whole_while_a_new_one_takes_its_name(tmp_path):
    """Also while Snakemake removes the name before a job writes it anew."""
    write_one_clip(tmp_path / "a.h5")
    with AudioReader(tmp_path / "a.h5") as old:
        (tmp_path / "a.h5").unlink()
        write_arrays(tmp_path / "a.h5", {"x": np.arange(3)}, {})
        assert old.read(0).sum() == 800
    assert list(read_arrays(tmp_path / "a.h5")[0]) == ["x"]
