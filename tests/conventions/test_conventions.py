"""The layout shows the architecture: rules, scripts, logs and library keep to what CONTRIBUTING.md says."""

import ast
import re
import statistics
import sys
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from embedshift.codehash import closure_of
from embedshift.configuration import complete_config
from embedshift.models.catalog import ENTRIES, module_files
from embedshift.study import Study

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = REPOSITORY / "scripts"
LIBRARY = sorted((SCRIPTS / "embedshift").rglob("*.py"))
DEVELOPERS_COMMANDS = {"free_folder", "write_effects_catalog", "write_readme_tables"}
WITHOUT_CODE = {"check_outputs", "describe_models", "estimate_cost", "verify_models"}
ENVIRONMENT_OF = {"audio": "audio", "models": "models", "analysis": "analysis"}
IMPORT_NAMES = {"sklearn": "scikit-learn", "yaml": "pyyaml", "umap": "umap-learn"}


def rules():
    """Return {rule: text of its block} of all rules files."""
    blocks = [
        block
        for path in sorted((REPOSITORY / "rules").glob("*.smk"))
        for block in re.split(r"\n(?=rule |def )", path.read_text())
        if block.startswith("rule ")
    ]
    return {re.match(r"rule (\w+)", block).group(1): block for block in blocks}


RULES = rules()
RULE_SCRIPTS = sorted(path for path in SCRIPTS.glob("*.py") if path.stem not in DEVELOPERS_COMMANDS)


def test_no_two_files_of_tests_have_one_name():
    """Pytest imports a file under its bare name: a second one of that name is not collected in the same run."""
    names = [path.name for path in (REPOSITORY / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_there_is_one_script_for_each_rule_and_one_rule_for_each_script():
    assert {path.stem for path in RULE_SCRIPTS} == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_has_its_script_log_message_and_environment(name):
    block = RULES[name]
    assert f"scripts/{name}.py" in block
    assert re.search(rf"logs/{name}/", block), "the log lies in a folder named like the rule"
    assert "message:" in block
    assert "conda:" in block
    assert not re.search(r"^\s+(run|shell):", block, re.M)
    if name not in WITHOUT_CODE:
        assert f'"{name}.py"' in block or "code=lambda" in block, "the digest of its code is a parameter"


@pytest.mark.parametrize("name", RULES)
def test_inputs_and_outputs_have_names(name):
    for part in re.findall(r"^\s+(?:input|output):\n((?:\s{8,}.*\n)+)", RULES[name], re.M):
        entries = [line for line in part.splitlines() if re.match(r"^ {8,12}[\w\"']", line) and "#" not in line]
        outermost = min(len(line) - len(line.lstrip()) for line in entries)
        for line in entries:
            if len(line) - len(line.lstrip()) == outermost:
                assert re.match(r"\s+(\w+=|unpack\()", line), line


@pytest.mark.parametrize("path", RULE_SCRIPTS, ids=lambda path: path.stem)
def test_a_script_names_snakemake_only_in_its_guard(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    guards = [node for node in tree.body if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)]
    assert len(guards) == 1
    inside = {id(node) for node in ast.walk(guards[0])}
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "snakemake"]
    assert used
    assert all(id(node) in inside for node in used)
    assert len(path.read_text().splitlines()) <= 50


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_the_library_does_not_know_snakemake(path):
    for node in ast.walk(ast.parse(path.read_text())):
        assert not (isinstance(node, ast.Name) and node.id == "snakemake")
        if isinstance(node, ast.Import | ast.ImportFrom):
            named = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not any(name.split(".")[0] == "snakemake" for name in named)


def test_no_file_has_a_name_that_explains_nothing():
    nothing = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "process", "tools"}
    assert [path.name for path in LIBRARY if path.stem in nothing] == []


def test_functions_are_short():
    lengths = {}
    for path in LIBRARY:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lengths[f"{path.name}:{node.name}"] = body[-1].end_lineno - body[0].lineno + 1 if body else 1
    assert statistics.median(lengths.values()) <= 12
    assert [name for name, length in lengths.items() if length > 60] == []


