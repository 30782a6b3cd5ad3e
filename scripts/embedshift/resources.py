"""What a job asks of a cluster: memory, run time and CPUs, from the size of its data and from the attempt.

Memory (megabytes) is a measured peak with the arrays that grow with the data written out, times the attempt's doubling.
Run time is work in seconds of one core, over the CPUs asked for, three times as long as expected, and five minutes.
Units are in the names. Standard library only: the Snakefile asks.
"""

import math
from dataclasses import dataclass

from embedshift.data_size import MEGABYTE, DataSize

MOST_CPUS = 8
"""More would wait longer in the queue than they save."""
WORK_OF_A_CPU_S = 60.0

BASE_MB = 700
"""Two Snakemakes around the script (300 MB were measured), and the script with its imports (160 to 320 MB)."""
NETWORK_MB = 1800
"""torch, the weights twice (the largest are under 0.7 GB) and what one batch of the largest networks needs."""
RENDERING_MB_PER_CPU = 60
"""A block of 8 MB a thread, read, rendered, matched in loudness and written."""
CLIPS_AHEAD_PER_CPU = 4
COPIES_OF_A_CLIP = 6
"""A decoded clip, at the rate and channels of its file, in float32 and float64, and resampled."""
BATCH_CLIPS = 8
ACTIVATIONS_PER_SAMPLE = 60
"""Numbers that a network holds for each sample of its batch; musicnn, crepe and OpenL3 need fewer."""
SWEEP_IN_MEMORY_MB = 270
"""Trajectories beyond it lie in a scratch file where a sweep is measured (`sweep.MEMORY_BYTES`)."""
COPIES_OF_CONDITIONS = {"measured": 8, "probed": 30}
"""One condition in float64: clean, effected, displaced, copies of training sets, scores of probes."""
COPIES_OF_SCATTER = 12
"""Matrices of dimensions by dimensions: one for each fold, merged, factored."""
COMPARED_CLIPS, COPIES_OF_PAIRS = 4096, 10
"""`geometry.most_clips` by default; matrices of pairs of clips in float64."""
COPIES_OF_A_TRAINING_SET = 3
"""For each CPU that trains probes: rows in float64, erased, and their inner products."""
MANIFEST_MB_PER_CLIP = 0.004

PREPARED_S_PER_CORE_S = 100.0
RENDERED_S_PER_CORE_S = 200.0
EMBEDDED_S_PER_CORE_S = {"timbre": 150.0, "musicnn": 35.0}
"""Seconds of sound in a second of one core: half of what was measured, since nodes differ."""
EMBEDDED_S_PER_CORE_S_ELSE = 5.0
EMBEDDED_S_PER_GPU_S = 100.0
GPU_CPUS = 4
"""They read, resample and hash what the GPU embeds."""
MEASURED_NUMBERS_PER_CORE_S = 100_000.0
PROBING_AGAINST_MEASURING = 50
LARGEST_DIM_UNKNOWN = 2048


@dataclass(frozen=True)
class Request:
    """What a job asks for at its first attempt: memory in megabytes, run time in minutes, CPUs, GPUs."""

    memory_mb: int
    runtime_min: int
    cpus: int
    gpus: int = 0

    def memory_at(self, attempt: int) -> int:
        """Return the memory in megabytes at an attempt, from 1: it doubles."""
        return self.memory_mb << (attempt - 1)

    def runtime_at(self, attempt: int) -> int:
        """Return the run time in minutes at an attempt, from 1: it doubles."""
        return self.runtime_min << (attempt - 1)


def to_prepare(size: DataSize) -> Request:
    """Return what decoding and cutting a data set takes: a few clips a CPU are in memory, and the manifest."""
    work_s = size.audio_s / PREPARED_S_PER_CORE_S
    cpus = _cpus(work_s)
    ahead_mb = cpus * CLIPS_AHEAD_PER_CPU * COPIES_OF_A_CLIP * size.clip_mb
    return _request(BASE_MB + ahead_mb + _manifest_mb(size), work_s, cpus)


def to_render(size: DataSize) -> Request:
    """Return what one condition takes: blocks of clips, as many as CPUs, never the whole condition."""
    work_s = size.audio_s / RENDERED_S_PER_CORE_S
    cpus = _cpus(work_s)
    block_mb = cpus * (RENDERING_MB_PER_CPU + COPIES_OF_A_CLIP * size.clip_mb)
    return _request(BASE_MB + block_mb + _manifest_mb(size), work_s, cpus)


