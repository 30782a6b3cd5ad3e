"""The section `robustness` of a config: what it becomes, and what is answered to mistakes."""

import json

import pytest
import yaml

from embedshift.configuration import complete_config
from embedshift.errors import UserError
from embedshift.study import Study


@pytest.fixture
def completed(repository):
    def complete(robustness, **further):
        config = yaml.safe_load((repository / "config.yaml").read_text()) | further
        return complete_config(config | {"robustness": robustness}, repository, repository)

    return complete


def test_an_empty_section_takes_every_default(completed):
    chosen = completed({})["robustness"]
    assert chosen["eraser_order"][:2] == ["none", "average_displacement"]
    assert chosen["erasers"]["random_subspace"]["options"]["same_rank_as"] == "cca_sample_wise"
    assert (chosen["fit_on"], chosen["split"], chosen["protocol"]) == ("class", "folds", "grouped")
    assert chosen["effects"] == ["gain", "lowpass", "reverb", "bitcrush"]
    assert chosen["augmentation"] == "augmentation"


def test_without_the_section_nothing_is_studied(repository):
    config = yaml.safe_load((repository / "config.yaml").read_text())
    study = Study(complete_config(config, repository, repository))
    assert study.robust_effects == []
    assert study.robustness_figure_settings() == ""
    assert "robustness" not in json.loads(study.report_settings())


def test_an_effect_with_one_strength_is_left_out_and_the_order_is_the_configs(completed):
    effects = {
        "one": {"preset": "deng2025_gain", "strengths": [-4]},
        "second": {"preset": "deng2025_gain", "strengths": [-4, -13]},
        "first": {"preset": "deng2025_gain", "strengths": [-4, -22]},
    }
    assert completed({}, effects=effects)["robustness"]["effects"] == ["second", "first"]
    assert completed({"effects": ["first", "second"]}, effects=effects)["robustness"]["effects"] == ["second", "first"]
    with pytest.raises(UserError, match="one has one strength only"):
        completed({"effects": ["one"]}, effects=effects)
    with pytest.raises(UserError, match="no effect has 2 strengths"):
        completed({}, effects={"one": effects["one"]})


@pytest.mark.parametrize(
    ("robustness", "told"),
    [
        ({"erasers": ["leac"]}, r"robustness\.erasers\[0\].*leace"),
        ({"erasers": [{"eraser": "cca_sample_wise", "treshold": 0.4}]}, r"treshold.*threshold"),
        ({"erasers": ["leace", "leace"]}, "is taken by an earlier item"),
        ({"erasers": ["augmentation", {"eraser": "augmentation", "name": "again", "copies": 2}]}, "both augment"),
        ({"effects": ["reverbb"]}, "reverb"),
        ({"split": "given_one"}, r"robustness\.split"),
        ({"eraser": ["leace"]}, r"robustness\.eraser: unknown key.*erasers"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(completed, robustness, told):
    with pytest.raises(UserError, match=told):
        completed(robustness)


def test_the_order_of_erasers_travels_and_effects_stay_out_of_a_jobs_settings(completed):
    study = Study(completed({"erasers": ["leace", "average_displacement"], "effects": ["reverb"]}))
    settings = json.loads(study.robustness_settings("demo", "timbre", "reverb"))
    assert settings["robustness"]["eraser_order"] == ["leace", "average_displacement"]
    more = Study(completed({"erasers": ["leace", "average_displacement"], "effects": ["reverb", "gain"]}))
    assert more.robustness_settings("demo", "timbre", "reverb") == study.robustness_settings("demo", "timbre", "reverb")
