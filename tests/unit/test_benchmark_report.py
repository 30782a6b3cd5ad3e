"""What the benchmarks report: slopes of known power laws, exclusive clocks, and a page that hides no missed target."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_the_slope_of_a_power_law_is_its_exponent(exponent):
    from measured_points import last_slope, slope

    sizes = np.array([100, 1_000, 10_000])
    assert slope(sizes, 3.7 * sizes**exponent) == pytest.approx(exponent)
    points = [{"size": size, "cpu_s": 3.7 * size**exponent} for size in sizes.tolist()]
    assert last_slope(points, "cpu_s") == pytest.approx(exponent)


def test_a_point_is_measured_once_and_again_only_when_asked(tmp_path):
    from measured_points import MeasuredPoints

    measured = []

    def measure():
        measured.append(1)
        return {"cpu_s": float(len(measured))}

    assert MeasuredPoints("p", tmp_path).measure("clips", 10, measure, anew=False)["cpu_s"] == 1
    assert MeasuredPoints("p", tmp_path).measure("clips", 10, measure, anew=False)["cpu_s"] == 1
    assert MeasuredPoints("p", tmp_path).measure("clips", 10, measure, anew=True)["cpu_s"] == 2
    assert [point["cpu_s"] for point in MeasuredPoints("p", tmp_path).of("clips")] == [2]


def test_clocks_count_what_an_inner_call_takes_once(tmp_path):
    (tmp_path / "work.py").write_text(
        "import time\n"
        "def burn(s):\n"
        "    end = time.thread_time() + s\n"
        "    while time.thread_time() < end: pass\n"
        "def inner(): burn(0.2)\n"
        "class Outer:\n"
        "    def run(self): burn(0.1); inner()\n"
    )
    (tmp_path / "calls.json").write_text(json.dumps({"work": {"inner": "in", "Outer.run": "out"}}))
    clocks = {"EMBEDSHIFT_CLOCKS": str(tmp_path / "found"), "EMBEDSHIFT_CLOCKED_CALLS": str(tmp_path / "calls.json")}
    (tmp_path / "found").mkdir()
    path = os.pathsep.join([str(BENCHMARKS / "clocks"), str(tmp_path)])
    program = "from work import Outer, burn; Outer().run(); burn(0.15)"
    subprocess.run([sys.executable, "-c", program], env={**os.environ, **clocks, "PYTHONPATH": path}, check=True)
    found = json.loads(next((tmp_path / "found").glob("*.json")).read_text())
    of = found["cpu_s_of"]
    assert of["in"] == pytest.approx(0.2, abs=0.03)
    assert of["out"] == pytest.approx(0.1, abs=0.03)
    assert of["rest"] == pytest.approx(0.15, abs=0.05)
    assert sum(of.values()) == pytest.approx(found["cpu_s"])
    assert 1e6 < found["largest_memory_bytes"] < 1e9


def test_the_page_has_every_figure_and_says_which_missed(tmp_path):
    from build_page import build_page

    rows = [
        {"name": "a < b", "target": "<= 2", "value": 3.0, "unit": "x", "met": False},
        {"name": "seconds", "target": "-", "value": 1.0, "unit": "s", "met": True},
        {"name": "speed", "target": ">= 2", "value": 2.5, "unit": "x", "met": True},
    ]
    (tmp_path / "one.json").write_text(json.dumps(rows))
    page = build_page(tmp_path).read_text()
    assert "1 of 2 figures with a target meet it" in page
    assert "a &lt; b" in page
    assert page.count("NOT MET") == 1
    assert "http" not in page.replace("http-equiv", "")


def test_a_larger_collection_begins_with_the_smaller_one(tmp_path):
    from synthetic_collection import make_collection

    make_collection(tmp_path / "small", 12)
    make_collection(tmp_path / "large", 15)
    for path in (tmp_path / "small").rglob("*.flac"):
        assert path.read_bytes() == (tmp_path / "large" / path.relative_to(tmp_path / "small")).read_bytes()
    assert len((tmp_path / "large" / "clips.csv").read_text().splitlines()) == 16
