"""What a study will cost, told before it runs: jobs, hours on this machine, disk."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedshift.atomic import write_text
from embedshift.cost_counts import (
    DatasetCount,
    EmbeddingFile,
    audio_to_render,
    count_dataset,
    embedding_files,
)
from embedshift.cost_disk import DiskUse, disk_use, embedding_size
from embedshift.cost_measurement import Measurement, Width, what_disturbs
from embedshift.cost_table import counts_text, disk_text, hours_text
from embedshift.cost_time import hours_left
from embedshift.errors import UserError


def estimate_cost(plan: Mapping[str, Any], output: str | Path) -> str:
    """Return the estimate as text, and write it to `output`.

    Parameters
    ----------
    plan : study, results, effected, cores, device, batch_size, keeps_audio, conditions_at_once; datasets, effects and
        models with the settings of their jobs; embeddings (see `EmbeddingFile`)

    Raises
    ------
    UserError
        If a data set is not there yet, or none of the clips tried can be used.
    """
    absent = [name for name, dataset in plan["datasets"].items() if not Path(dataset["listing"]).exists()]
    if absent:
        raise UserError(
            f"Data set {', '.join(absent)} is not there yet, so that nothing can be counted. "
            "`snakemake --until fetch_dataset` fetches it."
        )
    with tempfile.TemporaryDirectory(prefix="embedshift-estimate-") as scratch:
        text = _estimate(plan, Path(scratch))
    write_text(output, text)
    return text


def _estimate(plan: Mapping[str, Any], scratch: Path) -> str:
    counted = {name: count_dataset(dataset, scratch / name) for name, dataset in plan["datasets"].items()}
    datasets = {name: count for name, (count, _) in counted.items()}
    files = embedding_files(plan)
    to_render = audio_to_render(files, plan["keeps_audio"], plan["effected"])
    first = next(iter(datasets))
    speeds, widths, notes = Measurement(plan, first, counted[first][1], scratch).speeds()
    on_gpu = {name: model["on_gpu"] for name, model in plan["models"].items()}
    hours = hours_left(datasets, files, to_render, speeds, on_gpu, plan["cores"])
    uses = _disk(plan, datasets, files, to_render, widths)
    parts = [
        f"Cost of the study {plan['study']}",
        counts_text(datasets, files, to_render),
        "\n".join([hours_text(hours, plan["cores"]), *notes, *what_disturbs(plan["cores"])]),
        disk_text(uses),
    ]
    return "\n\n".join(parts) + "\n"


def _disk(
    plan: Mapping[str, Any],
    datasets: Mapping[str, DatasetCount],
    files: list[EmbeddingFile],
    to_render: list[tuple[str, str, str]],
    widths: Mapping[str, Width],
) -> list[DiskUse]:
    sizes = {
        (dataset, model): embedding_size(count, width.dim, width.frames_per_clip, width.frame_dim)
        for dataset, count in datasets.items()
        for model, width in widths.items()
    }
    return disk_use(
        plan["results"],
        plan["effected"],
        datasets,
        files,
        to_render,
        sizes,
        len(datasets) * len(plan["models"]) * len(plan["effects"]),
        plan["conditions_at_once"] + 1,
        plan["keeps_audio"],
    )
