"""The rows of tables that say how well a direction orders the strengths."""

from collections.abc import Iterator, Mapping
from typing import Any

from embedshift.estimates import Estimate
from embedshift.monotonicity import Monotonicity


def correlation_rows(found: Monotonicity, names: Mapping[str, Any], confidence: float) -> Iterator[dict[str, Any]]:
    """Yield squared Spearman and Pearson, in sample and held out, and the mean rho within held-out clips.

    names: the columns that all rows share, among them `variant`, the kind of direction.
    """
    scores = (
        ("squared_spearman", "in_sample", found.in_sample),
        ("squared_spearman", "held_out", found.held_out),
        ("squared_pearson", "in_sample", found.in_sample_pearson),
        ("squared_pearson", "held_out", found.held_out_pearson),
        ("within_clip_spearman", "held_out", found.within_clip),
    )
    for measure, split, score in scores:
        if score is not None:
            estimate = Estimate(float(score.value), score.resampled, score.null)
            yield {**names, "measure": measure, "split": split, **estimate.cells(confidence)}
