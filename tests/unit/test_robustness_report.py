"""Figures and page sections on robustness, from a made table."""

import csv
import gzip
import json
import re
from base64 import b64decode
from pathlib import Path

import pytest
from made_study import made_page_inputs
from made_tables import CLASSES, EFFECTS, made_settings, robustness_rows

from embedshift.figures.decodability import draw_decodability
from embedshift.figures.erasure import draw_erasure, draw_erasure_overview
from embedshift.figures.published_curves import draw_published_curves
from embedshift.figures.robustness import draw_robustness, draw_robustness_by_class, draw_robustness_by_eraser
from embedshift.figures.robustness_plots import plot_robustness_table
from embedshift.figures.style import save_figure
from embedshift.published_overlay import PublishedOverlay
from embedshift.report.erasure_tables import probe_rows, removal_rows
from embedshift.report.page import build_report
from embedshift.report.published_panels import published_panels
from embedshift.report.robustness_claims import robustness_claims
from embedshift.report.robustness_panels import erasure_panels, robustness_class_panels, robustness_panels
from embedshift.robustness_columns import OWN_COLUMNS
from embedshift.robustness_index import TO_CLEAN, TO_EFFECTED, RobustnessIndex, read_names
from embedshift.study_layout import read_layout
from embedshift.tables import read_table, write_table

SETTINGS = made_settings()
CAPTIONS = ("robustness", "erasure", "erasure_overview", "decodability", "robustness_claims", "robustness_table",
            "probes", "removals")  # fmt: skip


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
    draws = [draw_robustness, draw_robustness_by_class, draw_robustness_by_eraser, draw_erasure]
    draws += [draw_erasure_overview, draw_decodability]
    for run in ("first", "second"):
        (tmp_path / run).mkdir()
        files = [(draw, tmp_path / run / f"{n}.svg", tmp_path / run / f"{n}.png") for n, draw in enumerate(draws)]
        plot_robustness_table(table=table, settings=made_settings(models=("crepe",)), drawings=files)
    for path in (tmp_path / "first").glob("*.svg"):
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    assert len({path.read_bytes() for path in (tmp_path / "first").glob("*.svg")}) == 6


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


@pytest.fixture
def published_study(tmp_path, repository):
    """Return table, layout, names, settings and overlay of a made study with the names of one published case."""
    settings = json.loads(made_settings(models=("openl3",), effects={"reverb_raw": EFFECTS["reverb"]}))
    settings["robustness"]["effects"] = ["reverb_raw"]
    text = json.dumps(settings)
    path = tmp_path / "robustness.csv"
    write_table(path, robustness_rows(text), OWN_COLUMNS)
    curves = repository / "studies/published/deng2025_curves.csv"
    names = read_names(text)
    return RobustnessIndex(read_table(path), names.augmentation), read_layout(text), names, PublishedOverlay([curves])


def test_what_is_published_is_compared_at_the_same_strengths_only(published_study, repository):
    table, layout, _, overlay = published_study
    (panel,) = overlay.panels(table, layout)
    assert (panel.place, panel.label, panel.erasers) == (
        ("demo", "openl3"), "cello", ("none", "average_displacement", "cca_sample_wise"),
    )  # fmt: skip
    ours = table.curve(panel.place, panel.axis, "none", TO_EFFECTED, "cello")
    with open(repository / "studies/published/deng2025_curves.csv", newline="") as file:
        wanted = ("openl3", "none", "clean_to_effected")
        rows = [row for row in csv.DictReader(file) if (row["model"], row["eraser"], row["regime"]) == wanted]
    theirs = {row["strength"].rstrip("0") if "." in row["strength"] else row["strength"]: row["auc"] for row in rows}
    pairs = [(row, float(theirs[row["strength"]])) for row in ours if theirs.get(row["strength"])]
    found = overlay.agreement(panel, "none", TO_EFFECTED, ours)
    assert found.points == len(pairs) == 3  # 0.01, 0.34 and 0.67; at 1.0 the published curve is outside of its page
    assert found.inside == sum(row["ci_low"] <= auc <= row["ci_high"] for row, auc in pairs)
    assert found.mean == pytest.approx(sum(row["value"] - auc for row, auc in pairs) / 3)


def test_the_page_draws_the_numbers_of_the_published_file(published_study, repository):
    table, layout, _, overlay = published_study
    panels = published_panels(table, layout, overlay)
    assert [panel.notes[0] for panel in panels] == [
        f"cello, {name}" for name in overlay.panels(table, layout)[0].erasers
    ]
    for panel in panels:
        drawn = [trace for trace in panel.spec["data"] if trace.get("name") == "published"]
        assert len(drawn) == 2
    to_clean = dict(zip(drawn[1]["x"], drawn[1]["y"], strict=True))
    assert to_clean[0.34] == 0.9644  # effected to clean, cca_sample_wise, as in the published figure
    bands = [trace for trace in panels[0].spec["data"] if trace.get("fill")]
    assert len(bands) == 2


