"""Points of a long benchmark, kept as they are measured: a benchmark that was interrupted goes on where it was."""

import json
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Point = dict[str, Any]
HERE = Path(__file__).resolve().parent
FOLDER = HERE / "results" / "points"


class MeasuredPoints:
    """Points of one benchmark by curve and size, in results/points/<name>.json."""

    def __init__(self, name: str, folder: Path = FOLDER) -> None:
        self.path = folder / f"{name}.json"
        self.points: list[Point] = json.loads(self.path.read_text()) if self.path.exists() else []

    def of(self, curve: str) -> list[Point]:
        """Return the points of one curve by growing size."""
        return sorted((point for point in self.points if point["curve"] == curve), key=lambda point: point["size"])

    def measure(self, curve: str, size: int, measure: Callable[[], Point], anew: bool) -> Point:
        """Return a point, measured if it is not there yet or is wanted anew, and write it down at once."""
        before = [point for point in self.of(curve) if point["size"] == size]
        if before and not anew:
            return before[0]
        point = {"curve": curve, "size": size, **measure(), **circumstances()}
        self.points = [kept for kept in self.points if (kept["curve"], kept["size"]) != (curve, size)] + [point]
        self.points.sort(key=lambda kept: (kept["curve"], kept["size"]))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.points, indent=1) + "\n")
        return point


def circumstances() -> Point:
    """Return when, on what and of which state a point was measured."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return {
        "measured": time.strftime("%Y-%m-%d %H:%M"),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the exponent b of cost = a * size ** b: a straight line through the logarithms, least squares."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def last_slope(points: Iterable[Point], cost: str) -> float:
    """Return the slope between the two largest sizes: what a still larger one has to expect."""
    before, last = list(points)[-2:]
    return slope([before["size"], last["size"]], [before[cost], last[cost]])
