"""The distances between the clean and the effected cloud: where they stand in the table, and what they are called."""

from dataclasses import dataclass

from embedshift.common_motion_curves import Curve


@dataclass(frozen=True)
class Distance:
    """One plot of distances over the strengths; a plot of bounded ones runs from 0 to 1; `title` in lines."""

    title: tuple[str, ...]
    curves: tuple[Curve, ...]
    bounded: bool = False


DISTANCES = (
    Distance(
        ("Fréchet",),
        (Curve("Fréchet of these clips", "frechet", "sample"), Curve("its limit for many clips", "frechet", "limit")),
    ),
    Distance(("MMD²,", "cubic"), (Curve("MMD², cubic kernel", "mmd", "polynomial"),)),
    Distance(("MMD²,", "Gaussian"), (Curve("MMD², Gaussian kernel", "mmd", "gaussian"),)),
    Distance(
        ("CKA,", "Procrustes"),
        (Curve("debiased CKA (1: alike)", "cka_debiased", ""), Curve("Procrustes (0: alike)", "procrustes", "")),
        bounded=True,
    ),
)
CURVES = tuple(curve for distance in DISTANCES for curve in distance.curves)
"""All curves, in the order of their colours."""
