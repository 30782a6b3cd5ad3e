"""Robustness as a stage: it runs where the config asks for it, and reruns with its own settings only."""

import copy

import pytest
from workflow.working_copy import SMALL_STUDY, WorkingCopy, make_sounds

STANDS_ON_IT = {"tabulate_robustness": 1, "plot_robustness": 1, "plot_erasure": 1, "plot_decodability": 1}
PAGE = {"describe_study": 1, "build_report": 1}


def with_robustness(**choices):
    quick = {"erasers": ["none", "average_displacement"], "folds": 3, "bootstrap": 100, "permutations": 19}
    return copy.deepcopy(SMALL_STUDY) | {"robustness": quick | choices}


@pytest.fixture(scope="module")
def robust_study(tmp_path_factory):
    made = WorkingCopy.create(tmp_path_factory.mktemp("robust") / "copy", with_robustness())
    make_sounds(made.folder / "sounds", count=18, first=12)
    made.run()
    return made


def test_it_ends_with_a_table_figures_and_a_section_and_a_second_run_does_nothing(robust_study):
    folder = robust_study.folder / "results/studies/small"
    lines = (folder / "tables/robustness.csv").read_text().splitlines()
    assert lines[0].endswith(",n,train,test,eraser")
    assert list(dict.fromkeys(line.split(",")[2] for line in lines[1:])) == ["gain", "lowpass"]
    for name in ("robustness", "robustness_by_class", "erasure", "erasure_overview", "decodability"):
        assert (folder / f"figures/{name}.svg").stat().st_size > 1000
    assert '<section id="erasure"' in (folder / "report.html").read_text()
    assert robust_study.planned_rules() == {}
    assert robust_study.run("check_outputs").returncode == 0


def test_another_list_of_erasers_measures_again_and_embeds_nothing(robust_study):
    robust_study.write_config(with_robustness(erasers=["average_displacement", "leace"]))
    assert robust_study.planned_rules() == {"measure_robustness": 2, **STANDS_ON_IT, **PAGE}
    robust_study.write_config(with_robustness(erasers=["average_displacement", "none"]))
    assert robust_study.planned_rules() == {"measure_robustness": 2, **STANDS_ON_IT, **PAGE}


def test_fewer_effects_measure_nothing_again(robust_study):
    robust_study.write_config(with_robustness(effects=["lowpass"]))
    assert robust_study.planned_rules() == {**STANDS_ON_IT, **PAGE}


def test_without_the_key_the_stage_is_not_there(robust_study):
    robust_study.write_config(SMALL_STUDY)
    assert robust_study.planned_rules() == PAGE
