"""What jobs ask of a cluster: the formulas' growth, and that they hold what was measured."""

import pytest

from embedshift.data_size import DataSize
from embedshift.resources import MOST_CPUS, sweep_s, to_embed, to_measure, to_prepare, to_probe, to_render

QUICKSTART = DataSize(clips=110, clip_s=3.0)
IRMAS = DataSize(clips=6705, clip_s=3.0)
COLLECTION = DataSize(clips=100_000, clip_s=1.0)
SNAKEMAKES_MB = 300
"""Two Snakemakes stand above each script inside a job: 137 to 150 MB each were seen."""


@pytest.mark.parametrize(
    ("request_", "measured_mb"),
    [
        (to_prepare(QUICKSTART), 238),
        (to_render(QUICKSTART), 316),
        (to_embed(QUICKSTART, "musicnn", 200), 346),
        (to_measure(QUICKSTART, 5, 753), 164),
    ],
)
def test_the_memory_asked_for_holds_the_peaks_of_the_quickstart(request_, measured_mb):
    """Peaks of resident memory of the scripts (VmHWM), on two cores."""
    assert measured_mb + SNAKEMAKES_MB <= request_.memory_mb
    assert request_.memory_mb <= 20 * measured_mb


def test_memory_and_time_double_with_each_attempt():
    request_ = to_render(IRMAS)
    assert [request_.memory_at(attempt) / request_.memory_mb for attempt in (1, 2, 3)] == [1, 2, 4]
    assert [request_.runtime_at(attempt) / request_.runtime_min for attempt in (1, 2, 3)] == [1, 2, 4]


def test_rendering_and_preparing_need_no_memory_for_more_clips_but_the_manifest():
    for to_do in (to_prepare, to_render):
        once, twice = (to_do(DataSize(clips, 1.0)).memory_mb for clips in (200_000, 400_000))
        assert twice - once == 200_000 * 0.004


def test_embedding_needs_a_row_a_clip():
    small, large = (to_embed(DataSize(clips, 1.0), "openl3", 6144).memory_mb for clips in (50_000, 100_000))
    rows_mb = 50_000 * 6144 * 4 / 1e6
    assert rows_mb < large - small < 4 * rows_mb


@pytest.mark.parametrize(
    ("request_", "measured_mb"),
    [
        (to_measure(IRMAS, 34, 2048), 1800),  # geometry; sensitivity takes 650
        (to_measure(DataSize(10_000, 1.0), 2, 106), 1471),
        (to_probe(IRMAS, 34, 2048), 4773),
    ],
)
def test_the_memory_asked_for_holds_the_peaks_of_large_sweeps(request_, measured_mb):
    """Peaks of whole jobs, one thread each (docs/scale.md); probing asks for eight."""
    assert measured_mb + SNAKEMAKES_MB <= request_.memory_mb < 8 * measured_mb


def test_a_longer_sweep_is_not_held_whole_where_it_is_measured_but_where_it_is_probed():
    short, long = (to_measure(IRMAS, strengths, 2048).memory_mb for strengths in (10, 100))
    assert short == long
    short, long = (to_probe(IRMAS, strengths, 2048).memory_mb for strengths in (10, 100))
    assert long - short >= 90 * IRMAS.clips * 2048 * 4 / 1e6 - 1


def test_cpus_grow_with_the_work_up_to_a_bound():
    cpus = [to_render(DataSize(clips, 3.0)).cpus for clips in (10, 10_000, 1_000_000)]
    assert cpus[0] == 1
    assert cpus[-1] == MOST_CPUS
    assert cpus == sorted(cpus)


def test_a_gpu_shortens_the_time_of_a_network():
    on_cpu, on_gpu = to_embed(COLLECTION, "openl3", 512), to_embed(COLLECTION, "openl3", 512, gpus=1)
    assert (on_cpu.gpus, on_gpu.gpus) == (0, 1)
    assert on_gpu.runtime_min < on_cpu.runtime_min


def test_a_shard_asks_for_a_part_of_the_time():
    whole, shard = to_render(COLLECTION), to_render(COLLECTION.share(10))
    assert shard.runtime_min * shard.cpus < whole.runtime_min * whole.cpus


def test_sweeps_of_the_quickstart_are_minutes_and_those_of_a_collection_are_not():
    assert sweep_s(QUICKSTART, ["musicnn", "timbre"], 5) < 20 * 60
    assert sweep_s(COLLECTION, ["laion_clap"], 31) > 12 * 3600


def test_probing_takes_longer_than_measuring():
    assert to_probe(IRMAS, 31, 512).runtime_min > to_measure(IRMAS, 31, 512).runtime_min


def test_a_model_whose_dimension_only_it_knows_is_taken_to_be_wide():
    assert to_measure(IRMAS, 5, None).memory_mb > to_measure(IRMAS, 5, 512).memory_mb
