"""How a squared correlation is spread over clips: bins of a twentieth, and their names in the table."""

import numpy as np

BIN_WIDTH = 0.05
"""The published histogram has 20 bins; here they cover 0 to 1, and -1 to 0 for values that keep a sign."""
LOWER_EDGES = np.arange(-20, 20) / 20


def membership(values: np.ndarray) -> np.ndarray:
    """Return in which bin each of values (clips,) lies, (clips, bins) float64 of 0 and 1.

    values go from -1 to 1, but for rounding; an upper edge belongs to the next bin, but 1 to the last.
    """
    place = np.clip(np.searchsorted(LOWER_EDGES, values, side="right") - 1, 0, len(LOWER_EDGES) - 1)
    return (place[:, None] == np.arange(len(LOWER_EDGES))).astype(np.float64)


def bin_name(variant: str, place: int) -> str:
    """Return the variant of a bin's row, `<variant>/<lower edge>`."""
    return f"{variant}/{LOWER_EDGES[place]:+.2f}"


def lower_edge(name: str) -> float:
    """Return the lower edge of the bin that a row's variant names."""
    return float(name.rsplit("/", 1)[1])
