"""From robustness.csv to the files of its figures."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from embedshift.figures.style import paper_style, save_figure
from embedshift.robustness_index import ErasureNames, RobustnessIndex, read_names
from embedshift.study_layout import StudyLayout, read_layout
from embedshift.tables import read_table

Draw = Callable[[RobustnessIndex, StudyLayout, ErasureNames], Figure]


def plot_robustness_table(
    *, table: str | Path, settings: str, drawings: Sequence[tuple[Draw, str | Path, str | Path]]
) -> None:
    """Read the table once and save each drawing, given as (draw, svg, png)."""
    layout, names = read_layout(settings), read_names(settings)
    index = RobustnessIndex(read_table(table), names.augmentation)
    with paper_style():
        for draw, svg, png in drawings:
            save_figure(draw(index, layout, names), svg=svg, png=png, dpi=layout.dpi)
