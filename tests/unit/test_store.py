"""Files written by the store are read back whole, by h5py alone too; damage is told in words."""

import h5py
import numpy as np
import pytest

from embedshift.atomic import write_atomically
from embedshift.errors import UserError
from embedshift.store import (
    AudioReader,
    AudioWriter,
    Embeddings,
    read_arrays,
    read_embeddings,
    read_shape,
    write_arrays,
    write_embeddings,
)


def make_embeddings(rng, clips=5, dim=3):
    names = [f"clip_{i}" for i in range(clips)]
    return Embeddings(
        clip_id=names,
        row_key=[f"key{i}" for i in range(clips)],
        embedding=rng.standard_normal((clips, dim)).astype(np.float32),
        silent=np.zeros(clips, bool),
        attributes={"model": "m", "frame_hop_s": 0.1},
    )


def test_audio_of_different_lengths_returns_bit_for_bit(tmp_path, rng):
    clips = [rng.standard_normal((n, 2)).astype(np.float32) for n in (5, 1, 300_000, 7)]
    with (
        write_atomically(tmp_path / "a.h5") as temporary,
        AudioWriter(temporary, sample_rate_hz=44100, channels=2, attributes={"settings": "{}"}) as writer,
    ):
        for i, clip in enumerate(clips):
            writer.append(f"c{i}", clip, loudness_before_lufs=-20.0, loudness_after_lufs=-23.0, silent=i == 1)
    with AudioReader(tmp_path / "a.h5") as reader:
        assert reader.clip_id == ["c0", "c1", "c2", "c3"]
        assert reader.sample_rate_hz == 44100
        assert reader.silent.tolist() == [False, True, False, False]
        for found, expected in zip(reader.read_block(0, 4), clips, strict=True):
            np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(reader.read(2), clips[2])


def test_a_failing_block_leaves_no_file(tmp_path):
    with (
        pytest.raises(ZeroDivisionError),
        write_atomically(tmp_path / "a.h5") as temporary,
        AudioWriter(temporary, sample_rate_hz=8000, channels=1),
    ):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_embeddings_are_plain_hdf5_for_others(tmp_path, rng):
    written = make_embeddings(rng)
    write_embeddings(tmp_path / "e.h5", written)
    with h5py.File(tmp_path / "e.h5") as file:
        np.testing.assert_array_equal(file["embedding"][:], written.embedding)
        assert file["embedding"].chunks is None
        assert file["embedding"].compression is None
        assert file["embedding"].dims[0].label == "clip_id"
        assert list(file["embedding"].dims[0][0].asstr()[:]) == written.clip_id
        assert file.attrs["model"] == "m"


def test_embeddings_return(tmp_path, rng):
    written = make_embeddings(rng)
    write_embeddings(tmp_path / "e.h5", written)
    found = read_embeddings(tmp_path / "e.h5", written.clip_id)
    np.testing.assert_array_equal(found.embedding, written.embedding)
    assert found.attributes == {"model": "m", "frame_hop_s": 0.1}


def test_other_clips_than_the_manifest_are_named(tmp_path, rng):
    written = make_embeddings(rng)
    write_embeddings(tmp_path / "e.h5", written)
    with pytest.raises(UserError, match="row 0 is clip clip_0, the manifest says other"):
        read_embeddings(tmp_path / "e.h5", ["other", *written.clip_id[1:]])
    with pytest.raises(UserError, match="holds 5 clips, the manifest 4"):
        read_embeddings(tmp_path / "e.h5", written.clip_id[:-1])


def test_a_value_that_is_not_finite_names_its_clip(tmp_path, rng):
    written = make_embeddings(rng)
    written.embedding[3, 1] = np.nan
    write_embeddings(tmp_path / "e.h5", written)
    with pytest.raises(UserError, match="clip_3 is not finite"):
        read_embeddings(tmp_path / "e.h5")


def test_a_truncated_file_is_told_in_words(tmp_path, rng):
    write_embeddings(tmp_path / "e.h5", make_embeddings(rng))
    whole = (tmp_path / "e.h5").read_bytes()
    (tmp_path / "e.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cannot be read as HDF5"):
        read_embeddings(tmp_path / "e.h5")


def test_equal_content_gives_equal_bytes(tmp_path, rng):
    written = make_embeddings(rng)
    write_embeddings(tmp_path / "a.h5", written)
    write_embeddings(tmp_path / "b.h5", written)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_arrays_of_numbers_and_texts_return(tmp_path, rng):
    arrays = {"x": rng.standard_normal((3, 4)), "label": np.array(["a", "ä", "b c"]), "k": np.arange(3)}
    write_arrays(tmp_path / "x.h5", arrays, {"note": "[]", "count": 3})
    found, attributes = read_arrays(tmp_path / "x.h5")
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    assert attributes == {"note": "[]", "count": 3}


def test_a_shape_is_read_without_the_array_and_what_lacks_it_is_refused(tmp_path, rng):
    write_embeddings(tmp_path / "e.h5", make_embeddings(rng, clips=5, dim=3))
    assert read_shape(tmp_path / "e.h5", "embedding") == (5, 3)
    with pytest.raises(UserError, match="lacks frames"):
        read_shape(tmp_path / "e.h5", "frames")
