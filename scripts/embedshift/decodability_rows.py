"""Rows on whether the strength can still be read from held-out clips, before and after each eraser."""

import logging
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from embedshift.decodability import FEWEST_FOLDS, Decodability, LinearProbe, NonLinearProbe, measure_decodability
from embedshift.fitted_erasers import ALL, FittedErasers
from embedshift.resampling import group_folds
from embedshift.robustness_columns import NONE
from embedshift.sweep import Sweep

LOGGER = logging.getLogger("embedshift")

Row = dict[str, Any]


def decodability_rows(
    sweep: Sweep, fold: np.ndarray, fitted: FittedErasers, wanted: Mapping[str, Any]
) -> Iterator[Row]:
    """Yield `strength_r2` and `strength_squared_spearman` of a linear probe and of one that is not.

    Erasers are fitted on the clips of all classes here, whatever `fit_on` says: the strength is decoded from all clips
    together. Folds are of whole groups, FEWEST_FOLDS at least, also where the data set's own split serves the probes.
    """
    choices, seed = wanted["robustness"], wanted["seed"]
    number = group_folds(sweep.group, sweep.label, max(choices["folds"], FEWEST_FOLDS), seed)
    if number.max() + 1 < FEWEST_FOLDS:
        LOGGER.warning("The strength is not decoded: that needs %d groups at least.", FEWEST_FOLDS)
        return
    of_all = fitted if np.array_equal(fold, number) else FittedErasers(sweep, number, wanted, fitted.threads)
    drawn = {"resamples": choices["bootstrap"], "confidence": choices["confidence"], "seed": seed}
    for variant, make in (("linear", LinearProbe), ("non_linear", NonLinearProbe)):
        probe = make(sweep.trajectories, number, choices["permutations"], seed)
        for name in (NONE, *fitted.maps):
            decoded = probe.decode(partial(of_all.of_all_classes, name))
            yield from _rows(measure_decodability(decoded, sweep.group, **drawn), variant, name)


def _rows(measured: Decodability, variant: str, eraser: str) -> Iterator[Row]:
    shared = {"label": ALL, "variant": variant, "split": "held_out", "eraser": eraser, "n": measured.n}
    null = {"null_mean": measured.null_r2, "p_value": measured.p_value}
    yield shared | _interval("strength_r2", measured.r2) | null
    yield shared | _interval("strength_squared_spearman", measured.squared_spearman)


def _interval(measure: str, value: tuple[float, float, float]) -> Row:
    return {"measure": measure, "value": value[0], "ci_low": value[1], "ci_high": value[2]}
