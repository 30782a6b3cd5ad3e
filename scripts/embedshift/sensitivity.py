"""The analysis of one sweep: displacements, direction, dimensions and map, as rows of tables and one HDF5 file."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from threadpoolctl import threadpool_limits

from embedshift.directions import sample_wise_blocks
from embedshift.displacement import Displacement, measure_displacement
from embedshift.monotonicity import Monotonicity, measure_monotonicity
from embedshift.monotonicity_rows import correlation_rows
from embedshift.needs import FEWEST_GROUPS, FEWEST_STRENGTHS
from embedshift.rank_correlation import highest_squared_spearman
from embedshift.resampling import GroupDraws, bootstrap_means, draw_groups, percentile_interval
from embedshift.scratch_sweep import chosen_clips
from embedshift.spectra import (
    clean_variances,
    components_for,
    displacement_variances,
    participation_ratio,
    relative_singular_values,
)
from embedshift.store import write_arrays
from embedshift.sweep import MEMORY_BYTES, Files, Sweep, build_sweep
from embedshift.tables import write_table
from embedshift.trajectories import trajectory_rows

LOGGER = logging.getLogger("embedshift")
SHARES = 20
SINGULAR_VALUES = 50
ILL_CONDITIONED = 1e6

Row = dict[str, Any]


def measure_sensitivity(
    *,
    manifest: str | Path,
    clean: Files,
    effected: Sequence[str | Path],
    analysis: str | Path,
    rows: str | Path,
    trajectories: str | Path,
    settings: str,
    code: str,
    threads: int = 1,
) -> None:
    """Analyse one model under one effect; write `analysis` (HDF5), `rows` and `trajectories` (CSV).

    effected: embedding files in the order of the strengths (with shards see `build_sweep`).
    settings: JSON with dataset, model, effect, strengths
    (texts), values, seed, sensitivity {folds, permutations, bootstrap, confidence} and maps {clips_per_class}.
    An effect with one strength has displacements and a map, but no order of strengths: nothing else is written then.
    One BLAS thread is used, so that the tables are the same on any number of cores; `threads` only spreads the
    sample-wise directions, which do not depend on it.

    Raises
    ------
    UserError
        If the files do not belong together, no clip is audible at all strengths, or a class is called `all`.
    """
    wanted = json.loads(settings)
    with threadpool_limits(1):
        sweep = build_sweep(manifest, clean, effected, MEMORY_BYTES)
        LOGGER.info("The sweep has %d clips, %d strengths, %d dimensions", *sweep.trajectories.shape)
        displacement = measure_displacement(sweep.clean, sweep.trajectories, sweep.group)
        found = list(_displacement_rows(sweep, displacement, wanted))
        arrays, attributes = _displacement_arrays(sweep, displacement, wanted), {}
        notes = list(_displacement_notes(sweep, displacement, wanted))
        if len(wanted["strengths"]) >= FEWEST_STRENGTHS:
            monotonicity = _measure_directions(sweep, wanted)
            found += _direction_rows(sweep, monotonicity, wanted)
            rows_of_spectra, spectra = _measure_spectra(sweep, threads)
            found += rows_of_spectra
            arrays |= _direction_arrays(monotonicity["all"]) | spectra
            attributes = {name: getattr(monotonicity["all"], name) for name in ("condition_number", "method")}
            notes += _direction_notes(sweep, monotonicity, wanted)
        on_map = trajectory_rows(sweep, wanted["strengths"], wanted["maps"]["clips_per_class"], wanted["seed"])
        write_table(trajectories, _named(on_map, wanted))
        write_table(rows, _named(found, wanted))
    write_arrays(analysis, arrays, attributes | _origin(wanted, settings, code, notes))


def _named(rows: Iterator[Row] | list[Row], wanted: Mapping[str, Any]) -> Iterator[Row]:
    names = {column: wanted[column] for column in ("dataset", "model", "effect")}
    return (names | row for row in rows)


def _origin(wanted: Mapping[str, Any], settings: str, code: str, notes: list[str]) -> dict[str, Any]:
    """Return the attributes that say what made the file, and the notes for the report."""
    for note in notes:
        LOGGER.info("%s", note)
    return {
        "settings": settings,
        "code": code,
        "model": wanted["model"],
        "notes": json.dumps(notes, ensure_ascii=False),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }


def _displacement_rows(sweep: Sweep, displacement: Displacement, wanted: Mapping[str, Any]) -> Iterator[Row]:
    """Yield mean length, relative length and cosines for each strength and class, with group-bootstrap intervals."""
    spread = displacement.clean_spread if displacement.clean_spread > 0 else np.nan
    measures = (
        ("displacement_norm", "absolute", displacement.norm),
        ("displacement_norm", "relative", displacement.norm / spread),
        ("cosine_to_clean", "", displacement.cosine_to_clean),
        ("cosine_alignment", "", displacement.cosine_alignment),
    )
    for label, clips in sweep.subsets():
        draws = draw_groups(sweep.group[clips], wanted["sensitivity"]["bootstrap"], wanted["seed"])
        for measure, variant, values in measures:
            names = {"label": label, "measure": measure, "variant": variant}
            yield from _mean_rows(values[clips], draws, wanted, names)


def _mean_rows(values: np.ndarray, draws: GroupDraws, wanted: Mapping[str, Any], names: Row) -> Iterator[Row]:
    """Yield one row for each strength: the mean of values (clips, strengths) over clips and its interval."""
    resampled = bootstrap_means(values, draws)
    low, high = percentile_interval(resampled, wanted["sensitivity"]["confidence"])
    for position, text in enumerate(wanted["strengths"]):
        defined = values[np.isfinite(values[:, position]), position]
        mean = defined.mean() if len(defined) else np.nan
        interval = {"ci_low": low[position], "ci_high": high[position]}
        yield names | {"strength": text, "value": mean, "n": len(defined)} | interval


def _displacement_arrays(sweep: Sweep, displacement: Displacement, wanted: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {
        "strength": np.array(wanted["values"], dtype=np.float64),
        "strength_text": np.array(wanted["strengths"], dtype=object),
        "clip_id": sweep.clip_id,
        "label": sweep.label,
        "group": sweep.group,
        "displacement_norm": displacement.norm,
        "cosine_to_clean": displacement.cosine_to_clean,
        "cosine_alignment": displacement.cosine_alignment,
    }


def _measure_directions(sweep: Sweep, wanted: Mapping[str, Any]) -> dict[str, Monotonicity]:
    """Return the monotonicity along the global direction of all clips, and of each class along its own."""
    chosen = wanted["sensitivity"]
    measured = {}
    for label, clips in sweep.subsets():
        LOGGER.info("Fitting the global direction of %d clips (%s)", len(clips), label)
        measured[label] = measure_monotonicity(
            sweep.trajectories,
            clips,
            sweep.group[clips],
            sweep.label[clips],
            folds=chosen["folds"],
            permutations=chosen["permutations"],
            resamples=chosen["bootstrap"],
            seed=wanted["seed"],
        )
    return measured


def _direction_rows(sweep: Sweep, monotonicity: Mapping[str, Monotonicity], wanted: Mapping[str, Any]) -> Iterator[Row]:
    """Yield correlations, in sample and held out, the ceiling of Spearman's, and mean held-out projections."""
    for label, clips in sweep.subsets():
        found = monotonicity[label]
        names = {"label": label, "n": len(clips), "measure": "squared_spearman", "variant": "global_direction"}
        highest = highest_squared_spearman(len(clips), len(wanted["strengths"]))
        yield names | {"measure": "squared_spearman_ceiling", "value": highest}
        yield from correlation_rows(found, names, wanted["sensitivity"]["confidence"])
        if found.held_out is None:
            continue
        names = {"label": label, "measure": "held_out_projection", "variant": "standardised", "split": "held_out"}
        draws = draw_groups(sweep.group[clips], wanted["sensitivity"]["bootstrap"], wanted["seed"])
        yield from _mean_rows(found.held_out_projection, draws, wanted, names)


