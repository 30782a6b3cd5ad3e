"""Sizes known before are those of the files that HDF5 writes."""

import numpy as np
import pytest

from embedshift.store import AudioWriter, Embeddings, write_embeddings
from embedshift.stored_size import audio_bytes, embeddings_bytes

MADE_BY = {"settings": "s" * 1500, "code": "c" * 2500}


@pytest.mark.parametrize(
    ("clips", "samples", "channels"), [(1, 44100, 1), (12, 44100, 1), (40, 30000, 2), (3000, 100, 1)]
)
def test_audio(tmp_path, clips, samples, channels):
    with AudioWriter(tmp_path / "a.h5", sample_rate_hz=44100, channels=channels, attributes=MADE_BY) as writer:
        for number in range(clips):
            silence = np.zeros((samples, channels), np.float32)
            writer.append(f"label__{number:08d}", silence, loudness_before_lufs=-23.0, loudness_after_lufs=-23.0)
    expected = (tmp_path / "a.h5").stat().st_size
    assert audio_bytes(clips, clips * samples, channels) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("clips", "dim", "frames"), [(1, 10, 0), (12, 58, 0), (12, 2048, 0), (3000, 58, 0), (1000, 512, 0), (100, 128, 30)]
)
def test_embeddings(tmp_path, clips, dim, frames):
    names = [f"label__{number:08d}" for number in range(clips)]
    made = Embeddings(
        clip_id=names,
        row_key=["k" * 32] * clips,
        embedding=np.zeros((clips, dim), np.float32),
        silent=np.zeros(clips, bool),
        frames=np.zeros((clips * frames, dim), np.float32) if frames else None,
        frame_offset=np.arange(clips + 1) * frames if frames else None,
        attributes=MADE_BY,
    )
    write_embeddings(tmp_path / "e.h5", made)
    expected = (tmp_path / "e.h5").stat().st_size
    assert embeddings_bytes(clips, dim, clips * frames, dim) == pytest.approx(expected, rel=0.05)
