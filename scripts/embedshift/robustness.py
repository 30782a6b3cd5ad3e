"""What erasing an effect does: class probes under it, differences to erasing nothing, and whether it is erased.

One job is one (data set, model, effect). Erasers are fitted on the training clips of a fold, of one class (as
published) or of all; probes never see a test clip; every number is of clips, and of groups, that nothing was fitted on.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from embedshift.classification import ProbeChoices, score_regimes
from embedshift.decodability_rows import decodability_rows
from embedshift.erasers.storage import write_erasers
from embedshift.errors import UserError
from embedshift.fitted_erasers import FittedErasers
from embedshift.joint_curves import joint_rows
from embedshift.resampling import group_folds
from embedshift.robustness_columns import OWN_COLUMNS
from embedshift.robustness_curves import METRICS, curve_rows, difference_rows, mean_difference_rows, measure_regimes
from embedshift.sweep import Sweep, build_sweep
from embedshift.tables import write_table
from embedshift.training_sets import given_split

LOGGER = logging.getLogger("embedshift")

Row = dict[str, Any]


def measure_robustness(
    *,
    manifest: str | Path,
    clean: str | Path,
    effected: Sequence[str | Path],
    rows: str | Path,
    erasers: str | Path,
    settings: str,
    code: str,
    threads: int = 1,
) -> None:
    """Measure one model under one effect; write `rows` (CSV) and the fitted `erasers` (HDF5).

    effected: embedding files in the order of the strengths. settings: JSON with dataset, model, effect, strengths
    (texts), values, seed and robustness {erasers, eraser_order, fit_on, split, folds, protocol, bootstrap, confidence,
    permutations}. `threads` changes no number.

    Raises
    ------
    UserError
        If a class has too few clips or groups to train and test a probe.
    """
    wanted = json.loads(settings)
    with threadpool_limits(1):
        sweep = build_sweep(manifest, clean, effected)
        LOGGER.info("The sweep has %d clips, %d strengths, %d dimensions", *sweep.trajectories.shape)
        fold = outer_folds(sweep, wanted)
        fitted = FittedErasers(sweep, fold, wanted, threads)
        found = [*_probe_rows(sweep, fold, fitted, wanted, threads), *joint_rows(sweep, fold, wanted)]
        found += [*decodability_rows(sweep, fold, fitted, wanted), *fitted.rows()]
    of_job = {name: wanted[name] for name in ("dataset", "model", "effect")}
    write_erasers(erasers, fitted.for_storage(), of_job | {"settings": settings, "code": code})
    write_table(rows, (of_job | row for row in found), OWN_COLUMNS)


def outer_folds(sweep: Sweep, wanted: Mapping[str, Any]) -> np.ndarray:
    """Return the outer fold that tests each clip, (clips,) int; -1 for clips that only train.

    `split: given` tests on the manifest's split `test`; `split: folds` tests every clip once, whole groups together.

    Raises
    ------
    UserError
        If there is one class or one group only, or no given split.
    """
    choices = wanted["robustness"]
    if len(np.unique(sweep.label)) < 2:
        raise UserError(f"datasets.{wanted['dataset']}: robustness asks which class a clip is of, but there is one "
                        "class only. Give labels in the table, or one folder a class.")  # fmt: skip
    if choices["split"] == "given":
        return given_split(sweep.split)
    fold = group_folds(sweep.group, sweep.label, choices["folds"], wanted["seed"])
    if fold.max() < 1:
        raise UserError(f"datasets.{wanted['dataset']}: probes need at least two groups, one to train and one to "
                        "test on; all clips are of one group. Give groups in the table of the data set.")  # fmt: skip
    return fold


def _probe_rows(
    sweep: Sweep, fold: np.ndarray, fitted: FittedErasers, wanted: Mapping[str, Any], threads: int
) -> Iterator[Row]:
    """Yield every metric of every regime, and the differences of each eraser to none."""
    choices, texts = wanted["robustness"], wanted["strengths"]
    inner = "stratified" if choices["protocol"] == "deng2025" else "grouped"
    probes = ProbeChoices(folds=inner, augmented=fitted.copies, seed=wanted["seed"])
    maps = {name: partial(fitted.of_class, name) for name in fitted.maps}
    scores = score_regimes(sweep.clean, sweep.trajectories, sweep.label, sweep.group, fold, maps, probes, threads)
    LOGGER.info("%d probes trained, C of each chosen from %d by cross-validation", scores.trained, len(probes.grid))
    drawn = {"resamples": choices["bootstrap"], "seed": wanted["seed"], "threads": threads}
    for metric in METRICS:
        measured = measure_regimes(scores, sweep.label, sweep.group, metric=metric, **drawn)
        yield from curve_rows(measured, texts, choices["confidence"])
        if metric == METRICS[0]:
            yield from difference_rows(measured, texts, choices["confidence"])
            yield from mean_difference_rows(measured, texts, choices["confidence"])