def test_what_the_snakefile_imports_needs_only_what_snakemake_needs():
    allowed = {"yaml", "jsonschema", "embedshift"} | set(sys.stdlib_module_names)
    imported = re.findall(r"^from embedshift\.(\w+)", (REPOSITORY / "rules/common.smk").read_text(), re.M)
    for file in closure_of(*(f"embedshift/{module}.py" for module in imported)):
        assert {name.split(".")[0] for name in imports_at_the_top(SCRIPTS / file)} <= allowed, file


def imports_at_the_top(path):
    """Yield what a module imports when it is imported itself; functions may import more when they are called."""
    tree = ast.parse(path.read_text())
    inside = {
        id(node) for function in ast.walk(tree) if isinstance(function, ast.FunctionDef) for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if id(node) not in inside and isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif id(node) not in inside and isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


@pytest.mark.parametrize("name", RULES)
def test_the_conda_environment_of_a_rule_holds_what_its_code_imports(name):
    named = re.search(r"envs/(\w+)\.yaml", RULES[name])
    environment = named.group(1) if named else "models"  # embed_clips: chosen by the model's backend
    pinned = re.findall(r"- ([\w.-]+)==", (REPOSITORY / f"envs/{environment}.yaml").read_text())
    pinned = {re.sub(r"[-_.]+", "-", package).lower() for package in pinned}
    also = (
        [file for adapter in ENTRIES for file in module_files(adapter)]
        if name in ("embed_clips", "fetch_weights")
        else []
    )
    for file in closure_of(f"{name}.py", also=also):
        for module in {found.split(".")[0] for found in imports(SCRIPTS / file)}:
            if module not in sys.stdlib_module_names and module != "embedshift":
                assert IMPORT_NAMES.get(module, module) in pinned, (
                    f"{file} imports {module}, not in envs/{environment}.yaml"
                )


def test_environments_hold_the_pins_of_the_lock():
    lock = set((REPOSITORY / "requirements.lock").read_text().splitlines())
    for path in (REPOSITORY / "envs").glob("*.yaml"):
        pins = yaml.safe_load(path.read_text())["dependencies"][-1]["pip"]
        assert pins
        if path.stem.startswith("official_"):  # the published packages need versions of their own
            assert [pin for pin in pins if not re.match(r"[\w.-]+==|-", pin)] == [], path.name
        else:
            assert [pin for pin in pins if pin not in lock] == [], path.name


@pytest.mark.parametrize("script", ["embed_clips.py", "apply_effect.py"])
def test_the_code_that_costs_gpu_hours_is_what_it_was(script):
    """A module that joins these lists makes its every edit render or embed everything again: think before you add."""
    golden = yaml.safe_load((Path(__file__).parent / "closures.yaml").read_text())
    assert closure_of(script) == golden[script]


def whole_config(path):
    """Return the config of a study; that of an override (`<study>_demo.yaml`) over the study it overrides."""
    config = yaml.safe_load(path.read_text())
    if "effects" in config:
        return config
    overridden = yaml.safe_load(path.with_name(path.name.replace("_demo", "")).read_text())
    update_config(overridden, config)
    return overridden


def test_all_shipped_studies_mean_the_same_by_a_name():
    meanings = {}
    paths = [REPOSITORY / "config.yaml", *sorted((REPOSITORY / "studies").glob("*.yaml"))]
    for path in [path for path in paths if path.name != "presets.yaml"]:
        study = Study(complete_config(whole_config(path), REPOSITORY, REPOSITORY))
        for kind, named in study.identities().items():
            for name, settings in named.items():
                assert meanings.setdefault((kind, name), settings) == settings, f"{path.name}: {kind}.{name}"
    assert len(meanings) > 5


def test_no_rule_stands_in_a_loop():
    """A `script:` inside a loop is evaluated when the job runs, and then names the loop's last script."""
    for path in sorted((REPOSITORY / "rules").glob("*.smk")):
        assert not re.search(r"^[ \t]+rule\b", path.read_text(), re.M), path.name


def test_every_rules_file_opens_with_its_contract():
    for path in sorted((REPOSITORY / "rules").glob("*.smk")):
        opening = path.read_text().split('"""')[1]
        for word in ("Required inputs:", "Outputs:"):
            assert word in opening, path.name


def test_the_snakefile_is_a_table_of_contents():
    assert len((REPOSITORY / "Snakefile").read_text().splitlines()) <= 60
