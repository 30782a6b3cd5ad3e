"""How long a study takes, from what a few clips took: hours of preparing, rendering and embedding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedshift.cost_counts import CLEAN, TO_DO, DatasetCount, EmbeddingFile

JOBS_SIDE_BY_SIDE = 2
"""Embedding jobs that run at once on a CPU: each takes half of the cores."""


@dataclass(frozen=True)
class Speed:
    """What one job takes with the threads it gets: seconds before its first clip, and for each second of audio."""

    start_s: float
    audio_s: float

    def job_s(self, count: DatasetCount) -> float:
        """Return the seconds of a job on one shard of a data set."""
        return self.start_s + count.clips_of_shard * count.length_s * self.audio_s


@dataclass(frozen=True)
class Speeds:
    """Measured speeds of preparing, of rendering by effect, and of embedding by model (None where not measured)."""

    preparing: Speed
    rendering: Mapping[str, Speed]
    embedding: Mapping[str, Speed | None]


@dataclass(frozen=True)
class Hours:
    """Time of one kind of work on this machine, with the number of jobs; None where nothing could be measured."""

    kind: str
    jobs: int
    hours: float | None


def hours_left(
    datasets: Mapping[str, DatasetCount],
    files: Sequence[EmbeddingFile],
    to_render: Sequence[tuple[str, str, str]],
    speeds: Speeds,
    on_gpu: Mapping[str, bool],
    cores: int,
) -> list[Hours]:
    """Return the hours of each kind of work that is left, one data set after the other.

    `on_gpu` is by model: such jobs run one after the other, those on a CPU two at a time where there are two models.
    """
    prepared_s = sum(count.unprepared * speeds.preparing.job_s(count) for count in datasets.values())
    rendered_s = sum(speeds.rendering[name.split("/")[0]].job_s(datasets[dataset]) for dataset, name, _ in to_render)
    at_once = _side_by_side(files, cores)
    return [
        Hours("preparing clips", sum(count.unprepared for count in datasets.values()), prepared_s / 3600),
        Hours("rendering effects", len(to_render), rendered_s / 3600),
        *(
            _embedding_hours(model, datasets, files, speeds.embedding[model], 1 if on_gpu[model] else at_once)
            for model in dict.fromkeys(file.model for file in files)
        ),
    ]


def _embedding_hours(
    model: str,
    datasets: Mapping[str, DatasetCount],
    files: Sequence[EmbeddingFile],
    speed: Speed | None,
    at_once: int,
) -> Hours:
    mine = [file for file in files if file.model == model and file.state == TO_DO]
    if speed is None:
        return Hours(f"embedding with {model}", len(mine), None)
    seconds = sum(speed.job_s(datasets[file.dataset]) for file in mine) / at_once
    return Hours(f"embedding with {model}", len(mine), seconds / 3600)


def _side_by_side(files: Sequence[EmbeddingFile], cores: int) -> int:
    """Return how many embedding jobs run at once: all models that one condition still needs, two at most."""
    models = {file.model for file in files if file.state == TO_DO and file.condition != CLEAN}
    return min(JOBS_SIDE_BY_SIDE, max(1, len(models)), cores)
