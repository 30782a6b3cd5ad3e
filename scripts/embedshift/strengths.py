"""The strengths of an effect: exact grids, in the order written, and the one text each strength is known by.

Standard library only: the Snakefile imports this module.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from embedshift.errors import UserError

LONGEST = 10_000
GRID_KEYS = ("start", "stop", "number", "step", "spacing", "round_decimals")
ALLOWED = (
    "Allowed: a list of numbers, or start and stop with either number or step, and optionally spacing "
    "(linear or geometric) and round_decimals."
)


def expand(spec: Sequence[float] | Mapping[str, Any], path: str = "strengths") -> list[float]:
    """Return the strengths that `spec` describes, in the order written (never sorted), without rounding errors.

    `spec` is a list of numbers, or a mapping with `start`, `stop` and either `number` (how many, both ends included)
    or `step` (added, or multiplied where `spacing` is geometric; its sign is taken from the direction of the grid).
    A step that does not meet `stop` ends at the last value before it. Linear grids are computed in decimal
    arithmetic, so 0.01 + 33 * 0.03 is 1.0. `round_decimals` rounds every value, as some published grids were.
    `path` is the key that error messages name.

    Raises
    ------
    UserError
        If the grid is empty, malformed, not finite, or two values have the same text.
    """
    values = _of_grid(spec, path) if isinstance(spec, Mapping) else _of_list(spec, path)
    _check_distinct(values, path)
    return values


def text_of(strength: float) -> str:
    """Return the text of a strength: six significant digits, without a negative zero; it names files and rows."""
    text = format(float(strength), ".6g")
    return "0" if text == "-0" else text


def _of_list(spec: Any, path: str) -> list[float]:
    if isinstance(spec, str) or not isinstance(spec, Sequence):
        raise UserError(f"{path}: found {spec!r}. {ALLOWED}")
    if not spec:
        raise UserError(f"{path}: the list is empty; an effect needs at least one strength. {ALLOWED}")
    if len(spec) > LONGEST:
        raise UserError(f"{path}: this list has {len(spec)} strengths, at most {LONGEST} are allowed; leave some out.")
    return [float(_number(value, f"{path}[{position}]")) for position, value in enumerate(spec)]


def _of_grid(spec: Mapping[str, Any], path: str) -> list[float]:
    _check_keys(spec, path)
    start, stop = (_number(spec[key], f"{path}.{key}") for key in ("start", "stop"))
    spacing = spec.get("spacing", "linear")
    if spacing not in ("linear", "geometric"):
        raise UserError(f"{path}.spacing: found {spacing!r}; allowed: linear, geometric.")
    if spacing == "geometric" and (start <= 0 or stop <= 0):
        raise UserError(f"{path}: a geometric grid needs start and stop above 0, found {start} and {stop}.")
    grid = _linear if spacing == "linear" else _geometric
    values = grid(start, stop, _count(spec, start, stop, spacing, path), spec, path)
    return _rounded(values, spec.get("round_decimals"), path)


def _check_keys(spec: Mapping[str, Any], path: str) -> None:
    unknown = [key for key in spec if key not in GRID_KEYS]
    if unknown:
        raise UserError(f"{path}: unknown key {unknown[0]!r}. {ALLOWED}")
    missing = [key for key in ("start", "stop") if spec.get(key) is None]
    if missing:
        raise UserError(f"{path}: {missing[0]} is missing. {ALLOWED}")
    if (spec.get("number") is None) == (spec.get("step") is None):
        found = "both" if spec.get("number") is not None else "neither"
        raise UserError(f"{path}: found {found} of number and step, exactly one is needed. {ALLOWED}")


def _count(spec: Mapping[str, Any], start: Decimal, stop: Decimal, spacing: str, path: str) -> int:
    """Return how many values the grid has."""
    if spec.get("number") is None:
        count = _count_of_steps(_step(spec, spacing, path), start, stop, spacing)
    else:
        count = spec["number"]
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise UserError(f"{path}.number: found {count!r}; allowed: a whole number of at least 1.")
        if count == 1 and start != stop:
            raise UserError(f"{path}.number: 1 value cannot reach from {start} to {stop}; write the list [{start}].")
    if count > LONGEST:
        raise UserError(f"{path}: this grid has {count} strengths, at most {LONGEST} are allowed; take a larger step.")
    return count


def _count_of_steps(step: Decimal, start: Decimal, stop: Decimal, spacing: str) -> int:
    if spacing == "linear":
        return int(abs(stop - start) / step) + 1
    steps = abs(math.log(stop / start)) / math.log(step)
    return math.floor(steps + 1e-9) + 1  # a ratio that meets `stop` but for the rounding of the logarithm includes it


def _step(spec: Mapping[str, Any], spacing: str, path: str) -> Decimal:
    """Return the step as a positive distance, or as a ratio above 1."""
    step = _number(spec["step"], f"{path}.step")
    if spacing == "linear":
        if step == 0:
            raise UserError(f"{path}.step: found 0; allowed: any other number (its sign follows from start and stop).")
        return abs(step)
    if step <= 0 or step == 1:
        raise UserError(f"{path}.step: found {step}; a geometric step is a ratio above 0 and not 1, such as 1.1.")
    return max(step, 1 / step)


def _linear(start: Decimal, stop: Decimal, count: int, spec: Mapping[str, Any], path: str) -> list[float]:
    if spec.get("step") is None:
        return [float(start + (stop - start) * k / max(count - 1, 1)) for k in range(count)]
    step = _step(spec, "linear", path).copy_sign(stop - start)
    return [float(start + k * step) for k in range(count)]


def _geometric(start: Decimal, stop: Decimal, count: int, spec: Mapping[str, Any], path: str) -> list[float]:
    if spec.get("step") is None:
        ratio = stop / start
        return [float(start * ratio ** (Decimal(k) / max(count - 1, 1))) for k in range(count)]
    step = _step(spec, "geometric", path)
    return [float(start * (step if stop >= start else 1 / step) ** k) for k in range(count)]


def _rounded(values: list[float], decimals: Any, path: str) -> list[float]:
    if decimals is None:
        return values
    if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= 12:
        raise UserError(f"{path}.round_decimals: found {decimals!r}; allowed: a whole number from 0 to 12.")
    quantum = Decimal(1).scaleb(-decimals)
    return [float(Decimal(repr(value)).quantize(quantum, ROUND_HALF_EVEN)) for value in values]


def _number(value: Any, path: str) -> Decimal:
    """Return a finite number as the decimal that was written, so that 0.1 is one tenth."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{path}: found {value!r}; allowed: a finite number.")
    return Decimal(repr(value))


def _check_distinct(values: list[float], path: str) -> None:
    seen: dict[str, float] = {}
    for value in values:
        text = text_of(value)
        if text in seen:
            raise UserError(
                f"{path}: {seen[text]!r} and {value!r} have the same text {text!r}, which names files and rows. "
                "Strengths must differ in their first six significant digits; remove one or round them."
            )
        seen[text] = value
