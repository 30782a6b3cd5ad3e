"""How large the HDF5 files of `store.py` become, known before they are written."""

import math

CHUNK_BYTES = 1 << 20
"""Audio is stored in chunks of this size; the last one takes its place whole."""
AUDIO_FILE_BYTES, AUDIO_CLIP_BYTES = 11_000, 76
"""Attributes and tables of an audio file, and what each clip adds to them; likewise below."""
EMBEDDING_FILE_BYTES, EMBEDDING_CLIP_BYTES = 11_700, 114
SAMPLE_BYTES = 4


def audio_bytes(clips: int, samples: int, channels: int) -> int:
    """Return the size of an audio file of so many clips that hold so many samples (of each channel) in all."""
    chunks = math.ceil(samples * channels * SAMPLE_BYTES / CHUNK_BYTES)
    return AUDIO_FILE_BYTES + clips * AUDIO_CLIP_BYTES + chunks * CHUNK_BYTES


def embeddings_bytes(clips: int, dim: int, frames: int = 0, frame_dim: int = 0) -> int:
    """Return the size of an embedding file; `frames` is the number of frames of all clips that are kept."""
    scale = 8 * dim
    kept = frames * frame_dim * SAMPLE_BYTES + (8 * (clips + 1) if frames else 0)
    return EMBEDDING_FILE_BYTES + scale + clips * (EMBEDDING_CLIP_BYTES + dim * SAMPLE_BYTES) + kept