def _direction_arrays(found: Monotonicity) -> dict[str, np.ndarray]:
    return {
        "fold": found.fold,
        "direction": found.direction,
        "projection": found.projection,
        "held_out_projection": found.held_out_projection,
    }


def _measure_spectra(sweep: Sweep, threads: int) -> tuple[list[Row], dict[str, np.ndarray]]:
    """Return rows on how many dimensions displacements and clean embeddings fill, and the spectra of all clips."""
    rows: list[Row] = []
    arrays: dict[str, np.ndarray] = {}
    for label, clips in sweep.subsets():
        subset = slice(None) if label == "all" else clips
        trajectories = sweep.trajectories if label == "all" else chosen_clips(sweep.trajectories, clips)
        centred, uncentred = displacement_variances(sweep.clean[subset], trajectories)
        clean = clean_variances(sweep.clean[subset])
        spectra = {
            "sample_wise_singular_values": relative_singular_values(
                sample_wise_blocks(trajectories, threads), len(clips), SINGULAR_VALUES
            ),
            "clean_singular_values": _relative_sizes(clean),
            "displacement_explained_variance": centred,
        }
        arrays = arrays or spectra
        names = {"label": label, "n": len(clips)}
        variances = {"displacements": centred, "displacements_uncentred": uncentred, "clean": clean}
        rows += _dimension_rows(variances, names)
        rows += _numbered(_shares(centred), "displacement_variance_share", "component_", names)
        rows += _numbered(spectra["sample_wise_singular_values"], "singular_value", "sample_wise_directions/", names)
        rows += _numbered(spectra["clean_singular_values"], "singular_value", "clean/", names)
    return rows, arrays


