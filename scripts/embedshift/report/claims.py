"""What Deng et al. (2025) concluded, beside what these data say, with interval and null."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embedshift.common_motion_curves import CURVES, shared_rank_text
from embedshift.number_text import MISSING, number_text, value_text
from embedshift.report.monotonicity_panels import p_phrase
from embedshift.scores import Place, held_out_score, in_sample_score
from embedshift.study_layout import StrengthAxis, StudyLayout
from embedshift.table_index import Row, TableIndex

FINE_BITS = 10
Say = Callable[[TableIndex, Place, StrengthAxis], tuple[str, str]]


@dataclass(frozen=True)
class Claim:
    """A published claim and, for each model and effect, what these data say and with which interval and null."""

    claim: str
    rows: Sequence[tuple[str, str, str]]


def claims(table: TableIndex, layout: StudyLayout) -> list[Claim]:
    """Return the claims on sensitivity; a model and effect without numbers is left out, a claim without any too."""
    found = [Claim(claim, _rows(table, layout, say)) for claim, say in _CLAIMS]
    return [claim for claim in found if claim.rows]


def _rows(table: TableIndex, layout: StudyLayout, say: Say) -> list[tuple[str, str, str]]:
    rows = []
    for place in layout.grid_rows:
        for axis in layout.effects.values():
            says, with_null = say(table, place, axis)
            if says:
                rows.append((f"{layout.row_name(*place)}, {axis.effect}", says, with_null))
    return rows


def _global(table: TableIndex, place: Place, axis: StrengthAxis) -> tuple[str, str]:
    in_sample, held_out = in_sample_score(table, place, axis), held_out_score(table, place, axis)
    if in_sample is None:
        return "", ""
    says = f"in sample {number_text(in_sample['value'], 2)}, held out {value_text(held_out, 2)}"
    null = f"in sample {number_text(in_sample['null_mean'], 2)}"
    return says, f"null {null}{_held_out_null(held_out)}"


def _held_out_null(row: Row | None) -> str:
    return "" if row is None else f", held out {number_text(row['null_mean'], 2)}; {p_phrase(row)}"


def _sample_wise(table: TableIndex, place: Place, axis: StrengthAxis) -> tuple[str, str]:
    where = {"label": "all"}
    published = table.one(*place, axis.effect, "squared_spearman", variant="sample_wise_directions", **where)
    left_out = table.one(*place, axis.effect, "squared_spearman", variant="sample_wise_ridge", **where)
    if published is None or left_out is None:
        return "", ""
    says = f"in sample {number_text(published['value'], 2)} (an identity), left-out strengths {value_text(left_out, 2)}"
    return says, f"null {number_text(left_out['null_mean'], 2)}; {p_phrase(left_out)}"


def _dimensions(table: TableIndex, place: Place, axis: StrengthAxis) -> tuple[str, str]:
    ratio = table.one(*place, axis.effect, "participation_ratio", variant="between_groups", label="all")
    if ratio is None:
        return "", ""
    freed = table.one(*place, axis.effect, "participation_ratio", variant="noise_corrected", label="all")
    shared = table.one(*place, axis.effect, "shared_rank", label="all")
    trajectory = CURVES[1].over_all(table, place, axis)
    says = [f"participation ratio {value_text(ratio, 1)}"]
    says += [f"without noise {value_text(freed, 1)}"] if freed is not None else []
    says += [f"one common trajectory explains {value_text(trajectory, 2)}"] if trajectory is not None else []
    null = MISSING if shared is None else f"{shared_rank_text(shared)} directions exceed rotated clips"
    return "; ".join(says), f"{null}; {p_phrase(shared)}"


def _jumps(table: TableIndex, place: Place, axis: StrengthAxis) -> tuple[str, str]:
    longest = table.one(*place, axis.effect, "jump", variant="largest_step", label="all")
    common = table.one(*place, axis.effect, "jump", variant="at_one_strength", label="all")
    if longest is None or common is None:
        return "", ""
    says = f"longest step {value_text(longest, 1)} × the median step"
    says += f"; at one strength for all clips {value_text(common, 1)} ×"
    return says, f"null (steps permuted within clips) {number_text(common['null_mean'], 1)} ×; {p_phrase(common)}"


def _bunching(table: TableIndex, place: Place, axis: StrengthAxis) -> tuple[str, str]:
    """Return the longest steps between fine and between coarse depths, in units of each clip's median step."""
    if axis.parameter != "bit_depth":
        return "", ""
    steps = table.curve(*place, axis, "relative_step", label="all")
    fine = [row for row in steps if float(row["strength"]) >= FINE_BITS]
    coarse = [row for row in steps if float(row["strength"]) < FINE_BITS]
    if not fine or not coarse:
        return "", ""
    longest = [value_text(max(rows, key=lambda row: row["value"]), 2) for rows in (fine, coarse)]
    says = f"longest step between depths of {FINE_BITS} bits and more {longest[0]} × the median step"
    return f"{says}, below {longest[1]} ×", "even steps: 1 × everywhere"


_CLAIMS: tuple[tuple[str, Say], ...] = (
    ("Global direction: R² above 0.95 for most models and effects", _global),
    ("Sample-wise directions: R² = 1 for all clips, models and effects", _sample_wise),
    (
        "Singular values decay slowly: the deformation is high-dimensional, effects are not linear across clips",
        _dimensions,
    ),
    ("Trajectories jump, those of CLAP with bitcrush above all", _jumps),
    (f"Bitcrush points of PANNs bunch above {FINE_BITS} bits", _bunching),
)
