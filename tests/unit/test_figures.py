import importlib
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from made_tables import EFFECTS, made_settings, sensitivity_rows, trajectory_rows, umap_rows
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from embedshift.figures.displacement import draw_displacement
from embedshift.figures.monotonicity import draw_monotonicity
from embedshift.figures.overview import draw_overview
from embedshift.figures.style import paper_style, plot_table, save_figure
from embedshift.figures.trajectories import draw_trajectories
from embedshift.study_layout import StrengthAxis, read_layout
from embedshift.tables import write_table

FIGURES = (
    "trajectories",
    "umap",
    "monotonicity",
    "spectra",
    "overview",
    "clip_by_clip",
    "common_motion",
    "distances",
    "displacement",
)


def rows_for(figure, settings):
    mapped = {"trajectories": trajectory_rows, "umap": umap_rows}
    return mapped.get(figure, sensitivity_rows)(settings)


def drawn(figure, settings, rows=None) -> Figure:
    draw = getattr(importlib.import_module(f"embedshift.figures.{figure}"), f"draw_{figure}")
    with paper_style():
        return draw(rows_for(figure, settings) if rows is None else rows, read_layout(settings))


def texts_of(figure: Figure) -> list[str]:
    with_text = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return [artist.get_text() for artist in with_text]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_is_byte_identical_on_rerun(figure, tmp_path):
    settings = made_settings(models=("timbre",))
    write_table(tmp_path / "table.csv", rows_for(figure, settings))
    draw = getattr(importlib.import_module(f"embedshift.figures.{figure}"), f"draw_{figure}")
    for name in "ab":
        files = {kind: tmp_path / f"{name}.{kind}" for kind in ("svg", "png")}
        plot_table(draw, table=tmp_path / "table.csv", settings=settings, **files)
    for kind in ("svg", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    width_in = float(root.get("width").removesuffix("pt")) / 72
    assert imread(tmp_path / "a.png").shape[1] == pytest.approx(200 * width_in, abs=1)
    assert b"dc:date" not in (tmp_path / "a.svg").read_bytes()


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("several", [False, True])
def test_nothing_is_cut_off_or_overlaps_the_next_panel(figure, several):
    names = {"datasets": ("demo", "esc10"), "models": ("musicnn", "a_rather_long_name_of_a_model")} if several else {}
    found = drawn(figure, made_settings(**(names or {"models": ("timbre",), "effects": {"reverb": EFFECTS["reverb"]}})))
    with paper_style():
        FigureCanvasAgg(found).draw()
    whole = found.bbox
    boxes = [axes.get_tightbbox() for axes in found.axes] + [text.get_window_extent() for text in found.texts]
    for box in boxes:
        assert box.x0 >= whole.x0 - 2
        assert box.x1 <= whole.x1 + 2
        assert box.y0 >= whole.y0 - 2
        assert box.y1 <= whole.y1 + 2
    panels = [axes.get_window_extent() for axes in found.axes]
    for number, one in enumerate(panels):
        assert not any(one.overlaps(other) for other in panels[number + 1 :])


def test_the_projection_drawn_is_that_of_the_table_and_the_band_its_interval():
    settings = made_settings(models=("timbre",), effects={"lowpass": EFFECTS["lowpass"]})
    rows = sensitivity_rows(settings)
    axes = drawn("monotonicity", settings, rows).axes[0]
    wanted = [row for row in rows if row["measure"] == "held_out_projection"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [row["value"] for row in wanted])
    np.testing.assert_allclose(axes.lines[0].get_xdata(), json.loads(settings)["effects"]["lowpass"]["values"])
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(min(row["ci_low"] for row in wanted))
    assert band[:, 1].max() == pytest.approx(max(row["ci_high"] for row in wanted))


def test_the_annotation_names_interval_null_and_the_published_value():
    settings = made_settings(models=("timbre",), effects={"reverb": EFFECTS["reverb"]})
    names = {"dataset": "demo", "model": "timbre", "effect": "reverb", "label": "all", "strength": ""}
    score = {
        **names,
        "measure": "squared_spearman",
        "variant": "global_direction",
        "null_mean": 0.012,
        "p_value": 0.0049,
    }
    rows = [
        {**score, "measure": "squared_spearman_ceiling", "split": "", "value": 0.96},
        {**score, "split": "held_out", "value": 0.914, "ci_low": 0.88, "ci_high": 0.934},
        {**score, "split": "in_sample", "value": 0.971, "ci_low": None, "ci_high": None},
        *(row for row in sensitivity_rows(settings) if row["measure"] == "held_out_projection"),
    ]
    title = drawn("monotonicity", settings, rows).axes[0].get_title(loc="left")
    assert title.splitlines() == [
        "ρ² held out 0.91 [0.88, 0.93]",
        "of at most 0.96 (perfect order)",
        "null 0.01, p = 0.0049",
        "in sample 0.97 (as published)",
    ]


def test_a_missing_p_value_and_a_missing_interval_are_dashes_and_nothing():
    settings = made_settings(models=("timbre",), effects={"reverb": EFFECTS["reverb"]})
    rows = [{**row, "p_value": None, "ci_low": None, "ci_high": None} for row in sensitivity_rows(settings)]
    axes = drawn("monotonicity", settings, rows).axes[0]
    assert "p = –" in axes.get_title(loc="left")
    assert "[" not in axes.get_title(loc="left")
    assert not axes.collections


def test_the_distances_drawn_are_those_of_the_table_with_interval_and_null():
    settings = made_settings(models=("timbre",), effects={"lowpass": EFFECTS["lowpass"]})
    rows = sensitivity_rows(settings)
    plots = drawn("distances", settings, rows).axes
    assert [axes.get_ylabel().split()[0].strip(",") for axes in plots] == ["Fréchet", "MMD²", "MMD²", "CKA"]
    for axes, measures in zip(plots, (("frechet",), ("mmd",), ("mmd",), ("cka_debiased", "procrustes")), strict=True):
        wanted = [row for row in rows if row["measure"] in measures]
        for line in (line for line in axes.lines if line.get_marker() == "o"):
            values = [row["value"] for row in wanted]
            assert set(line.get_ydata()) <= set(values)
            assert len(line.get_ydata()) == 9
        dotted = [line.get_ydata()[0] for line in axes.lines if len(line.get_ydata()) == 9 and line.get_marker() != "o"]
        assert set(dotted) <= {row["null_mean"] for row in wanted}
        assert len(dotted) == {"frechet": 0, "mmd": 1, "cka_debiased": 2}[measures[0]]
    band = plots[1].collections[0].get_paths()[0].vertices
    cubic = [row for row in rows if row.get("variant") == "polynomial"]
    assert band[:, 1].max() == pytest.approx(max(row["ci_high"] for row in cubic))
    assert band[:, 1].min() == pytest.approx(min(row["ci_low"] for row in cubic))


@pytest.mark.parametrize("figure", ["distances", "common_motion", "displacement"])
def test_a_single_strength_has_its_interval_too(figure):
    settings = made_settings(models=("timbre",), effects={"time_reverse": EFFECTS["time_reverse"]})
    axes = drawn(figure, settings).axes[0]
    low, high = axes.collections[0].get_segments()[0][:, 1]
    assert low < axes.lines[0].get_ydata()[0] < high


def test_distances_that_are_not_in_the_table_are_told():
    settings = made_settings(models=("timbre",), effects={"reverb": EFFECTS["reverb"]})
    assert "needs at least 2 groups and 4 clips" in said(drawn("distances", settings, []))


def said(figure: Figure) -> str:
    return " ".join(" ".join(texts_of(figure)).split())


def test_figures_say_what_a_direction_lacks():
    settings = made_settings(models=("timbre",), effects={"time_reverse": EFFECTS["time_reverse"]})
    assert "No held-out value: needs at least 2 strengths" in said(drawn("monotonicity", settings))
    assert "needs at least 2 strengths" in said(drawn("spectra", settings))
    settings = made_settings(models=("timbre",), effects={"reverb": EFFECTS["reverb"]})
    one_group = [row for row in sensitivity_rows(settings) if row.get("split") != "held_out"]
    assert "No held-out value: needs at least 2 groups" in said(drawn("monotonicity", settings, one_group))
    assert "needs at least" not in said(drawn("spectra", settings, one_group))


def test_weak_is_left_and_strong_is_right_also_where_the_numbers_fall():
    layout = read_layout(made_settings(models=("timbre",)))
    with paper_style():
        found = draw_monotonicity(sensitivity_rows(made_settings(models=("timbre",))), layout)
    for axes, axis in zip(found.axes, layout.effects.values(), strict=True):
        if len(axis.texts) > 1:
            places = axes.transData.transform([(value, 0) for value in axis.values])[:, 0]
            assert (np.diff(places) > 0).all(), axis.effect
    assert found.axes[1].get_xscale() == "log"
    assert found.axes[1].get_xlabel() == "cutoff frequency (Hz)"


@pytest.mark.parametrize(
    ("values", "spacing", "kind"),
    [((1, 10, 100), "geometric", "log"), ((100, 10, 1), "geometric", "log"), ((0, 1), "linear", "linear"),
     ((-40, 5), "geometric", "linear"), ((0, 1, -1), "linear", "ordinal"), ((1,), "linear", "ordinal")],
)  # fmt: skip
def test_the_kind_of_axis_follows_from_the_strengths(values, spacing, kind):
    texts = tuple(str(value) for value in values)
    assert StrengthAxis("x", "gain_db", "", texts, values, spacing).kind == kind


def test_maps_have_one_scale_on_both_axes_and_their_share_of_variance():
    settings = made_settings(models=("timbre",), effects={"reverb": EFFECTS["reverb"]})
    found = drawn("trajectories", settings)
    with paper_style():
        FigureCanvasAgg(found).draw()
    axes = found.axes[0]
    (x0, y0), (x1, y1) = axes.transData.transform([(0, 0), (1, 1)])
    assert x1 - x0 == pytest.approx(y1 - y0)
    assert axes.get_xlabel() == "PC 1 (43 %)"


def test_the_overview_shows_the_strongest_strength_and_leaves_gaps_for_what_is_missing():
    settings = made_settings(models=("timbre",), effects={"bitcrush": EFFECTS["bitcrush"]})
    names = {"dataset": "demo", "model": "timbre", "effect": "bitcrush", "label": "all", "split": ""}
    size = {**names, "measure": "displacement_norm", "variant": "relative", "ci_low": 0.5, "ci_high": 2.5}
    rows = [{**size, "strength": "5", "value": 1.25}, {**size, "strength": "15", "value": 0.125}]
    with paper_style():
        texts = texts_of(draw_overview(rows, read_layout(settings)))
    assert "1.25" in texts
    assert "[0.50, 2.50]" in texts
    assert "0.12" not in texts
    assert texts.count("–") == 2


def test_the_overview_shows_and_colours_monotonicity_beside_that_of_a_perfect_order():
    """Two strengths in perfect order and ten in perfect order are equally dark."""
    effects = {name: ("mix", "", np.linspace(0.1, 1, number), "linear") for name, number in (("two", 2), ("ten", 10))}
    settings, rows = made_settings(models=("timbre",), effects=effects), []
    for effect, highest in (("two", 0.75), ("ten", 0.99)):
        score = {"dataset": "demo", "model": "timbre", "effect": effect, "label": "all", "strength": ""}
        score |= {"value": highest, "ci_low": None, "ci_high": None}
        rows.append({**score, "measure": "squared_spearman", "variant": "global_direction", "split": "held_out"})
        rows.append({**score, "measure": "squared_spearman_ceiling", "split": ""})
    axes = drawn("overview", settings, rows).axes[0]
    assert {"0.75 of 0.75", "0.99 of 0.99"} <= {text.get_text() for text in axes.texts}
    assert len({patch.get_facecolor() for patch in axes.patches}) == 1


def test_models_keep_their_own_look_up_to_twenty_eight():
    from embedshift.figures.style import series_style

    looks = {str(series_style(number)) for number in range(28)}
    assert len(looks) == 28


def test_no_colour_is_lost_to_readers_with_deuteranopia():
    # Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB
    from matplotlib.colors import to_rgb

    from embedshift.figures.style import SERIES

    matrix = np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    )
    linear = np.array([to_rgb(colour) for colour in SERIES]) ** 2.2
    seen = np.clip(linear @ matrix.T, 0, 1) ** (1 / 2.2)
    distance = np.linalg.norm(seen[:, None] - seen[None], axis=2) + 9 * np.eye(len(seen))
    assert distance.min() > 0.12


def test_a_figure_can_be_drawn_from_an_empty_table():
    settings = made_settings()
    for draw in (draw_trajectories, draw_displacement):
        with paper_style():
            assert "in the table" in " ".join(texts_of(draw([], read_layout(settings))))


def test_the_resolution_follows_the_settings(tmp_path):
    figure = Figure(figsize=(2, 1))
    with paper_style():
        save_figure(figure, svg=tmp_path / "x.svg", png=tmp_path / "x.png", dpi=100)
    assert imread(tmp_path / "x.png").shape[:2] == (100, 200)