def _dimension_rows(variances: Mapping[str, np.ndarray], names: Row) -> Iterator[Row]:
    for variant, values in variances.items():
        ratio, components = participation_ratio(values), components_for(values, 0.9)
        yield names | {"measure": "participation_ratio", "variant": variant, "value": ratio}
        yield names | {"measure": "components_for_90_percent", "variant": variant, "value": components}


def _numbered(values: np.ndarray, measure: str, prefix: str, names: Row) -> Iterator[Row]:
    for number, value in enumerate(values, start=1):
        yield names | {"measure": measure, "variant": f"{prefix}{number:03d}", "value": value}


def _shares(variances: np.ndarray) -> np.ndarray:
    return variances[:SHARES] / variances.sum() if variances.sum() > 0 else np.zeros(0)


def _relative_sizes(variances: np.ndarray) -> np.ndarray:
    """Return singular values of centred embeddings, divided by the largest, from their variances."""
    return np.sqrt(variances[:SINGULAR_VALUES] / variances[0]) if variances[0] > 0 else np.zeros(0)


def _displacement_notes(sweep: Sweep, displacement: Displacement, wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a reader of the results must know about the clips and the strengths."""
    if sweep.left_out:
        yield (
            f"{len(sweep.left_out)} clips are silent, clean or at some strength, and left out at all strengths: "
            f"{_listed(sweep.left_out)}."
        )
    still = [t for t, norm in zip(wanted["strengths"], displacement.norm.T, strict=True) if not norm.any()]
    if still:
        yield f"No embedding differs from the clean one at strength {_listed(still)}: no alignment is defined there."
    if len(np.unique(sweep.group)) < FEWEST_GROUPS:
        yield "All clips belong to one group: there are no intervals, no held-out values and no alignment."
    if len(wanted["strengths"]) < FEWEST_STRENGTHS:
        yield "The effect has one strength: displacements and the map are given, directions and spectra are not."


def _direction_notes(
    sweep: Sweep, monotonicity: Mapping[str, Monotonicity], wanted: Mapping[str, Any]
) -> Iterator[str]:
    """Yield what a reader must know about folds and about the conditioning of the direction."""
    folds = wanted["sensitivity"]["folds"]
    groups = {label: len(np.unique(sweep.group[clips])) for label, clips in sweep.subsets()}
    fewer = [f"{label} ({number})" for label, number in groups.items() if 1 < number < folds]
    if fewer:
        yield f"Fewer groups than the {folds} folds asked for, so there are as many folds as groups: {_listed(fewer)}."
    single = [label for label, number in groups.items() if number == 1 and label != "all"]
    if single:
        yield f"Classes with one group have no held-out value and no interval: {_listed(single)}."
    condition = monotonicity["all"].condition_number
    if condition > ILL_CONDITIONED:
        yield (
            f"The condition number of the embeddings is {condition:.1e}: the global direction rests on differences "
            "near rounding and may turn with the slightest change."
        )


def _listed(names: Sequence[str], longest: int = 8) -> str:
    shown = ", ".join(names[:longest])
    return shown if len(names) <= longest else f"{shown} and {len(names) - longest} more"
