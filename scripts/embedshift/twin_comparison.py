"""What the quirks of a published study do by themselves: every twin of a study beside its twin without them.

Paired, from what the analyses keep of each clip: displacement_norm (relative), cosine_alignment, squared_spearman
(global_direction, in sample and held out), within_clip_spearman, and twin_distance, how far the two embeddings of a
clip lie apart. Not paired, as tables have no values of clips: dimensions, common motion, jumps, distances of clouds at
the strongest strength, ROC AUC and how well the strength is read.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from embedshift.compatibility_twins import Twin
from embedshift.errors import UserError
from embedshift.robustness_columns import CLEAN, EFFECTED, NONE
from embedshift.shards import without_shard
from embedshift.store import read_arrays, read_embeddings
from embedshift.tables import read_table, write_table
from embedshift.twin_measures import (
    BETWEEN,
    Drawn,
    distance_rows,
    mean_rows,
    squared_spearman_rows,
    unpaired_rows,
    within_clip_rows,
)

LOGGER = logging.getLogger("embedshift")
OWN_COLUMNS = ("twin", "quirks", "side")
"""twin: model/effect of the side without the quirks; quirks: separated by blanks; side: as in `twin_measures`."""
OVER_ALL = "mean_over_strengths"
UNPAIRED = {
    ("participation_ratio", "between_groups"),
    ("participation_ratio", "noise_corrected"),
    ("components_for_90_percent", "noise_corrected"),
    ("shared_rank", "parallel_analysis"),
    ("common_share", "translation"),
    ("common_share", "rank_one"),
    ("mean_cosine", "between_groups"),
    ("jump", "largest_step"),
    ("jump", "at_one_strength"),
    ("straightness", ""),
}
UNPAIRED_AT_STRONGEST = {
    ("frechet", "limit"),
    ("mmd", "gaussian"),
    ("cka_debiased", ""),
    ("procrustes", ""),
    ("intrinsic_dimension", "two_nn/displacements"),
}
WAYS = ((CLEAN, EFFECTED), (EFFECTED, CLEAN))

Row = dict[str, Any]
Place = tuple[str, str]


@dataclass(frozen=True)
class Comparison:
    """One comparison: data set, (model, effect) with and without, and the quirks that are the difference."""

    dataset: str
    with_quirk: Place
    without: Place
    quirks: tuple[str, ...]

    def names(self) -> Row:
        """Return the cells that all its rows share."""
        named = {"dataset": self.dataset, "model": self.with_quirk[0], "effect": self.with_quirk[1], "label": "all"}
        return named | {"twin": "/".join(self.without), "quirks": " ".join(self.quirks)}


def comparisons_of(
    twins: Sequence[Twin], datasets: Sequence[str], models: Sequence[str], effects: Sequence[str]
) -> list[Comparison]:
    """Return every comparison of a study, twin by twin, in the order of the config."""
    found = []
    for twin in twins:
        for dataset in datasets:
            for place in [(model, effect) for model in models for effect in effects]:
                sides = twin.places(place)
                found += [Comparison(dataset, *sides, twin.quirks)] if sides else []
    return found


def compare_twins(
    *,
    analyses: Sequence[str],
    embeddings: Sequence[str],
    sensitivity: str,
    robustness: str | None,
    settings: str,
    comparison: str,
) -> None:
    """Write the table of all comparisons.

    analyses: of measure_sensitivity, `{dataset}/{model}/{effect}.h5`; embeddings: `{dataset}/{model}/{condition}.h5`;
    sensitivity, robustness: tables of the study. settings: JSON with twins, datasets, models, effects (texts of the
    strengths), seed, and sensitivity {bootstrap, confidence, permutations}.
    """
    wanted = json.loads(settings)
    files = {_place_of(path, 3): path for path in analyses}
    of_embeddings: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path in embeddings:
        of_embeddings[_place_of(str(without_shard(path)))].append(path)
    tables = [read_table(sensitivity), *([read_table(robustness)] if robustness else [])]
    index = {key: row for table in tables for row in table if (key := _key(row))}
    twins = [Twin(**{**twin, "quirks": tuple(twin["quirks"])}) for twin in wanted["twins"]]
    todo = comparisons_of(twins, wanted["datasets"], wanted["models"], wanted["effect_order"])
    rows: list[Row] = []
    with threadpool_limits(1):
        for one in todo:
            LOGGER.info("Comparing %s with %s on %s", "/".join(one.with_quirk), "/".join(one.without), one.dataset)
            strengths = wanted["effects"][one.with_quirk[1]]["strengths"]
            sides = [read_arrays(files[one.dataset, *place])[0] for place in (one.with_quirk, one.without)]
            pair = _Pair(one, strengths, sides, of_embeddings, wanted)
            rows += [one.names() | row for row in pair.rows()]
            rows += [one.names() | row for row in _from_tables(one, strengths, index)]
    write_table(comparison, rows, OWN_COLUMNS)


class _Pair:
    """The clips that both sides have, and what is measured on each of them."""

    def __init__(
        self,
        one: Comparison,
        strengths: Sequence[str],
        sides: Sequence[Mapping[str, np.ndarray]],
        embeddings: Mapping[tuple[str, ...], list[str]],
        wanted: Mapping[str, Any],
    ) -> None:
        self._one, self._strengths, self._sides, self._embeddings = one, strengths, sides, embeddings
        common = [clip for clip in sides[0]["clip_id"] if clip in set(sides[1]["clip_id"])]
        if not common:
            raise UserError(f"{'/'.join(one.with_quirk)} and {'/'.join(one.without)} on {one.dataset} have no audible "
                            "clip in common: nothing can be compared. Leave one of them out.")  # fmt: skip
        at = [{clip: row for row, clip in enumerate(side["clip_id"])} for side in sides]
        self._kept = [np.array([rows[clip] for clip in common]) for rows in at]
        self._clips = common
        chosen = wanted["sensitivity"]
        self._drawn = Drawn.of(
            sides[0]["group"][self._kept[0]],
            resamples=chosen["bootstrap"],
            permutations=chosen["permutations"],
            confidence=chosen["confidence"],
            seed=wanted["seed"],
        )

    def rows(self) -> Iterator[Row]:
        """Yield the rows of all paired measures."""
        spreads = [self._clean(side)[1] for side in (0, 1)]
        lengths = [values / spread for values, spread in zip(self._both("displacement_norm"), spreads, strict=True)]
        yield from self._mean_rows("displacement_norm", "relative", lengths)
        yield from self._mean_rows("cosine_alignment", "", self._both("cosine_alignment"))
        for name, split in (("projection", "in_sample"), ("held_out_projection", "held_out")):
            yield from self._direction_rows(name, split)
        yield from self._distance_rows(spreads[1])

    def _both(self, name: str) -> list[np.ndarray]:
        return [side[name][kept] for side, kept in zip(self._sides, self._kept, strict=True)]

    def _mean_rows(self, measure: str, variant: str, both: Sequence[np.ndarray]) -> Iterator[Row]:
        found = mean_rows(*both, self._drawn)
        for text, rows in zip((*self._strengths, ""), found, strict=True):
            named = {"strength": text, "measure": measure, "variant": variant if text else _over_all(variant)}
            yield from (named | row for row in rows)

    def _direction_rows(self, name: str, split: str) -> Iterator[Row]:
        if not all(name in side for side in self._sides):
            return
        both = self._both(name)
        if not all(np.isfinite(values).all() for values in both):
            return
        named = {"variant": "global_direction", "split": split}
        for row in squared_spearman_rows(*both, self._drawn):
            yield {"measure": "squared_spearman", **named, **row}
        if split == "held_out":
            for row in within_clip_rows(*both, self._drawn):
                yield {"measure": "within_clip_spearman", **named, **row}

    def _distance_rows(self, spread: float) -> Iterator[Row]:
        """Yield how far the two embeddings of a clip lie apart, clean (for models) and at each strength."""
        models_differ = self._one.with_quirk[0] != self._one.without[0]
        conditions = [(CLEAN, CLEAN, CLEAN)] if models_differ else []
        conditions += [(text, *(f"{place[1]}/{text}" for place in (self._one.with_quirk, self._one.without)))
                       for text in self._strengths]  # fmt: skip
        clean = self._clean(1)[0]
        for text, *of_sides in conditions:
            ours, theirs = (self._read(side, condition) for side, condition in enumerate(of_sides))
            apart, moved = np.linalg.norm(ours - theirs, axis=1), np.linalg.norm(theirs - clean, axis=1)
            for variant, row in distance_rows(apart, moved, spread, self._drawn):
                yield {"strength": text, "measure": "twin_distance", "variant": variant, "side": BETWEEN, **row}

    def _read(self, side: int, condition: str) -> np.ndarray:
        model = (self._one.with_quirk, self._one.without)[side][0]
        paths = self._embeddings[self._one.dataset, model, *condition.split("/")]
        shards = [shard for path in paths if (shard := read_embeddings(path)).clip_id]
        row_of = {clip: row for row, clip in enumerate(clip for shard in shards for clip in shard.clip_id)}
        embedding = np.concatenate([shard.embedding for shard in shards])
        return embedding[[row_of[clip] for clip in self._clips]].astype(np.float64)

    def _clean(self, side: int) -> tuple[np.ndarray, float]:
        """Return the clean embeddings of the common clips, and the unit of relative lengths."""
        clean = self._read(side, CLEAN)
        return clean, float(np.sqrt(np.mean(np.sum((clean - clean.mean(axis=0)) ** 2, axis=1))))


def _from_tables(one: Comparison, strengths: Sequence[str], index: Mapping[tuple, Row]) -> Iterator[Row]:
    """Yield what stands in the tables for both sides, over all strengths or at the strongest one."""
    keys = [(*what, "", "", "", "") for what in sorted(UNPAIRED)]
    keys += [(*what, strengths[-1], "", "", "") for what in sorted(UNPAIRED_AT_STRONGEST)]
    keys += [("roc_auc", "", strengths[-1], NONE, *way) for way in WAYS]
    keys += [("strength_r2", probe, "", NONE, "", "") for probe in ("linear", "non_linear")]
    for measure, variant, strength, *columns in keys:
        found = [index.get((one.dataset, *place, measure, variant, strength, *columns))
                 for place in (one.with_quirk, one.without)]  # fmt: skip
        if all(row is not None for row in found):
            named = " to ".join(columns[1:]) if measure == "roc_auc" else variant
            shared = {"strength": strength, "measure": measure, "variant": named, "split": found[0]["split"]}
            yield from (shared | row for row in unpaired_rows(*found))


def _over_all(variant: str) -> str:
    return f"{variant}, {OVER_ALL}" if variant else OVER_ALL


def _key(row: Mapping[str, Any]) -> tuple | None:
    """Return what a row of a table is found by; None for single classes and rows without a value."""
    if row["label"] != "all" or row["value"] is None:
        return None
    columns = tuple(row.get(column, "") for column in ("eraser", "train", "test"))
    return (row["dataset"], row["model"], row["effect"], row["measure"], row["variant"], row["strength"], *columns)


def _place_of(path: str, parts: int | None = None) -> tuple[str, ...]:
    """Return (data set, model, condition...) of a file: what follows the folder embeddings, or the last `parts`."""
    named = Path(path.removesuffix(".h5")).parts
    if parts is not None:
        return named[-parts:]
    return named[len(named) - named[::-1].index("embeddings") :]
