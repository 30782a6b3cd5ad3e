"""How much disk a study takes: now, when it is finished, and at most on the way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedshift.cost_counts import DONE, DatasetCount, EmbeddingFile
from embedshift.stored_size import audio_bytes, embeddings_bytes

STUDY_BYTES, SWEEP_BYTES = 5_200_000, 900_000
"""Tables, figures and report of a study, and what each data set, model and effect adds (seen: 1 to 8 of them)."""


@dataclass(frozen=True)
class DiskUse:
    """Bytes of one kind of file: now, when all is finished, and at most during the run; `place` is its folder."""

    kind: str
    place: str
    now: int
    finished: int
    peak: int


def disk_use(
    results: str,
    effected: str,
    datasets: Mapping[str, DatasetCount],
    files: Sequence[EmbeddingFile],
    to_render: Sequence[tuple[str, str, str]],
    embedding_of: Mapping[tuple[str, str], int],
    sweeps: int,
    in_flight: int,
    keeps_audio: bool,
) -> list[DiskUse]:
    """Return the disk that each kind of file takes.

    Parameters
    ----------
    embedding_of : `{(dataset, model): bytes of one embedding file}`
    sweeps : number of data sets x models x effects, each with its analyses and figures
    in_flight : pieces of rendered audio (of a condition, or of its shard) that may lie there at once: those being
        embedded, and one more
    """
    audio = {name: _audio_of_shard(count) for name, count in datasets.items()}
    clips = sum(audio[name] * count.shards for name, count in datasets.items())
    rendered = sorted((audio[dataset] for dataset, _, _ in to_render), reverse=True)
    vectors = [_size(file.path) if file.state == DONE else embedding_of[file.dataset, file.model] for file in files]
    study = STUDY_BYTES + sweeps * SWEEP_BYTES
    kept = sum(rendered) if keeps_audio else 0
    there = _size_below(effected)
    return [
        DiskUse("prepared clips", results, _prepared_now(results, datasets), clips, clips),
        DiskUse("rendered audio", effected, there, kept, max(kept, sum(rendered[:in_flight]))),
        DiskUse("embeddings", results, sum(_size(file.path) for file in files), sum(vectors), sum(vectors)),
        DiskUse("tables, figures, report", results, _size_below(f"{results}/studies"), study, study),
    ]


def embedding_size(count: DatasetCount, dim: int, frames_per_clip: float = 0.0, frame_dim: int = 0) -> int:
    """Return the size of one embedding file of a data set, with as many frames a clip as are kept."""
    clips = round(count.clips_of_shard)
    return embeddings_bytes(clips, dim, int(frames_per_clip * clips), frame_dim)


def total(uses: Iterable[DiskUse]) -> DiskUse:
    """Return the sum of several kinds."""
    uses = list(uses)
    return DiskUse(
        "total", "", sum(use.now for use in uses), sum(use.finished for use in uses), sum(use.peak for use in uses)
    )


def _audio_of_shard(count: DatasetCount) -> int:
    return audio_bytes(round(count.clips_of_shard), count.samples_of_shard, count.channels)


def _prepared_now(results: str, datasets: Iterable[str]) -> int:
    return sum(_size(path) for name in datasets for path in Path(results, "clips", name).glob("clean*.h5"))


def _size(path: str | Path) -> int:
    path = Path(path)
    return path.stat().st_size if path.exists() else 0


def _size_below(folder: str | Path) -> int:
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink())
