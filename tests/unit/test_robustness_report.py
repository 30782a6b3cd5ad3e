"""Figures and page sections on robustness, from a made table."""

import gzip
import json
import re
from base64 import b64decode
from functools import partial
from pathlib import Path

import pytest
from made_study import made_page_inputs
from made_tables import CLASSES, made_settings, robustness_rows

from embedshift.figures.decodability import draw_decodability
from embedshift.figures.erasure import draw_erasure, draw_erasure_overview
from embedshift.figures.robustness import draw_robustness, draw_robustness_by_class
from embedshift.figures.robustness_plots import plot_robustness_table
from embedshift.published_overlay import PublishedOverlay
from embedshift.report.page import build_report
from embedshift.report.robustness_claims import robustness_claims
from embedshift.robustness_columns import OWN_COLUMNS
from embedshift.robustness_index import TO_CLEAN, TO_EFFECTED, RobustnessIndex, read_names
from embedshift.study_layout import read_layout
from embedshift.tables import read_table, write_table

SETTINGS = made_settings()
CAPTIONS = ("robustness", "erasure", "erasure_overview", "decodability", "robustness_claims", "robustness_table")


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("made") / "robustness.csv"
    write_table(path, robustness_rows(SETTINGS), OWN_COLUMNS)
    return path


@pytest.fixture
def index(table):
    return RobustnessIndex(read_table(table), "augmentation")


def test_curves_are_found_in_the_order_of_the_strengths_and_augmentation_by_its_training(index):
    axis = read_layout(SETTINGS).effects["reverb"]
    curve = index.curve(("demo", "crepe"), axis, "cca_sample_wise", TO_CLEAN, "flute")
    assert [row["strength"] for row in curve] == list(axis.texts)
    assert {(row["train"], row["test"], row["label"]) for row in curve} == {("effected", "clean", "flute")}
    assert {row["train"] for row in index.curve(("demo", "crepe"), axis, "augmentation", TO_EFFECTED)} == {"augmented"}
    assert index.curve(("demo", "crepe"), axis, "augmentation", TO_CLEAN) == []
    assert index.labels == sorted(CLASSES)


def test_every_figure_is_drawn_and_the_same_twice(table, tmp_path):
    overlay = PublishedOverlay()
    draws = [partial(draw_robustness, published=overlay), draw_erasure, draw_erasure_overview, draw_decodability]
    draws += [partial(draw_robustness_by_class, published=overlay)]
    for run in ("first", "second"):
        (tmp_path / run).mkdir()
        files = [(draw, tmp_path / run / f"{n}.svg", tmp_path / run / f"{n}.png") for n, draw in enumerate(draws)]
        plot_robustness_table(table=table, settings=made_settings(models=("crepe",)), drawings=files)
    for path in (tmp_path / "first").glob("*.svg"):
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    assert len({path.read_bytes() for path in (tmp_path / "first").glob("*.svg")}) == 5


def test_published_curves_are_those_of_the_file_at_their_strengths(repository):
    overlay = PublishedOverlay([repository / "studies/published/deng2025_curves.csv"])
    settings = json.loads(SETTINGS)
    reverb = settings["effects"].pop("reverb")
    settings["effects"]["reverb_raw"] = reverb
    axis = read_layout(json.dumps(settings)).effects["reverb_raw"]
    points = dict(overlay.curve("openl3", axis, "cello", "cca_sample_wise_4", TO_CLEAN))
    assert points[0.49] == 0.9641
    assert min(points) == 0.01
    assert overlay.curve("openl3", axis, "flute", "none", TO_CLEAN) == []


def test_claims_say_what_the_table_says(index):
    names = read_names(SETTINGS)
    told = {claim.claim: {name: says for name, says, _ in claim.rows}
            for claim in robustness_claims(index, read_layout(SETTINGS), names)}  # fmt: skip
    general = told["No method generally helps"]
    assert "helps: cca_sample_wise (clean to effected 0.02" in general["musicnn, reverb"]
    assert general["musicnn, lowpass"] == "helps: none; harms: none"
    always = next(rows for claim, rows in told.items() if claim.startswith("In one case"))
    assert "clean to effected: above none at 10 of 10 strengths, told from 0 at 10" in always["timbre, reverb"]
    assert not any("displacement_pca" in name for name in told)


def build(table, folder, repository):
    inputs = made_page_inputs(folder, repository)
    inputs["captions"] += [str(repository / "report" / f"{name}.rst") for name in CAPTIONS]
    build_report(**inputs, robustness=str(table))
    return Path(inputs["page"]).read_text(encoding="utf-8")


def test_the_page_has_the_sections_only_where_robustness_is_studied(table, tmp_path, repository):
    page = build(table, tmp_path / "with", repository)
    sections = ("robustness", "erasure", "erasure_overview", "decodability", "robustness_claims")
    for name in sections:
        assert f'<section id="{name}"' in page
    assert "tables/robustness.csv" in page
    assert len(page) < 15_000_000
    specs = json.loads(gzip.decompress(b64decode(re.search(r'id="panels">([^<]+)<', page).group(1))))
    used = {int(number) for number in re.findall(r'data-spec="(\d+)"', page)}
    assert used == set(range(len(specs)))
    without = made_page_inputs(tmp_path / "without", repository)
    build_report(**without)
    text = Path(without["page"]).read_text(encoding="utf-8")
    assert not any(f'id="{name}"' in text for name in sections)
