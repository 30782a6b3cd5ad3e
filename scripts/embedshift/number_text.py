"""Numbers as readers see them: three significant digits, intervals in brackets, p-values."""

import math
from collections.abc import Mapping
from typing import Any

MISSING = "–"


def number_text(value: float | None, decimals: int | None = None) -> str:
    """Return `value` with `decimals` places, or with three significant digits; a dash where it is missing."""
    if value is None or math.isnan(value):
        return MISSING
    text = f"{value:.{decimals}f}" if decimals is not None else _three_digits(value)
    stripped = text.lstrip("-")
    text = stripped if not stripped.strip("0.") else text
    return text.replace("-", "\N{MINUS SIGN}")


def interval_text(row: Mapping[str, Any] | None, decimals: int | None = None) -> str:
    """Return `[low, high]` of a table row, or nothing where the row has no interval."""
    if row is None or row["ci_low"] is None or row["ci_high"] is None:
        return ""
    return f"[{number_text(row['ci_low'], decimals)}, {number_text(row['ci_high'], decimals)}]"


def value_text(row: Mapping[str, Any] | None, decimals: int | None = None) -> str:
    """Return value and interval of a table row."""
    if row is None:
        return MISSING
    return f"{number_text(row['value'], decimals)} {interval_text(row, decimals)}".strip()


def p_text(row: Mapping[str, Any] | None) -> str:
    """Return the p-value with two significant digits, `< 0.001` below that, a dash where there is none."""
    if row is None or row["p_value"] is None:
        return MISSING
    return "< 0.001" if row["p_value"] < 0.001 else format(row["p_value"], ".2g")


def count_text(count: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun, such as `1 clip` or `110 clips`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e5:
        return format(value, ".2e")
    return format(value, f".{max(0, 2 - math.floor(math.log10(abs(value))))}f")
