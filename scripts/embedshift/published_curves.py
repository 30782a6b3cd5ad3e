"""The ROC AUC curves that Deng, Wang, Richard and McFee published (ICASSP 2025), to draw one's own over.

One figure with numbers is public, three rows of a model, an effect and a class: OpenL3, reverb, cello; PANNs, gain,
organ; CLAP, low-pass, acoustic guitar. The values were read back from its vector paths (error below 0.0001). Where a
curve leaves the page nothing is known but that it does. Models, effects and erasers have the names of
`studies/sensitivity.yaml`; a published curve is one run without seeds or intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedshift.csv_rows import read_csv_rows
from embedshift.errors import UserError
from embedshift.strengths import text_of

COLUMNS = ("model", "effect", "class", "eraser", "regime", "strength", "auc", "drawn", "source_note")
REGIMES = ("clean_to_effected", "effected_to_clean")
"""Trained on clean and tested on effected clips, and the other way round."""
DRAWN = ("inside", "outside")
CLEAN = "clean"


@dataclass(frozen=True)
class PublishedCurve:
    """One published curve.

    Attributes
    ----------
    model, effect, label, eraser : names as in studies/sensitivity.yaml
    regime : one of REGIMES
    strengths : texts as in the tables of results, in the order published, `clean` among them
    auc : float64 (strengths,), ROC AUC on the test clips; NaN where the curve is outside of the page
    notes : (strengths,), where each value is from
    """

    model: str
    effect: str
    label: str
    eraser: str
    regime: str
    strengths: tuple[str, ...]
    auc: np.ndarray
    notes: tuple[str, ...]

    def at(self, strength: str) -> float:
        """Return the AUC at one strength (its text), NaN where it is not known."""
        known = dict(zip(self.strengths, self.auc, strict=True))
        return float(known.get(strength, np.nan))


def read_published_curves(path: str | Path) -> list[PublishedCurve]:
    """Return the curves of a file in the order of its rows.

    Raises
    ------
    UserError
        If a column is missing, a value is no AUC, or one outside of the page has a value.
    """
    rows = read_csv_rows(path)
    if not rows or tuple(rows[0]) != COLUMNS:
        raise UserError(f"{path}: the columns are {', '.join(rows[0]) if rows else 'none'}; need {', '.join(COLUMNS)}.")
    grouped: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        _check(path, row)
        grouped.setdefault(tuple(row[column] for column in COLUMNS[:5]), []).append(row)
    return [_curve(names, of_curve) for names, of_curve in grouped.items()]


def curves_for(
    curves: Sequence[PublishedCurve], model: str, effect: str, label: str, regime: str
) -> dict[str, PublishedCurve]:
    """Return the published curves of one panel by eraser; empty where none was published."""
    wanted = (model, effect, label, regime)
    return {curve.eraser: curve for curve in curves if (curve.model, curve.effect, curve.label, curve.regime) == wanted}


def _curve(names: tuple[str, ...], rows: Sequence[dict[str, str]]) -> PublishedCurve:
    return PublishedCurve(
        *names,
        strengths=tuple(_strength_text(row["strength"]) for row in rows),
        auc=np.array([float(row["auc"] or np.nan) for row in rows]),
        notes=tuple(row["source_note"] for row in rows),
    )


def _strength_text(published: str) -> str:
    return CLEAN if published == CLEAN else text_of(float(published))


def _check(path: str | Path, row: dict[str, str]) -> None:
    known = row["drawn"] == "inside"
    if row["drawn"] not in DRAWN or row["regime"] not in REGIMES or known != bool(row["auc"]):
        raise UserError(f"{path}: {row} is no point of a curve: drawn is {' or '.join(DRAWN)}, with an AUC if inside.")
    if known and not 0 <= float(row["auc"]) <= 1:
        raise UserError(f"{path}: the AUC {row['auc']} at {row['strength']} does not lie between 0 and 1.")
