"""What Deng et al. (2025) concluded about erasing an effect, beside what these data say, with interval and null."""

from collections.abc import Callable

from embedshift.number_text import number_text, value_text
from embedshift.report.claims import Claim
from embedshift.report.monotonicity_panels import p_phrase
from embedshift.robustness_index import TO_CLEAN, TO_EFFECTED, WAYS, ErasureNames, Place, RobustnessIndex, Row
from embedshift.study_layout import StrengthAxis, StudyLayout

SHORT = {TO_EFFECTED: "clean to effected", TO_CLEAN: "effected to clean"}

Says = Callable[[RobustnessIndex, ErasureNames, Place, StrengthAxis], tuple[str, str]]


def robustness_claims(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> list[Claim]:
    """Return the claims on erasing; an eraser that the study lacks is left out, a claim without rows too."""
    found = []
    for claim, say in _CLAIMS:
        rows = []
        for place in layout.grid_rows:
            for effect in names.effects:
                says, null = say(table, names, place, layout.effects[effect])
                rows += [(f"{layout.row_name(*place)}, {effect}", says, null)] if says else []
        found += [Claim(claim, rows)] if rows else []
    return found


def _of_eraser(eraser: str) -> Says:
    def say(table: RobustnessIndex, names: ErasureNames, place: Place, axis: StrengthAxis) -> tuple[str, str]:
        rows = {way: table.mean_difference(place, axis.effect, eraser, way) for way in WAYS}
        known = {way: row for way, row in rows.items() if row is not None}
        says = "; ".join(f"{SHORT[way]} {value_text(row, 4)}" for way, row in known.items())
        removed = _removed(table, place, axis.effect, eraser) if known else ""
        return f"{says}{removed}", "null 0; " + "; ".join(f"{p_phrase(row)}" for row in known.values())

    return say


def _removed(table: RobustnessIndex, place: Place, effect: str, eraser: str) -> str:
    """Return the share of the displacements' energy that the erasers of the classes remove, the mean over classes."""
    rows = [
        table.removed(place, effect, eraser, "displacement_energy_removed", label) for label in (*table.labels, "all")
    ]
    values = [row["value"] for row in rows[:-1] if row is not None] or [row["value"] for row in rows if row is not None]
    if not values:
        return ""
    return f"; removes {number_text(100 * sum(values) / len(values), 2)} % of the displacements' energy"


def _in_general(table: RobustnessIndex, names: ErasureNames, place: Place, axis: StrengthAxis) -> tuple[str, str]:
    told: dict[str, list[str]] = {"helps": [], "harms": []}
    seen = 0
    for eraser in names.erasers:
        for way in WAYS:
            row = table.mean_difference(place, axis.effect, eraser, way)
            seen += row is not None
            if row is not None and row["p_value"] is not None and row["p_value"] <= names.alpha:
                told["helps" if row["value"] > 0 else "harms"].append(f"{eraser} ({SHORT[way]} {value_text(row, 3)})")
    if not seen:
        return "", ""
    says = "; ".join(f"{word}: {', '.join(which) or 'none'}" for word, which in told.items())
    return says, f"null 0; told at p ≤ {names.alpha:g}, corrected over erasers, of {seen} means"


def _at_every_strength(
    table: RobustnessIndex, names: ErasureNames, place: Place, axis: StrengthAxis
) -> tuple[str, str]:
    told = []
    for eraser in [name for name in names.erasers if name.startswith("cca_sample_wise")]:
        for way in WAYS:
            rows = table.differences(place, axis, eraser, way)
            told += [_count(eraser, SHORT[way], rows, names.alpha)] if rows else []
    return "; ".join(told), f"null 0; p ≤ {names.alpha:g}, corrected over strengths"


def _count(eraser: str, way: str, rows: list[Row], alpha: float) -> str:
    above = [row for row in rows if row["value"] > 0]
    told = [row for row in above if row["p_value"] is not None and row["p_value"] <= alpha]
    lowest = min(rows, key=lambda row: row["value"])
    return (
        f"{eraser}, {way}: above none at {len(above)} of {len(rows)} strengths, told from 0 at {len(told)}; "
        f"least {value_text(lowest, 4)}"
    )


_CLAIMS: tuple[tuple[str, Says], ...] = (
    ("Erasing the average displacement: often +0.003 to +0.01, sometimes negative", _of_eraser("average_displacement")),
    ("Erasing the normalised principal component is neutral", _of_eraser("normalised_displacement_pca")),
    ("Erasing the principal component of the displacements sometimes harms", _of_eraser("displacement_pca")),
    ("No method generally helps", _in_general),
    ("In one case (OpenL3, reverb, cello) erasing sample-wise directions helps at every strength", _at_every_strength),
)
