"""Fit erasers by name: the one interface of all methods."""

from collections.abc import Callable, Mapping
from typing import Any

from embedshift.erasers import (
    augmentation,
    average_displacement,
    cca,
    displacement_pca,
    generalised_pca,
    inlp,
    lda,
    leace,
    learned,
    normalised_displacement_pca,
    random_subspace,
)
from embedshift.erasers.catalog import check_options
from embedshift.erasers.eraser import Eraser, Map, measure_energy_removed
from embedshift.erasers.linear_map import LinearMap, identity_map
from embedshift.erasers.training_clips import TrainingClips

Fit = Callable[[TrainingClips, Mapping[str, Any], int], tuple[Map, dict[str, float]]]


def _fit_none(clips: TrainingClips, options: Mapping[str, Any], seed: int) -> tuple[LinearMap, dict[str, float]]:
    return identity_map(clips.dim), {}


FITS: dict[str, Fit] = {
    "none": _fit_none,
    "lda": lda.fit,
    "average_displacement": average_displacement.fit,
    "displacement_pca": displacement_pca.fit_centred,
    "normalised_displacement_pca": normalised_displacement_pca.fit,
    "cca_global": cca.fit_global,
    "cca_sample_wise": cca.fit_sample_wise,
    "uncentred_displacement_pca": displacement_pca.fit_uncentred,
    "generalised_pca": generalised_pca.fit,
    "inlp": inlp.fit,
    "leace": leace.fit,
    "learned": learned.fit,
    "random_subspace": random_subspace.fit,
    "augmentation": augmentation.fit,
}


def fit_eraser(
    method: str,
    clips: TrainingClips,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    name: str = "",
    components: int | None = None,
) -> Eraser:
    """Return eraser `method` of the catalogue, fitted on the training clips.

    Parameters
    ----------
    options : those that differ from the defaults
    seed : for the folds of inlp, the network of learned, the draws of random_subspace and augmentation
    name : in the study; the method's by default
    components : number of dimensions of a random subspace of the same rank as another eraser

    Raises
    ------
    UserError
        If an option is unknown or out of bounds.
    """
    resolved = check_options(f"erasers.{name or method}", method, options or {})
    if components is None:
        fitted, details = FITS[method](clips, resolved, seed)
    else:
        fitted, details = random_subspace.fit(clips, {"components": components}, seed)
    return Eraser(
        name=name or method,
        method=method,
        options=resolved,
        seed=seed,
        map=fitted,
        energy_removed=measure_energy_removed(fitted, clips),
        fitted_on=clips.fitted_on,
        details=details,
    )


def fit_erasers(erasers: Mapping[str, Mapping[str, Any]], clips: TrainingClips, seed: int = 0) -> dict[str, Eraser]:
    """Return all erasers, `{name: {"eraser": method, "options": {...}}}` as `check_erasers` returns them, by name.

    They share the moments of the clips; `same_rank_as` takes the dimensions of an eraser fitted before.
    """
    fitted: dict[str, Eraser] = {}
    for name, settings in erasers.items():
        other = settings["options"].get("same_rank_as")
        components = fitted[other].n_dimensions if other else None
        fitted[name] = fit_eraser(settings["eraser"], clips, settings["options"], seed, name, components)
    return fitted
