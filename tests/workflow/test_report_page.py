"""The page in a real browser: headless Chromium, light, dark, narrow, printed."""

import contextlib
import re
import zlib
from pathlib import Path

import pytest
from headless_chromium import Chromium, find_chromium
from made_study import made_page_inputs
from made_tables import EFFECTS, made_settings

from embedshift.report.page import build_report

READY = "document.documentElement.dataset.state === 'ready'"
SHOWN = "[...document.querySelectorAll('.plot')].filter((plot) => plot.checkVisibility())"
DRAWN = f"{SHOWN}.filter((plot) => plot.querySelectorAll('svg.main-svg .trace, svg.main-svg .bars').length > 0)"
ON_PAPER = """(() => { const box = document.createElement('canvas').getContext('2d');
  box.fillStyle = getComputedStyle(document.body).backgroundColor; return box.fillStyle })()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory, repository) -> Path:
    inputs = made_page_inputs(tmp_path_factory.mktemp("page") / "made", repository)
    build_report(**inputs)
    return Path(inputs["page"])


@pytest.fixture(scope="module")
def chromium() -> str:
    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium on this machine: the page was not looked at in a browser (apt-get install chromium)")
    return found


@contextlib.contextmanager
def opened(chromium, page, **view):
    with Chromium(chromium, **view) as browser:
        browser.open(page.as_uri())
        browser.wait_until(READY)
        yield browser


@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_drawn_without_an_error_or_a_request(chromium, page, dark):
    with opened(chromium, page, dark=dark) as browser:
        assert browser.evaluate(f"{SHOWN}.length") == 12 + 12 + 9 + 9 + 9 + 12 + 12 + 4
        assert browser.evaluate(f"{DRAWN}.length") == 12 + 12 + 9 + 9 + 9 + 12 + 12 + 4
        ground = browser.evaluate(ON_PAPER)
        axis_text = browser.evaluate("getComputedStyle(document.querySelector('.xtick text')).fill")
        assert browser.problems == []
        assert [url for url in browser.requests if not url.startswith(("data:", page.as_uri()))] == []
    assert ground == ("#171a1f" if dark else "#ffffff")
    assert axis_text == ("rgb(154, 161, 170)" if dark else "rgb(107, 113, 120)")


def test_sounds_can_be_played(chromium, page):
    with opened(chromium, page) as browser:
        played = browser.evaluate(
            """Promise.all([...document.querySelectorAll("audio")].map((audio) => new Promise((resolve) => {
                 audio.addEventListener("canplaythrough", () => resolve([audio.readyState, audio.duration]));
                 audio.addEventListener("error", () => resolve([0, 0]));
                 audio.preload = "auto"; audio.load();
               })))"""
        )
        assert len(played) > 10
        assert all(state >= 2 and duration > 0.5 for state, duration in played)
        one_at_a_time = browser.evaluate(
            """(async () => { const [first, second] = document.querySelectorAll("audio");
                 await first.play(); await second.play(); return [first.paused, second.paused]; })()"""
        )
        assert one_at_a_time == [True, False]
        assert browser.problems == []


def test_boxes_choose_what_is_shown_and_the_theme_follows_the_screen(chromium, page):
    choose = """(([name, value]) => { const box = document.querySelector(`select[name=${name}]`);
                 box.value = value; box.dispatchEvent(new Event("change")); })"""
    lines = "document.querySelector('#trajectories .plot').querySelectorAll('.trace').length"
    with opened(chromium, page) as browser:
        all_classes = browser.evaluate(lines)
        browser.evaluate(f"{choose}(['model', 'crepe'])")
        browser.wait_until(READY)
        assert browser.evaluate(f"{SHOWN}.length") == 4 + 4 + 3 + 3 + 3 + 4 + 4 + 4
        assert (
            browser.evaluate("[...document.querySelectorAll('#spectra h3')].filter(h => h.checkVisibility()).length")
            == 1
        )
        browser.evaluate(f"{choose}(['model', ''])")
        browser.evaluate(f"{choose}(['label', 'flute'])")
        browser.wait_until(READY)
        assert 0 < browser.evaluate(lines) < all_classes
        browser.set_dark(True)
        browser.wait_until(
            f"{READY} && getComputedStyle(document.querySelector('.xtick text')).fill === 'rgb(154, 161, 170)'"
        )
        assert browser.problems == []


def test_hidden_figures_are_drawn_when_they_are_opened(chromium, page):
    with opened(chromium, page) as browser:
        before = browser.evaluate(f"{SHOWN}.length")
        browser.evaluate("document.querySelector('#monotonicity details').open = true")
        browser.wait_until(f"{READY} && {DRAWN}.length === {before + 9}")
        assert browser.problems == []


def test_hovering_shows_clip_strength_and_interval(chromium, page):
    with opened(chromium, page) as browser:
        for section, point, wanted in (
            ("monotonicity", 0, r"0\.01: .*\[.*\]"),
            ("trajectories", 1, r"(-\d\d|mean), 0\.01"),
        ):
            text = browser.evaluate(
                f"""(async () => {{ const plot = document.querySelector("#{section} .plot");
                      const curve = plot.data.findLastIndex((trace) => trace.text);
                      Plotly.Fx.hover(plot, [{{curveNumber: curve, pointNumber: {point}}}]);
                      await new Promise((resolve) => setTimeout(resolve, 200));
                      return plot.querySelector(".hoverlayer").textContent; }})()"""
            )
            assert re.search(wanted, text), (section, text)


@pytest.mark.parametrize("width", [360, 1024, 1440])
def test_nothing_is_wider_than_the_screen(chromium, page, width):
    with opened(chromium, page, width=width) as browser:
        assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_it_prints_light_and_whole_from_a_dark_screen(chromium, page, tmp_path):
    with opened(chromium, page, dark=True) as browser:
        browser.print_pdf(str(tmp_path / "page.pdf"))
        assert browser.problems == []
    pdf = (tmp_path / "page.pdf").read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 4
    # text in PDF is drawn with fill colours: the ink of the light theme, none of the dark one
    assert fill_colours(pdf) & {(31, 35, 40)}
    assert not fill_colours(pdf) & {(228, 230, 233)}


def fill_colours(pdf: bytes) -> set[tuple[int, ...]]:
    colours = set()
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        with contextlib.suppress(zlib.error):
            text = zlib.decompressobj().decompress(stream)
            for triple in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) rg\b", text):
                colours.add(tuple(round(255 * float(part)) for part in triple))
    return colours


def test_one_strength_several_data_sets_and_many_models_work_too(chromium, tmp_path, repository):
    effects = {"time_reverse": EFFECTS["time_reverse"], "lowpass": EFFECTS["lowpass"]}
    names = {
        "datasets": ("demo", "esc10"),
        "models": tuple(f"model{number}" for number in range(9)),
        "effects": effects,
    }
    inputs = made_page_inputs(
        tmp_path / "many", repository, made_settings(**names), classes=("one",), clips=1, sounds=1
    )
    build_report(**inputs)
    with opened(chromium, Path(inputs["page"])) as browser:
        assert browser.evaluate("document.querySelector('select[name=model]').value") == "model0"
        shown, drawn = (browser.evaluate(f"{which}.length") for which in (SHOWN, DRAWN))
        assert shown == drawn == 2 + 2 + 1 + 1 + 1 + 2 + 2 + 2
        assert "needs at least 2 strengths" in browser.evaluate("document.body.innerText")
        assert browser.problems == []