def to_embed(size: DataSize, adapter: str, dim: int | None, gpus: int = 0) -> Request:
    """Return what embedding one condition takes: the network, a batch a CPU, and a row a clip."""
    is_network = adapter != "timbre"
    work_s = embedding_work_s(size, adapter)
    cpus = GPU_CPUS if gpus else _cpus(work_s)
    batch_mb = BATCH_CLIPS * size.clip_mb * (ACTIVATIONS_PER_SAMPLE if is_network else COPIES_OF_A_CLIP)
    rows_mb = 3 * size.clips * (dim or LARGEST_DIM_UNKNOWN) * 4 / MEGABYTE
    memory_mb = BASE_MB + is_network * NETWORK_MB + cpus * batch_mb + rows_mb + _manifest_mb(size)
    elapsed_s = size.audio_s / EMBEDDED_S_PER_GPU_S if gpus else work_s / cpus
    return Request(math.ceil(memory_mb), _minutes(elapsed_s), cpus, gpus)


def to_measure(size: DataSize, strengths: int, dim: int | None) -> Request:
    """Return what measuring one sweep takes: a part of its trajectories, some conditions, and pairs of clips."""
    dim = dim or LARGEST_DIM_UNKNOWN
    held_mb = min(_sweep_mb(size, strengths, dim), SWEEP_IN_MEMORY_MB)
    pairs_mb = COPIES_OF_PAIRS * min(size.clips, COMPARED_CLIPS) ** 2 * 8 / MEGABYTE
    memory_mb = BASE_MB + held_mb + _squares_mb(size, dim, "measured") + pairs_mb + _manifest_mb(size)
    return _request(memory_mb, _measuring_s(size, strengths, dim), cpus=1)


def to_probe(size: DataSize, strengths: int, dim: int | None) -> Request:
    """Return what erasing and probing one sweep takes: all of its trajectories, and a training set for each CPU."""
    dim = dim or LARGEST_DIM_UNKNOWN
    training_mb = MOST_CPUS * COPIES_OF_A_TRAINING_SET * size.clips * dim * 8 / MEGABYTE
    memory_mb = BASE_MB + _sweep_mb(size, strengths, dim) + _squares_mb(size, dim, "probed") + training_mb
    work_s = PROBING_AGAINST_MEASURING * _measuring_s(size, strengths, dim)
    return _request(memory_mb + _manifest_mb(size), work_s, MOST_CPUS)


def _sweep_mb(size: DataSize, strengths: int, dim: int) -> float:
    return size.clips * (strengths + 1) * dim * 4 / MEGABYTE


def _squares_mb(size: DataSize, dim: int, what: str) -> float:
    return (COPIES_OF_CONDITIONS[what] * size.clips + COPIES_OF_SCATTER * dim) * dim * 8 / MEGABYTE


def _measuring_s(size: DataSize, strengths: int, dim: int) -> float:
    return size.clips * (strengths + 1) * dim / MEASURED_NUMBERS_PER_CORE_S


def embedding_work_s(size: DataSize, adapter: str) -> float:
    """Return the seconds of one core that a model takes for one condition."""
    return size.audio_s / EMBEDDED_S_PER_CORE_S.get(adapter, EMBEDDED_S_PER_CORE_S_ELSE)


def sweep_s(size: DataSize, adapters: list[str], strengths: int) -> float:
    """Return the seconds that a whole sweep takes in one job, rendered and embedded with all models on CPUs."""
    condition_s = size.audio_s / RENDERED_S_PER_CORE_S + sum(embedding_work_s(size, adapter) for adapter in adapters)
    return strengths * condition_s / _cpus(condition_s)


def _request(memory_mb: float, work_s: float, cpus: int) -> Request:
    return Request(math.ceil(memory_mb), _minutes(work_s / cpus), cpus)


def _cpus(work_s: float) -> int:
    return min(MOST_CPUS, max(1, math.ceil(work_s / WORK_OF_A_CPU_S)))


def _minutes(expected_s: float) -> int:
    return math.ceil(5 + 3 * expected_s / 60)


def _manifest_mb(size: DataSize) -> float:
    return MANIFEST_MB_PER_CLIP * size.clips
