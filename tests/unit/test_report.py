import base64
import gzip
import html.parser
import json
import re
from pathlib import Path

import pytest
from made_study import made_page_inputs
from made_tables import CONFIG, EFFECTS, made_settings, sensitivity_rows, trajectory_rows

from embedshift.errors import UserError
from embedshift.number_text import count_text, number_text, p_text, value_text
from embedshift.report.captions import read_captions
from embedshift.report.claims import claims
from embedshift.report.dimensions import dimensions
from embedshift.report.directions import directions
from embedshift.report.distance_panels import distance_panels
from embedshift.report.map_panels import map_panels
from embedshift.report.monotonicity_panels import class_panels, monotonicity_panels, p_phrase
from embedshift.report.page import build_report, chain_text, duration_text, pack
from embedshift.report.panels import strength_axis
from embedshift.report.sounds import SoundRow, within_budget
from embedshift.report.summary import heat_maps, summary_rows
from embedshift.report.theme import DARK, LIGHT
from embedshift.study_layout import read_layout
from embedshift.table_index import TableIndex
from embedshift.tables import read_table, write_table
from embedshift.trajectory_maps import gather_maps


class Elements(html.parser.HTMLParser):
    """Collect elements with their attributes, and find elements left open."""

    EMPTY = ("meta", "link", "br", "img", "input", "hr", "col")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found, self.open, self.ids, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data

    def named(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def page(tmp_path, repository) -> Elements:
    inputs = made_page_inputs(tmp_path / "made", repository)
    build_report(**inputs)
    return Elements(Path(inputs["page"]).read_text(encoding="utf-8"))


def test_the_page_is_well_formed_and_needs_nothing_from_outside(page):
    assert page.open == []
    for attribute in ("src", "href"):
        for tag, attributes in page.found:
            target = attributes.get(attribute)
            assert target is None or re.match(r"(data:|#|tables/|figures/|study\.json)", target), (tag, target)


def test_headings_descend_one_by_one_and_links_within_the_page_arrive(page):
    levels = [int(tag[1]) for tag, _ in page.found if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(levels, levels[1:], strict=False))
    ids = {attributes["id"] for _, attributes in page.found if "id" in attributes}
    assert {link["href"][1:] for link in page.named("a") if link["href"].startswith("#")} <= ids


def test_the_directions_beside_the_published_one_stand_in_a_table(page, tmp_path):
    settings = made_settings()
    layout = read_layout(settings)
    write_table(tmp_path / "sensitivity.csv", sensitivity_rows(settings))
    rows = directions(TableIndex(read_table(tmp_path / "sensitivity.csv")), layout)
    swept = [axis for axis in layout.effects.values() if len(axis.texts) > 1]
    assert len(rows) == 4 * len(layout.models) * len(swept)
    pls = next(row for row in rows if row.kind.startswith("PLS"))
    assert pls.cells[2:5] == ["0.70 [0.65, 0.75]", "0.00", "0.005"]
    assert [row.cells[-1] for row in rows[:4]] == ["4321", "–", "–", "–"]
    assert "condition number" in page.text


def test_the_claim_on_bunching_is_answered_for_bit_depths_only(tmp_path):
    settings = made_settings(models=("crepe",))
    write_table(tmp_path / "sensitivity.csv", sensitivity_rows(settings))
    found = claims(TableIndex(read_table(tmp_path / "sensitivity.csv")), read_layout(settings))
    (bunching,) = [claim for claim in found if "bunch" in claim.claim]
    says = "longest step between depths of 10 bits and more 0.60 [0.50, 0.70] × the median step"
    assert bunching.rows == [("crepe, bitcrush", f"{says}, below 1.80 [1.70, 1.90] ×", "even steps: 1 × everywhere")]


def test_every_plot_has_words_for_those_who_cannot_see_it(page):
    plots = [attributes for attributes in page.named("div") if attributes.get("class") == "plot"]
    # maps, maps by UMAP, projections, class by class, spectra, clip by clip, common motion, distances, displacements
    assert len(plots) == 12 + 12 + 9 + 9 + 9 + 9 + 12 + 12 + 4
    assert all(len(plot["aria-label"]) > 20 and plot["role"] == "img" for plot in plots)
    assert [int(plot["data-spec"]) for plot in plots] == list(range(len(plots)))
    assert all(audio["aria-label"] for audio in page.named("audio"))


def test_what_the_user_wrote_is_text_and_not_markup(page):
    assert "a/broken <b>.wav" in page.text
    assert "silent & empty" in page.text
    assert not page.named("b")


def test_the_same_inputs_give_the_same_bytes(tmp_path, repository):
    pages = []
    for _ in range(2):
        inputs = made_page_inputs(tmp_path / "made", repository)
        build_report(**inputs)
        pages.append(Path(inputs["page"]).read_bytes())
    assert pages[0] == pages[1]


def test_a_large_study_stays_under_fifteen_megabytes(tmp_path, repository, monkeypatch):
    monkeypatch.setattr("embedshift.report.page.PANEL_CHARACTERS", 40_000)
    monkeypatch.setattr("embedshift.report.page.SOUND_CHARACTERS", 100_000)
    effects = {f"reverb{number}": EFFECTS["reverb"] for number in range(12)}
    inputs = made_page_inputs(tmp_path / "made", repository, made_settings(effects=effects))
    build_report(**inputs)
    text = Path(inputs["page"]).read_text(encoding="utf-8")
    assert len(text.encode()) < 15e6
    assert "Single clips are left out here" in text
    assert re.search(r"\d+ further examples? (is|are) left out", text)
    assert '<option value="musicnn" selected>' in text


def test_an_effect_with_one_strength_says_that_it_needs_two(tmp_path, repository):
    settings = made_settings(models=("timbre",), effects={"time_reverse": EFFECTS["time_reverse"]})
    inputs = made_page_inputs(tmp_path / "made", repository, settings)
    build_report(**inputs)
    assert "needs at least 2 strengths" in Path(inputs["page"]).read_text(encoding="utf-8")


def test_one_group_only_is_the_reason_given_where_it_is_the_reason():
    settings = made_settings(models=("timbre",), effects={"reverb": EFFECTS["reverb"]})
    layout = read_layout(settings)
    table = TableIndex([row for row in sensitivity_rows(settings) if row.get("split") != "held_out"])
    assert "needs at least 2 groups" in monotonicity_panels(table, layout)[0].message
    assert summary_rows(table, layout)[0]["held_out"] == "needs at least 2 groups"
    cells = [found.rows["timbre"][0] for found in heat_maps(table, layout)]
    assert [cell.why_empty for cell in cells] == ["needs at least 2 groups", "", ""]
    empty = TableIndex([])
    assert monotonicity_panels(empty, layout)[0].message == "No held-out value: not in the table."


@pytest.mark.parametrize(("effect", "strengths", "highest"), [("lowpass", 9, "0.99"), ("bitcrush", 6, "0.97")])
def test_a_squared_correlation_stands_beside_that_of_a_perfect_order(effect, strengths, highest):
    settings = made_settings(models=("timbre",), effects={effect: EFFECTS[effect]})
    table, layout = TableIndex(sensitivity_rows(settings)), read_layout(settings)
    assert len(layout.effects[effect].texts) == strengths
    assert f" of at most {highest}" in monotonicity_panels(table, layout)[0].notes[0]
    assert f" of at most {highest}, p" in class_panels(table, layout)[0].description
    assert summary_rows(table, layout)[0]["ceiling"] == highest
    cell = heat_maps(table, layout)[0].rows["timbre"][0]
    assert cell.value.endswith(f" of {highest}")
    score = table.one("demo", "timbre", effect, "squared_spearman", split="held_out", label="all")
    assert cell.share == pytest.approx(score["value"] / (1 - 1 / strengths**2), abs=1e-3)


def test_strengths_have_a_proper_minus_and_the_neutral_one_is_told(tmp_path, repository):
    effects = {"gain": ("gain_db", "", -EFFECTS["bitcrush"][2], "linear"), "reverb": EFFECTS["reverb"]}
    inputs = made_page_inputs(tmp_path / "made", repository, made_settings(models=("timbre",), effects=effects))
    build_report(**inputs)
    text = Elements(Path(inputs["page"]).read_text(encoding="utf-8")).text
    assert "6: −15 dB … −5 dB" in text
    assert "−32 dB" in text


def test_packed_specifications_unpack_to_what_was_packed():
    specs = [{"data": [{"x": [1.5, None], "name": "ρ²"}]}, {}]
    assert json.loads(gzip.decompress(base64.b64decode(pack(specs)))) == specs
    assert pack(specs) == pack(specs)


def test_specifications_are_valid_for_plotly(monkeypatch):
    graph_objects = pytest.importorskip("plotly.graph_objects")
    settings = made_settings(models=("timbre",))
    layout, table = read_layout(settings), TableIndex(sensitivity_rows(settings))
    maps = map_panels(gather_maps(trajectory_rows(settings), layout), layout)
    for panel in [*maps, *monotonicity_panels(table, layout), *distance_panels(table, layout)]:
        if panel.spec:
            text = json.dumps(panel.spec).replace('"@strength"', '"Viridis"')
            figure = graph_objects.Figure(json.loads(re.sub(r'"@\w+"', '"#123456"', text)))
            assert len(figure.data) == len(panel.spec["data"]) > 0


def test_the_numbers_drawn_are_those_of_the_table():
    settings = made_settings(models=("timbre",), effects={"lowpass": EFFECTS["lowpass"]})
    rows = sensitivity_rows(settings)
    panel = monotonicity_panels(TableIndex(rows), read_layout(settings))[0]
    wanted = [row["value"] for row in rows if row["measure"] == "held_out_projection"]
    assert panel.spec["data"][-1]["y"] == pytest.approx(wanted, rel=1e-3)
    assert panel.spec["data"][-1]["x"] == pytest.approx(EFFECTS["lowpass"][2])
    assert panel.spec["layout"]["xaxis"]["type"] == "log"
    low, high = panel.spec["layout"]["xaxis"]["range"]
    assert low > high  # weak, the higher cutoff, is on the left


def test_the_distances_drawn_are_those_of_the_table_and_each_has_its_axis():
    settings = made_settings(models=("timbre",), effects={"lowpass": EFFECTS["lowpass"]})
    rows = sensitivity_rows(settings)
    panel = distance_panels(TableIndex(rows), read_layout(settings))[0]
    lines = {trace["name"]: trace for trace in panel.spec["data"] if "name" in trace}
    for name, measure, variant, axis in (
        ("Fréchet of these clips", "frechet", "sample", "y"),
        ("its limit for many clips", "frechet", "limit", "y"),
        ("MMD², Gaussian kernel", "mmd", "gaussian", "y3"),
        ("Procrustes (0: alike)", "procrustes", "", "y4"),
    ):
        wanted = [row["value"] for row in rows if (row["measure"], row.get("variant")) == (measure, variant)]
        assert lines[name]["y"] == pytest.approx(wanted, rel=1e-3)
        assert lines[name].get("yaxis", "y") == axis
    nulls = [trace for trace in panel.spec["data"] if "null of" in trace.get("hovertemplate", "")]
    assert [trace["yaxis"] for trace in nulls] == ["y2", "y3", "y4", "y4"]
    assert panel.notes == ["Fréchet at the strongest, limit 40.0 [38.0, 42.0]",
                           "MMD² there p = 0.05 (cubic), p = 0.05 (Gaussian)"]  # fmt: skip
    empty = distance_panels(TableIndex([]), read_layout(settings))[0]
    assert empty.message == "Not in the table: needs at least 2 groups and 4 clips."


def test_the_table_of_dimensions_has_intervals_null_and_dashes():
    settings = made_settings(models=("timbre",), effects={"reverb": EFFECTS["reverb"]})
    layout, rows = read_layout(settings), sensitivity_rows(settings)
    (found,) = dimensions(TableIndex(rows), layout)
    assert list(found.cells) == [
        "2.5 [2.2, 2.8]", "2.1 [1.8, 2.4]", "7.0 [6.4, 7.6]", "2.4 [1.8, 3.0]", "3 (first 0.40, null 0.10, p = 0.025)",
        "4.0 [3.6, 4.4]", "3.5 [3.1, 3.9]", "6.0 [5.5, 6.5]", "5.5 [5.0, 6.0]",
    ]  # fmt: skip
    few_groups = [row for row in rows if row["measure"] not in ("shared_rank", "intrinsic_dimension")]
    (found,) = dimensions(TableIndex(few_groups), layout)
    assert list(found.cells[4:]) == ["–"] * 5
    assert dimensions(TableIndex([]), layout) == []


def test_a_reversed_linear_axis_runs_from_weak_to_strong():
    axis = read_layout(made_settings()).effects["bitcrush"]
    low, high = strength_axis(axis)["range"]
    assert low > 15 > 5 > high


def test_the_summary_shows_strongest_strength_and_dashes():
    settings = made_settings(models=("timbre",), effects={"bitcrush": EFFECTS["bitcrush"]})
    names = {"dataset": "demo", "model": "timbre", "effect": "bitcrush", "label": "all", "split": "", "n": 7}
    empty = {"ci_low": None, "ci_high": None, "null_mean": None, "p_value": None}
    size = {**names, **empty, "measure": "displacement_norm", "variant": "relative"}
    rows = [{**size, "strength": "5", "value": 1.25}, {**size, "strength": "15", "value": 0.125}]
    summary = summary_rows(TableIndex(rows), read_layout(settings))[0]
    assert (summary["size"], summary["strongest"], summary["p"], summary["n"]) == ("1.25", "5 bit", "–", "7")
    cells = [map_.rows["timbre"][0] for map_ in heat_maps(TableIndex(rows), read_layout(settings))]
    assert [cell.value for cell in cells] == ["–", "1.25", "–"]
    assert cells[1].share == 1.0


def test_captions_see_the_config_and_say_what_they_lack(tmp_path, repository):
    paths = sorted((repository / "report").glob("*.rst"))
    captions = read_captions(paths, {**CONFIG, "sensitivity": {**CONFIG["sensitivity"], "permutations": 777}})
    assert len(captions) == len(paths)
    assert "777 times" in captions["monotonicity"].replace("\n", " ")
    assert not any(re.search(r"\{\{|\}\}|system-message", text) for text in captions.values())
    broken = tmp_path / "broken.rst"
    for text in ("{{ snakemake.config['nothing']['here'] }}", "*no end", ".. nothing::"):
        broken.write_text(text)
        with pytest.raises(UserError, match=r"broken\.rst"):
            read_captions([broken], CONFIG)


def test_captions_cannot_read_files(tmp_path):
    caption = tmp_path / "caption.rst"
    caption.write_text(".. include:: /etc/hostname\n")
    with pytest.raises(UserError):
        read_captions([caption], CONFIG)


def test_no_effect_loses_its_only_example_to_another_ones_second():
    def row(effect, clip):
        return SoundRow("demo", effect, clip, "", [{"audio_base64": "x" * 10}])

    rows = [row("a", "1"), row("a", "2"), row("b", "1"), row("b", "2")]
    kept, left_out = within_budget(rows, 25)
    assert [(found.effect, found.clip_id) for found in kept] == [("a", "1"), ("b", "1")]
    assert left_out == 2


def test_numbers_are_written_for_readers():
    assert [number_text(value) for value in (0.0, 1234.5, 0.012345, -3.14159, 1e-7, None)] == [
        "0", "1234", "0.0123", "−3.14", "1.00e−07", "–",
    ]  # fmt: skip
    assert number_text(-0.001, 2) == "0.00"
    row = {"value": 0.5, "ci_low": -0.25, "ci_high": 0.75, "p_value": 0.0001}
    assert value_text(row, 2) == "0.50 [−0.25, 0.75]"
    assert value_text(None) == "–"
    assert p_text(row) == "< 0.001"
    assert p_phrase({**row, "p_value": None}) == "p not given"
    assert (count_text(1, "clip"), count_text(1234, "class", "classes")) == ("1 clip", "1,234 classes")
    assert [duration_text(seconds) for seconds in (59, 600, 36000)] == ["59 s", "10 min", "10.0 h"]
    assert chain_text(
        [{"processor": "Reverb", "damping": 0.5, "room_size": "sweep"}, {"processor": "time_reverse"}]
    ) == ("Reverb (room_size swept, damping 0.5) → time_reverse")


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_text_and_curves_stand_out_from_the_ground(palette):
    assert contrast(palette.ink, palette.ground) > 7
    assert contrast(palette.soft, palette.ground) > 4.5
    for colour in (palette.accent, palette.second, *palette.series):
        assert contrast(colour, palette.ground) > 3, colour


def test_colours_of_the_style_sheet_have_contrast_in_both_themes(repository):
    css = (repository / "report" / "page.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    for block in (light, dark):
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block))
        for ground in ("ground", "raised"):
            assert contrast(colours["ink"], colours[ground]) > 7
            assert contrast(colours["soft"], colours[ground]) > 4.5
            assert contrast(colours["link"], colours[ground]) > 4.5
