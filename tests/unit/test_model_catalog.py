"""The catalogue of models: what it fills in, what it refuses, and that it tells the truth about the code."""

import ast
import subprocess
import sys

import pytest

from embedshift.errors import UserError
from embedshift.models import catalog


def test_defaults_are_filled_in_and_depend_on_the_checkpoint():
    resolved = catalog.check_model("m", {"adapter": "musicnn"})
    assert resolved == {
        "adapter": "musicnn",
        "options": {"checkpoint": "MTT_musicnn", "layer": "penultimate"},
        "precision": "float32",
        "frames": False,
    }
    vgg = catalog.check_model("m", {"adapter": "musicnn", "options": {"checkpoint": "MSD_vgg"}})
    assert vgg["options"]["layer"] == "pool5"
    assert catalog.weights_name(vgg) == "musicnn_MSD_vgg"
    assert (catalog.dim_of(resolved), catalog.dim_of(vgg)) == (200, 256)
    timbre = catalog.check_model("t", {"adapter": "timbre"})
    assert catalog.weights_name(timbre) is None
    assert catalog.dim_of(timbre) == 106


def test_resolving_twice_changes_nothing():
    once = catalog.check_model("m", {"adapter": "crepe", "options": {"hop_s": 1, "capacity": "full"}})
    assert catalog.check_model("m", once) == once


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"adapter": "musicn"}, ["models.m.adapter", "'musicn'", "Did you mean musicnn?", "timbre"]),
        ({}, ["models.m.adapter", "missing", "musicnn"]),
        ("musicnn", ["models.m", "'musicnn'", "adapter"]),
        ({"adapter": 3}, ["models.m.adapter", "3", "crepe"]),
        ({"adapter": "timbre:x"}, ["models.m.adapter", "timbre:x", "write timbre"]),
        ({"adapter": "timbre", "precison": "float32"}, ["models.m.precison", "Did you mean precision?"]),
        ({"adapter": "timbre", "precision": "bfloat16"}, ["models.m.precision", "'bfloat16'", "float32"]),
        ({"adapter": "timbre", "frames": "yes"}, ["models.m.frames", "'yes'", "true"]),
        ({"adapter": "timbre", "options": {"n_mfcc": 13}}, ["models.m.options.n_mfcc", "no options"]),
        ({"adapter": "musicnn", "options": {"layers": "taggram"}}, ["models.m.options.layers", "Did you mean layer?"]),
        ({"adapter": "musicnn", "options": {"layer": "pool5"}}, ["models.m.options.layer", "'pool5'", "mean_pool"]),
        ({"adapter": "musicnn", "options": ["layer"]}, ["models.m.options", "checkpoint"]),
        ({"adapter": "crepe", "options": {"hop_s": 0}}, ["models.m.options.hop_s", "0.005", "1.0 s"]),
        ({"adapter": "crepe", "options": {"hop_s": True}}, ["models.m.options.hop_s", "True"]),
        ({"adapter": "panns", "options": {"hop_s": 0.5}}, ["models.m.options.hop_s", "0.5", "window_s: clip"]),
        (
            {"adapter": "panns", "backend": "official", "options": {"network": "MobileNetV1"}},
            ["models.m.options.network", "'MobileNetV1'", "backend: official", "Cnn14"],
        ),
        (
            {"adapter": "panns", "backend": "official", "options": {"window_s": 1}},
            ["models.m.options.window_s", "1.0", "backend: official", "clip"],
        ),
        (
            {"adapter": "python:mine.py:Mine", "options": {"specification": "x"}},
            ["models.m.options.specification", "another name"],
        ),
        ({"adapter": "crepe", "options": {"capacity": "tini"}}, ["models.m.options.capacity", "Did you mean tiny?"]),
    ],
)
def test_mistakes_are_answered_with_path_finding_and_what_is_allowed(settings, words):
    with pytest.raises(UserError) as caught:
        catalog.check_model("m", settings)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"options": {"window_s": 1, "hop_s": 0.5}},
        {"options": {"network": "MobileNetV1", "window_s": 1}},
        {"backend": "official", "options": {"layer": "clip_tags"}},
    ],
)
def test_options_that_work_together_are_left_alone(settings):
    resolved = catalog.check_model("m", {"adapter": "panns"} | settings)
    assert resolved["options"].items() >= settings["options"].items()


def test_the_catalogue_needs_only_the_standard_library(repository):
    code = (
        "import sys; import embedshift.models.catalog; print({'numpy', 'torch', 'librosa', 'scipy'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=repository / "scripts", capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize("adapter", sorted(catalog.ENTRIES))
def test_module_files_are_exactly_what_the_adapter_imports(adapter, repository):
    package = repository / "scripts" / "embedshift"
    expected, waiting = set(), [f"models/{adapter}.py", "models/load.py"]
    while waiting:
        file = waiting.pop()
        if file not in expected:
            expected.add(file)
            waiting += imported_files(package / file, package)
    assert catalog.module_files(adapter) == sorted(expected)


def imported_files(path, package):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("embedshift."):
            yield f"{node.module.removeprefix('embedshift.').replace('.', '/')}.py"
