"""The geometry of one sweep: single clips, robust directions, dimensions, common motion, shape, clouds; as table rows.

Measures (variant; strength where given). All intervals resample groups, all nulls are named in the modules:
squared_spearman, squared_pearson (sample_wise_directions in sample, an identity; sample_wise_ridge for left-out
strengths; global_pls, global_ridge), and with _share the shares of clips in bins; within_clip_spearman;
condition_number, rank (pooled_embeddings);
participation_ratio (between_groups, noise_corrected), components_for_90_percent (interpolated,
noise_corrected), shared_rank, first_component_share; mean_cosine, common_share (translation, rank_one) for each
strength and over all; intrinsic_dimension (two_nn, levina_bickel, of displacements at a strength, or of clean ones);
relative_step, turning_degrees, jump (largest_step, at_one_strength), straightness;
frechet (sample, limit), mmd (polynomial, gaussian), cka_debiased, procrustes, of the clouds at a strength.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from threadpoolctl import threadpool_limits

from embedshift.common_motion import rank_one_parts, ratio_of_sums
from embedshift.estimates import Estimate
from embedshift.geometry_clouds import CleanCloud, cloud_rows
from embedshift.geometry_dimensions import FEWEST_GROUPS_FOR_RANK, condition_rows, dimension_rows
from embedshift.geometry_directions import robust_direction_rows, sample_wise_rows
from embedshift.geometry_motion import CommonMotion, shape_rows
from embedshift.geometry_settings import GeometrySettings, Subset, read_subsets
from embedshift.intrinsic_dimension import levina_bickel, neighbour_distances, two_nn
from embedshift.needs import FEWEST_STRENGTHS
from embedshift.resampling import group_folds
from embedshift.store import write_arrays
from embedshift.sweep import MEMORY_BYTES, Files, Sweep, build_sweep
from embedshift.tables import write_table

LOGGER = logging.getLogger("embedshift")

Row = dict[str, Any]


def measure_geometry(
    *,
    manifest: str | Path,
    clean: Files,
    effected: Sequence[str | Path],
    analysis: str | Path,
    rows: str | Path,
    settings: str,
    code: str,
) -> None:
    """Analyse one model under one effect; write `analysis` (HDF5: what was analysed, with notes) and `rows` (CSV).

    effected: embedding files in the order of the strengths (with shards see `build_sweep`).
    settings: JSON with dataset, model, effect, strengths
    (texts), seed, sensitivity {folds, permutations, bootstrap, confidence} and geometry {ridge_share, neighbours,
    rotations, most_clips}. One BLAS thread is used, so that the table is the same on any number of cores.

    Raises
    ------
    UserError
        If the files do not belong together, or no clip is audible at all strengths.
    """
    wanted = json.loads(settings)
    chosen = GeometrySettings.of(wanted)
    with threadpool_limits(1):
        sweep = build_sweep(manifest, clean, effected, MEMORY_BYTES)
        LOGGER.info("The sweep has %d clips, %d strengths, %d dimensions", *sweep.trajectories.shape)
        names = {column: wanted[column] for column in ("dataset", "model", "effect")}
        write_table(rows, (names | row for row in geometry_rows(sweep, wanted["strengths"], chosen)))
    arrays = {name: getattr(sweep, name) for name in ("clip_id", "label", "group")}
    notes = json.dumps(list(_notes(sweep, chosen)), ensure_ascii=False)
    origin = {"settings": settings, "code": code, "model": wanted["model"], "notes": notes}
    write_arrays(analysis, arrays, {**origin, "numpy": np.__version__, "scipy": scipy.__version__})


def _notes(sweep: Sweep, chosen: GeometrySettings) -> Iterator[str]:
    """Yield what a reader must know about what was left out."""
    clips, groups = len(sweep.clip_id), len(np.unique(sweep.group))
    if clips > chosen.most_clips:
        yield f"Of {clips} clips at most {chosen.most_clips}, in whole groups, were compared pair by pair."
    if groups < FEWEST_GROUPS_FOR_RANK:
        yield f"With {groups} groups, fewer than 20, there is no count of shared directions and no intrinsic dimension."


def geometry_rows(sweep: Sweep, texts: Sequence[str], chosen: GeometrySettings) -> Iterator[Row]:
    """Yield all rows of a sweep; `texts` are the strengths as they stand in tables."""
    subsets = read_subsets(sweep, chosen)
    if len(texts) >= FEWEST_STRENGTHS:
        LOGGER.info("Fitting each clip's own direction, and robust global directions")
        yield from sample_wise_rows(sweep, subsets, chosen)
        yield from robust_direction_rows(sweep, subsets, chosen)
        yield from condition_rows(sweep, subsets)
        yield from shape_rows(sweep, texts, subsets, chosen)
    for subset in subsets:
        yield from dimension_rows(sweep, subset, chosen)
    yield from _rows_of_strengths(sweep, texts, subsets, chosen)


def _rows_of_strengths(
    sweep: Sweep, texts: Sequence[str], subsets: Sequence[Subset], chosen: GeometrySettings
) -> Iterator[Row]:
    """Yield what is measured at each strength: common motion, neighbours and distances between clouds."""
    motion = CommonMotion(subsets, chosen)
    pairs = subsets[0].fewer(chosen.most_clips, chosen.seed)
    rank_one = _RankOne(sweep, pairs, chosen)
    cloud = CleanCloud(sweep.clean[pairs.clips], pairs, chosen)
    yield from _neighbour_rows(cloud.gram, pairs, chosen, {"variant_of": "clean"})
    for position, text in enumerate(texts):
        LOGGER.info("Comparing clean and effected clips at %s", text)
        displacements = sweep.trajectories[:, position].astype(np.float64) - sweep.clean
        yield from motion.rows_at(text, displacements)
        few = displacements[pairs.clips]
        gram = few @ few.T
        yield from rank_one.rows_at(text, gram)
        yield from _neighbour_rows(gram, pairs, chosen, {"variant_of": "displacements", "strength": text})
        del displacements, few, gram
        effected = sweep.trajectories[:, position]
        yield from cloud_rows(cloud, effected[pairs.clips], pairs, chosen, {"strength": text, "label": "all"})
    yield from motion.rows_over_all()
    yield from rank_one.rows_over_all()


class _RankOne:
    """The share of displacements that one axis explains on held-out groups, from Gram matrices of clips."""

    def __init__(self, sweep: Sweep, pairs: Subset, chosen: GeometrySettings) -> None:
        self._chosen, self._total = chosen, None
        position = {clip: place for place, clip in enumerate(pairs.clips)}
        self._parts = []
        for label in ["all", *np.unique(sweep.label)]:
            inside = [position[clip] for clip in pairs.clips if label in ("all", sweep.label[clip])]
            clips = pairs.clips[inside]
            if label == "all" or 1 < len(inside) < len(pairs.clips):
                fold = group_folds(sweep.group[clips], sweep.label[clips], chosen.folds, chosen.seed)
                self._parts.append((Subset.of(str(label), clips, sweep.group[clips], chosen), np.array(inside), fold))

    def rows_at(self, text: str, gram: np.ndarray) -> Iterator[Row]:
        """Yield the share at one strength, from inner products of displacements (clips, clips)."""
        self._total = gram.copy() if self._total is None else self._total.__iadd__(gram)
        yield from self._rows(gram, {"strength": text})

    def rows_over_all(self) -> Iterator[Row]:
        """Yield the share of one trajectory over all strengths seen."""
        yield from self._rows(self._total, {})

    def _rows(self, gram: np.ndarray, names: Mapping[str, Any]) -> Iterator[Row]:
        for subset, inside, fold in self._parts:
            if fold.max() == 0:
                continue
            own = gram[np.ix_(inside, inside)]
            value, resampled = ratio_of_sums(rank_one_parts(own, fold), np.diagonal(own).copy(), subset.draws)
            cells = Estimate(value, resampled).cells(self._chosen.confidence)
            what = {"measure": "common_share", "variant": "rank_one", "split": "held_out"}
            yield {**names, "label": subset.label, "n": len(inside), **what, **cells}


def _neighbour_rows(
    gram: np.ndarray, pairs: Subset, chosen: GeometrySettings, names: Mapping[str, Any]
) -> Iterator[Row]:
    """Yield intrinsic dimensions of a cloud of clips; for fewer than 20 groups there are too few neighbours."""
    if len(pairs.groups) < FEWEST_GROUPS_FOR_RANK:
        return
    nearest = neighbour_distances(gram, pairs.groups.of_clip, chosen.neighbours)
    for name, estimate in (("two_nn", two_nn), ("levina_bickel", levina_bickel)):
        cells = Estimate(*estimate(nearest, pairs.draws)).cells(chosen.confidence)
        variant = f"{name}/{names['variant_of']}"
        what = {"label": "all", "measure": "intrinsic_dimension", "variant": variant, "n": len(pairs.clips)}
        yield {**what, "strength": names.get("strength", ""), **cells}
