"""Rows on the clean and the effected cloud of clips at one strength: four distances, each with its null."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from embedshift.alignment_of_clouds import debiased_cka, few_columns, procrustes_distance, u_centred
from embedshift.estimates import Estimate
from embedshift.frechet import measure_frechet
from embedshift.geometry_settings import GeometrySettings, Subset
from embedshift.kernel_distance import KERNELS, bandwidth, discrepancy_sums, measure_discrepancy

FEWEST_CLIPS = 4
SHUFFLES = 19
MOST_SHUFFLED_VALUES = 1 << 28
Row = dict[str, Any]


class CleanCloud:
    """What all strengths share: clean rows standardised, their inner products, the kernel's width, orders of clips."""

    def __init__(self, clean: np.ndarray, pairs: Subset, chosen: GeometrySettings) -> None:
        self.clean = clean
        rows = clean.astype(np.float64)
        self.mean = rows.mean(axis=0)
        rows -= self.mean
        self.scale = float(np.sqrt(np.mean(rows**2))) or 1.0
        self.rows = rows / self.scale
        self.turned = few_columns(self.rows)
        self.gram = self.rows @ self.rows.T
        self.width = bandwidth(self.gram, pairs.groups)
        self.centred = u_centred(self.gram) if len(rows) >= FEWEST_CLIPS else None
        rng = np.random.default_rng(chosen.seed)
        number = min(chosen.permutations, max(SHUFFLES, MOST_SHUFFLED_VALUES // (100 * self.gram.size)))
        self.shuffles = np.array([rng.permutation(len(rows)) for _ in range(number)])


def cloud_rows(
    cloud: CleanCloud, effected: np.ndarray, pairs: Subset, chosen: GeometrySettings, names: Mapping[str, Any]
) -> Iterator[Row]:
    """Yield the distances of the clean cloud from effected (clips, dim); nothing for one group or under 4 clips."""
    if cloud.centred is None or len(pairs.groups) < 2:
        return
    names = {**names, "n": len(pairs.clips)}
    frechet = measure_frechet(cloud.clean, effected, pairs.groups, chosen.seed)
    yield _row(names, "frechet", "sample", Estimate(frechet.value, frechet.resampled), chosen)
    shifted = frechet.resampled + (frechet.limit - frechet.value)
    yield _row(names, "frechet", "limit", Estimate(frechet.limit, shifted), chosen)
    rows = (effected - cloud.mean) / cloud.scale
    own = rows @ rows.T
    grams = (cloud.gram, own, cloud.rows @ rows.T)
    for kernel in KERNELS:
        between = discrepancy_sums(kernel, grams, rows.shape[1], cloud.width, pairs.groups)
        found = measure_discrepancy(between, pairs.groups, chosen.permutations, chosen.seed)
        yield _row(names, "mmd", kernel, Estimate(*found), chosen)
    del grams
    aligned = debiased_cka(cloud.centred, u_centred(own), pairs.groups, cloud.shuffles)
    estimate = Estimate(aligned.value, aligned.resampled, aligned.shuffled)
    yield _row(names, "cka_debiased", "", estimate, chosen)
    few = cloud.shuffles[:SHUFFLES] if min(rows.shape) <= 512 else cloud.shuffles[:0]
    apart = procrustes_distance(cloud.turned, effected, pairs.groups, few)
    estimate = Estimate(apart.value, apart.resampled, apart.shuffled)
    cells = estimate.cells(chosen.confidence, low_is_strong=True)
    yield {**names, "measure": "procrustes", **cells}


def _row(names: Mapping[str, Any], measure: str, variant: str, estimate: Estimate, chosen: GeometrySettings) -> Row:
    return {**names, "measure": measure, "variant": variant, **estimate.cells(chosen.confidence)}
