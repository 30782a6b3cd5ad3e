"""Two tables of the page: every probe and metric with nothing erased, and what each eraser takes away."""

from collections.abc import Sequence
from dataclasses import dataclass

from embedshift.number_text import MISSING, number_text, value_text
from embedshift.robustness_columns import CLEAN, EFFECTED, MIX
from embedshift.robustness_index import ErasureNames, Place, RobustnessIndex
from embedshift.study_layout import StrengthAxis, StudyLayout

PROBES = (
    ("one against rest, ROC AUC", "roc_auc", ""),
    ("one against rest, average precision", "average_precision", ""),
    ("one against rest, balanced accuracy", "balanced_accuracy", ""),
    ("all classes (multinomial), balanced accuracy", "balanced_accuracy", "multinomial"),
    ("all classes (multi-label), average precision", "average_precision", "multi_label"),
)
WAYS = (
    (CLEAN, CLEAN),
    (CLEAN, EFFECTED),
    (EFFECTED, CLEAN),
    (EFFECTED, EFFECTED),
    (CLEAN, MIX),
    (MIX, CLEAN),
    (MIX, MIX),
)
"""What a probe is trained and tested on, one column each; effected is the strongest strength."""
PROBE_COLUMNS = ("probe and metric", *(f"{train} to {test}" for train, test in WAYS))
REMOVAL_COLUMNS = ("eraser", "dimensions", "of the clean embeddings", "of the displacements")
FACTS = ("eraser_dimensions", "clean_energy_removed", "displacement_energy_removed")


@dataclass(frozen=True)
class TableRow:
    """One row: data set, model, effect, what it is of, and texts in the order of the table's columns."""

    dataset: str
    model: str
    effect: str
    name: str
    cells: Sequence[str]


@dataclass(frozen=True)
class PageTable:
    """A table of the page: heading, name of its caption, columns after data set, model and effect, rows."""

    heading: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[TableRow]


def probe_rows(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> list[TableRow]:
    """Return every metric of every probe, trained and tested clean, at the strongest strength and on a mix."""
    found = [
        TableRow(*place, effect, name, _metrics(table, place, layout.effects[effect], measure, variant))
        for place in layout.grid_rows
        for effect in names.effects
        for name, measure, variant in PROBES
    ]
    return [row for row in found if set(row.cells) != {MISSING}]


def removal_rows(table: RobustnessIndex, layout: StudyLayout, names: ErasureNames) -> list[TableRow]:
    """Return dimensions and shares of energy that each eraser removes, the mean over the classes it was fitted on."""
    found = [
        TableRow(*place, effect, eraser, _facts(table, place, effect, eraser))
        for place in layout.grid_rows
        for effect in names.effects
        for eraser in names.erasers
    ]
    return [row for row in found if set(row.cells) != {MISSING}]


def _metrics(table: RobustnessIndex, place: Place, axis: StrengthAxis, measure: str, variant: str) -> list[str]:
    strongest = axis.texts[-1]
    return [
        value_text(table.metric(place, axis.effect, measure, variant, way, strongest if EFFECTED in way else ""), 3)
        for way in WAYS
    ]


def _facts(table: RobustnessIndex, place: Place, effect: str, eraser: str) -> list[str]:
    cells = []
    for measure in FACTS:
        rows = [table.removed(place, effect, eraser, measure, label) for label in (*table.labels, "all")]
        of_classes = [row["value"] for row in rows[:-1] if row is not None]
        values = of_classes or [row["value"] for row in rows if row is not None]
        mean = sum(values) / len(values) if values else None
        dimensions = measure == FACTS[0]
        cells.append(number_text(mean, 1) if dimensions or mean is None else f"{number_text(100 * mean)} %")
    return cells
