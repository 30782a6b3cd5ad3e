"""Trajectories on maps by UMAP: seeded, fitted to many clips at all strengths, not to the few that are drawn.

A map of one clip's trajectory alone (as published, 12 to 34 points, without a seed) shows the settings of the map more
than the embedding. Here each map is fitted to clean and effected embeddings of as many clips as `umap_points` allows,
of all classes, among them the clips that are drawn, so that none is placed afterwards.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from embedshift.clip_choice import choose_clips
from embedshift.shards import without_shard
from embedshift.sweep import MEMORY_BYTES, Sweep, build_sweep
from embedshift.tables import write_table

LOGGER = logging.getLogger("embedshift")
Reduce = Callable[[np.ndarray], np.ndarray]


def map_trajectories(
    *, manifests: Sequence[str], embeddings: Sequence[str], rows: str, settings: str, code: str
) -> None:
    """Write the rows of all maps of a study; `code` only names what made them.

    manifests: one for each data set, in the order of the config. embeddings: `.../{dataset}/{model}/{condition}.h5`
    with the condition `clean` or `{effect}/{strength}`, shards in their order. settings: JSON with order {datasets,
    models, effects}, strengths {effect: texts} and maps {umap_neighbours, umap_points, clips_per_class, seed}.
    """
    wanted = json.loads(settings)
    with threadpool_limits(1):
        reduce = umap_reducer(wanted["maps"]["umap_neighbours"], wanted["maps"]["seed"])
        write_table(rows, _rows_of_study(manifests, embeddings, wanted, reduce))


def umap_reducer(neighbours: int, seed: int) -> Reduce:
    """Return a function from points (points, dim) to coordinates (points, 2) by UMAP, repeatable, on one thread."""
    from umap import UMAP  # imported late: it takes seconds, and a minute where it compiles

    def reduce(points: np.ndarray) -> np.ndarray:
        fewer = max(2, min(neighbours, len(points) - 1))
        start = "spectral" if len(points) > 10 else "random"
        return UMAP(n_neighbors=fewer, random_state=seed, n_jobs=1, init=start).fit_transform(points)

    return reduce


def _rows_of_study(
    manifests: Sequence[str], embeddings: Sequence[str], wanted: Mapping[str, Any], reduce: Reduce
) -> Iterator[Mapping[str, Any]]:
    order, chosen = wanted["order"], wanted["maps"]
    for dataset, manifest in zip(order["datasets"], manifests, strict=True):
        for model in order["models"]:
            for effect in order["effects"]:
                texts = wanted["strengths"][effect]
                files = [file for text in texts for file in _files_of(embeddings, dataset, model, f"{effect}/{text}")]
                sweep = build_sweep(manifest, _files_of(embeddings, dataset, model, "clean"), files, MEMORY_BYTES)
                LOGGER.info("Mapping %s under %s", model, effect)
                names = {"dataset": dataset, "model": model, "effect": effect}
                for row in umap_rows(sweep, texts, chosen, reduce):
                    yield names | row


def _files_of(embeddings: Sequence[str], dataset: str, model: str, condition: str) -> list[str]:
    """Return the files of a condition, one for each shard, in their order."""
    ending = Path(dataset, model, f"{condition}.h5").parts
    return [path for path in embeddings if without_shard(path).parts[-len(ending) :] == ending]


def umap_rows(
    sweep: Sweep, texts: Sequence[str], chosen: Mapping[str, Any], reduce: Reduce
) -> Iterator[Mapping[str, Any]]:
    """Yield coordinates of the drawn clips, measures umap1 and umap2; n is the number of points fitted."""
    drawn = sorted(choose_clips(sweep.clip_id, sweep.label, chosen["seed"], per_class=chosen["clips_per_class"]))
    most = max(len(drawn), chosen["umap_points"] // (len(texts) + 1))
    others = np.setdiff1d(np.random.default_rng(chosen["seed"]).permutation(len(sweep.clip_id))[:most], drawn)
    fitted = np.array([*drawn, *others[: most - len(drawn)]], dtype=int)
    points = np.concatenate([sweep.clean[fitted, None], sweep.trajectories[fitted]], axis=1)
    flat = points.reshape(-1, points.shape[2])
    if len(flat) < 4:
        return
    coordinates = reduce(flat).reshape(len(fitted), len(texts) + 1, 2)
    for clip, path in zip(drawn, coordinates, strict=False):
        names = {"label": str(sweep.label[clip]), "variant": str(sweep.clip_id[clip]), "n": len(flat)}
        for text, point in zip(["clean", *texts], path, strict=True):
            for axis, value in enumerate(point, start=1):
                yield {**names, "strength": text, "measure": f"umap{axis}", "value": float(value)}
