"""A plug-in is known by its code and its weights: what is edited shows, what is only moved or commented does not."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from embedshift import own_weights
from embedshift.errors import UserError
from embedshift.plug_ins import plug_in_identity, plug_in_weights_name, plug_in_weights_source

MODEL = '''"""A model."""

import numpy as np
from network import scale


class Loudness:
    """Loudness of a clip."""

    sample_rate_hz = 16_000

    def __call__(self, samples):
        return scale * np.abs(samples).mean(axis=1, keepdims=True)
'''


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "mine"
    made.mkdir()
    (made / "loudness.py").write_text(MODEL)
    (made / "network.py").write_text("import constants\nscale = constants.SCALE\n")
    (made / "constants.py").write_text("SCALE = 2\n")
    (made / "unrelated.py").write_text("X = 1\n")
    return made


def identity(adapter, tmp_path, **options):
    return plug_in_identity({"adapter": adapter, "options": options}, tmp_path / "digests.json")


def python(folder):
    return f"python:{folder / 'loudness.py'}:Loudness"


def test_other_adapters_have_no_such_identity(tmp_path):
    assert identity("timbre", tmp_path) == ""
    assert plug_in_weights_name({"adapter": "timbre", "options": {}}) is None
    assert plug_in_weights_name({"adapter": "python:a.py:B", "options": {}}) is None


def test_a_python_plug_in_is_its_file_and_what_it_imports_from_beside_it(folder, tmp_path):
    before = identity(python(folder), tmp_path)
    assert sorted(json.loads(before)["code"]) == ["constants.py", "loudness.py", "network.py"]
    (folder / "unrelated.py").write_text("X = 2\n")
    assert identity(python(folder), tmp_path) == before
    (folder / "constants.py").write_text("SCALE = 3\n")
    after = identity(python(folder), tmp_path)
    assert after != before
    (folder / "constants.py").write_text("SCALE = 2\n")
    assert identity(python(folder), tmp_path) == before


def test_comments_docstrings_and_the_place_do_not_count(folder, tmp_path):
    before = identity(python(folder), tmp_path)
    text = MODEL.replace('"""A model."""', '"""Another word."""  # and a comment')
    (folder / "loudness.py").write_text(text)
    assert identity(python(folder), tmp_path) == before
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert identity(python(tmp_path / "elsewhere"), tmp_path) == before
    (folder / "loudness.py").write_text(text.replace("16_000", "22_050"))
    assert identity(python(folder), tmp_path) != before


def test_a_package_beside_the_file_counts_whole(folder, tmp_path):
    (folder / "network.py").unlink()
    (folder / "network").mkdir()
    (folder / "network" / "__init__.py").write_text("from network.inner import scale\n")
    (folder / "network" / "inner.py").write_text("scale = 2\n")
    before = identity(python(folder), tmp_path)
    assert sorted(json.loads(before)["code"]) == ["loudness.py", "network/__init__.py", "network/inner.py"]
    (folder / "network" / "inner.py").write_text("scale = 3\n")
    assert identity(python(folder), tmp_path) != before


def test_what_is_taken_from_embedshift_counts_with_all_that_it_imports(folder, tmp_path):
    text = MODEL.replace("from network import scale", "from embedshift.models.mel import mel_filters as scale")
    (folder / "loudness.py").write_text(text)
    assert "embedshift/models/mel.py" in json.loads(identity(python(folder), tmp_path))["code"]


def test_an_option_that_names_a_file_counts_with_its_contents(folder, tmp_path):
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"one")
    before = identity(python(folder), tmp_path, weights=str(weights), bands=8)
    assert list(json.loads(before)["files"]) == ["weights"]
    weights.write_bytes(b"other")
    assert identity(python(folder), tmp_path, weights=str(weights), bands=8) != before


def test_files_in_lists_and_tables_and_whole_folders_count_too(folder, tmp_path):
    weights, tables = tmp_path / "weights.bin", tmp_path / "tables"
    (tables / "inner").mkdir(parents=True)
    options = {
        "parts": ["no path", str(weights)],
        "net": {"tables": str(tables), "x": 3},
        "odd": "a\0b",
        "user": "~nobody/x",
    }
    seen = set()
    for file in (weights, tables / "a.csv", tables / "inner" / "b.csv"):
        file.write_text("one")
        seen.add(identity(python(folder), tmp_path, **options))
        file.write_text("other")
        seen.add(identity(python(folder), tmp_path, **options))
    assert len(seen) == 6
    last = identity(python(folder), tmp_path, **options)
    assert sorted(json.loads(last)["files"]) == ["net.tables", "parts.1"]
    (tables / ".hidden").write_text("x")
    assert identity(python(folder), tmp_path, **options) == last
    (tables / "a.csv").rename(tables / "c.csv")
    assert identity(python(folder), tmp_path, **options) != last


def test_a_folder_of_too_many_files_is_refused_by_its_option(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(own_weights, "MOST_FILES", 2)
    with pytest.raises(UserError, match=r"options\.net\.where: The folder .* holds more than 2 files"):
        identity(python(folder), tmp_path, net={"where": str(folder)})


@pytest.mark.parametrize(
    ("adapter", "text", "words"),
    [
        ("python:loudness.py", MODEL, ["python:<file.py>:<Class>"]),
        ("python:{folder}/nowhere.py:Loudness", MODEL, ["no file", "nowhere.py"]),
        ("python:{folder}:Loudness", MODEL, ["cannot be read", "directory"]),
        ("python:{folder}/loudness.py:Loudnes", MODEL, ["defines no Loudnes", "Did you mean Loudness?"]),
        ("python:{folder}/loudness.py:Loudness", "class Loudness:\n  def x(self:\n", ["line 2", "valid Python"]),
        ("python:{folder}/loudness.py:Loudness", "a\0b", ["loudness.py", "valid Python"]),
    ],
)
def test_mistakes_in_a_python_plug_in_are_answered_in_words(adapter, text, words, folder, tmp_path):
    (folder / "loudness.py").write_text(text)
    with pytest.raises(UserError) as caught:
        identity(adapter.format(folder=folder), tmp_path)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["from network import Loudness", "import network as Loudness", "Loudness = 3", "from network import *",
     "if True:\n    class Loudness: pass", "def Loudness(): pass", "try:\n    import Loudness\nexcept ImportError: 1"],
)  # fmt: skip
def test_a_class_may_come_from_anywhere(text, folder, tmp_path):
    (folder / "loudness.py").write_text(text + "\n")
    assert "loudness.py" in json.loads(identity(python(folder), tmp_path))["code"]


def test_a_hear_module_in_a_folder_is_found_without_importing_it(folder, tmp_path):
    package = folder / "hearthing"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "model.py").write_text("import network\nraise RuntimeError('imported')\n")
    before = identity("hear:hearthing.model", tmp_path, folder=str(folder))
    code = json.loads(before)["code"]
    assert sorted(code) == ["constants.py", "hearthing/__init__.py", "hearthing/model.py", "network.py"]
    (package / "model.py").write_text("import network\nraise RuntimeError('edited')\n")
    assert identity("hear:hearthing.model", tmp_path, folder=str(folder)) != before
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"one")
    with_weights = identity("hear:hearthing.model", tmp_path, folder=str(folder), weights=str(weights))
    weights.write_bytes(b"other")
    assert identity("hear:hearthing.model", tmp_path, folder=str(folder), weights=str(weights)) != with_weights


def test_an_installed_hear_module_is_its_own_source_and_no_more(tmp_path):
    module = json.loads(identity("hear:filelock", tmp_path))["code"]
    assert "filelock/__init__.py" in module
    assert all(name.startswith("filelock/") for name in module)
    single = json.loads(identity("hear:threadpoolctl", tmp_path))["code"]
    assert list(single) == ["threadpoolctl.py"]


@pytest.mark.parametrize(
    ("adapter", "options", "words"),
    [
        ("hear:no_such_module_xyz", {}, ["no module no_such_module_xyz", "option folder"]),
        ("hear:no_such_module_xyz", {"folder": "nowhere"}, ["no folder nowhere"]),
        ("hear:some-thing.py", {}, ["hear:<module>"]),
        ("hear:sys", {}, ["no module sys"]),
        ("hear:filelock", {"weights": "nowhere.pt"}, ["no file nowhere.pt", "load_model"]),
        ("transformers:./nowhere", {}, ["neither a folder", "nowhere"]),
        ("transformers:a/b/c", {}, ["neither a folder", "<organisation>/<name>"]),
    ],
)
def test_mistakes_in_other_plug_ins_are_answered_in_words(adapter, options, words, tmp_path):
    with pytest.raises(UserError) as caught:
        identity(adapter, tmp_path, **options)
    for word in words:
        assert word in str(caught.value)


@pytest.fixture
def checkpoint(tmp_path):
    made = tmp_path / "my model"
    made.mkdir()
    (made / "config.json").write_text("{}")
    (made / "preprocessor_config.json").write_text("{}")
    save_file({"weight": np.arange(3.0)}, made / "model.safetensors")
    return made


def test_a_model_folder_is_its_files_wherever_it_lies(checkpoint, tmp_path):
    settings = {"adapter": f"transformers:{checkpoint}", "options": {}}
    cache = tmp_path / "digests.json"
    name, before = plug_in_weights_name(settings, cache), plug_in_identity(settings, cache)
    assert re.fullmatch(r"transformers_my-model_[0-9a-f]{16}", name)
    source = plug_in_weights_source(settings, cache)
    assert (source["kind"], source["path"]) == ("folder", str(checkpoint))
    assert re.fullmatch("[0-9a-f]{64}", source["sha256"])
    moved = shutil.copytree(checkpoint, tmp_path / "place" / "my model")
    elsewhere = {"adapter": f"transformers:{moved}", "options": {}}
    assert (plug_in_weights_name(elsewhere, cache), plug_in_identity(elsewhere, cache)) == (name, before)
    save_file({"weight": np.arange(4.0)}, checkpoint / "model.safetensors")
    assert plug_in_weights_name(settings, cache) != name
    assert plug_in_identity(settings, cache) != before


def test_a_model_of_the_hub_is_its_name_and_revision(tmp_path):
    name = "MIT/ast-finetuned-audioset-10-10-0.4593"
    main = {"adapter": f"transformers:{name}", "options": {"revision": "main"}}
    pinned = {"adapter": f"transformers:{name}", "options": {"revision": "f826b80"}}
    assert plug_in_weights_source(main) == {"kind": "hub", "repository": name, "revision": "main"}
    assert re.fullmatch(
        r"transformers_MIT-ast-finetuned-audioset-10-10-0.4593_[0-9a-f]{16}", plug_in_weights_name(main)
    )
    assert plug_in_weights_name(main) != plug_in_weights_name(pinned)
    assert plug_in_identity(main) != plug_in_identity(pinned)
    like = {"adapter": "transformers:MIT-ast/finetuned-audioset-10-10-0.4593", "options": {"revision": "main"}}
    assert plug_in_weights_name(like) != plug_in_weights_name(main)


def test_all_this_needs_only_the_standard_library(repository):
    code = (
        "import sys; import embedshift.plug_ins; print({'numpy', 'torch', 'yaml', 'transformers'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=repository / "scripts", capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"
