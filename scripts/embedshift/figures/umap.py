"""Maps of trajectories by UMAP, strength as colour, clean as a cross."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from embedshift.figures.trajectories import draw_maps
from embedshift.study_layout import StudyLayout
from embedshift.trajectory_maps import UMAP

FOOTNOTE = (
    "Each panel is a map of its own, fitted with a seed to clean and effected embeddings of many clips of all classes, "
    "not to the clips drawn. Lines: single clips; cross: clean (dotted line to the weakest strength). UMAP keeps "
    "neighbours, not distances: a gap in a line is no evidence of a jump in the embedding; see the measured steps."
)


def draw_umap(rows: Sequence[Mapping[str, Any]], layout: StudyLayout) -> Figure:
    """Draw a model x effect grid of maps from the rows of trajectories.csv with measures umap1 and umap2."""
    return draw_maps(rows, layout, UMAP, FOOTNOTE)