def test_the_published_figure_says_so_where_nothing_has_the_names(published_study, table, tmp_path):
    for number, settings in enumerate((SETTINGS, None)):
        index, layout, names, overlay = published_study
        if settings:
            index, layout = RobustnessIndex(read_table(table), "augmentation"), read_layout(settings)
        figure = draw_published_curves(index, layout, names, overlay)
        save_figure(figure, svg=tmp_path / f"{number}.svg", png=tmp_path / f"{number}.png")
        texts = " ".join(text.get_text() for text in figure.texts)
        assert ("No published curve" in texts) == (settings is not None)


def test_every_curve_has_a_band_and_belongs_to_its_eraser(index):
    names = read_names(SETTINGS)
    of = (index, read_layout(SETTINGS), names)
    for panel in (*robustness_panels(*of), *robustness_class_panels(*of), *erasure_panels(*of)):
        data = panel.spec["data"]
        lines = [trace for trace in data if trace["mode"] == "lines+markers"]
        bands = [trace for trace in data if trace.get("fill")]
        assert len(lines) == len(bands) > 0
        assert {trace.get("meta", {}).get("eraser") for trace in bands} <= {None, *names.erasers}
        assert [line.get("meta") for line in lines] == [band.get("meta") for band in bands]


def test_tables_hold_every_probe_and_what_erasers_take_away(tmp_path):
    place = {"dataset": "demo", "model": "crepe", "effect": "reverb", "split": "held_out", "eraser": "none", "n": 9}
    ends = {"ci_low": 0.5, "ci_high": 0.7}
    strongest = read_layout(SETTINGS).effects["reverb"].texts[-1]
    rows = [
        place | ends | {"label": "all", "measure": "roc_auc", "train": "mix", "test": "mix", "value": 0.61},
        place | ends | {"label": "all", "measure": "balanced_accuracy", "variant": "multinomial", "train": "clean",
                        "test": "effected", "strength": strongest, "value": 0.62},
    ]  # fmt: skip
    removed = {"variant": "mean_over_folds", "split": "in_sample", "eraser": "cca_sample_wise"}
    for label, dimensions, share in (("cello", 2, 0.1), ("flute", 4, 0.3), ("all", 9, 0.9)):
        rows.append(place | removed | {"label": label, "measure": "eraser_dimensions", "value": dimensions})
        rows.append(place | removed | {"label": label, "measure": "displacement_energy_removed", "value": share})
    write_table(tmp_path / "robustness.csv", rows, OWN_COLUMNS)
    of = RobustnessIndex(read_table(tmp_path / "robustness.csv")), read_layout(SETTINGS), read_names(SETTINGS)
    one, other = probe_rows(*of)
    assert (one.name, one.cells[-1], one.cells[0]) == ("one against rest, ROC AUC", "0.610 [0.500, 0.700]", "–")
    assert other.cells[1] == "0.620 [0.500, 0.700]"
    (taken,) = removal_rows(*of)
    assert (taken.name, taken.cells) == ("cca_sample_wise", ["3.0", "–", "20.0 %"])


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
    inputs["published"] = [str(repository / "studies/published/deng2025_curves.csv")]
    inputs["captions"] += [str(repository / "report" / f"{name}.rst") for name in CAPTIONS]
    build_report(**inputs, robustness=str(table))
    return Path(inputs["page"]).read_text(encoding="utf-8")


def test_the_page_has_the_sections_only_where_robustness_is_studied(table, tmp_path, repository):
    page = build(table, tmp_path / "with", repository)
    sections = ("robustness", "erasure", "erasure_overview", "decodability", "robustness_claims")
    for name in sections:
        assert f'<section id="{name}"' in page
    assert "tables/robustness.csv" in page
    assert "Those stored are: openl3, reverb_raw, cello; panns" in page
    assert '<section id="published_curves"' not in page
    assert len(page) < 15_000_000
    specs = json.loads(gzip.decompress(b64decode(re.search(r'id="panels">([^<]+)<', page).group(1))))
    used = {int(number) for number in re.findall(r'data-spec="(\d+)"', page)}
    assert used == set(range(len(specs)))
    without = made_page_inputs(tmp_path / "without", repository)
    build_report(**without)
    text = Path(without["page"]).read_text(encoding="utf-8")
    assert not any(f'id="{name}"' in text for name in sections)
