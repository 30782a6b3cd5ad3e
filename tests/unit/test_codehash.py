"""What counts as a change of code: edits of the syntax tree, in the file or in any module that it imports."""

import json
import shutil
import subprocess
import sys

import pytest

from embedshift import codehash
from embedshift.errors import UserError


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """Return a small scripts folder in place of the real one."""
    (tmp_path / "embedshift/models").mkdir(parents=True)
    for name in ("embedshift/__init__.py", "embedshift/models/__init__.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "work.py").write_text('"""Doc."""\nif True:\n    from embedshift.a import f\n    f()\n')
    (tmp_path / "embedshift/a.py").write_text(
        "import numpy\nfrom embedshift import b\ndef f():\n    '''Doc.'''\n    return b.g()\n"
    )
    (tmp_path / "embedshift/b.py").write_text("def g():\n    from .c import h\n    return h(1)\n")
    (tmp_path / "embedshift/c.py").write_text("def h(x): return x\n")
    (tmp_path / "embedshift/models/m.py").write_text("from ..c import h\n")
    (tmp_path / "embedshift/unrelated.py").write_text("x = 1\n")
    monkeypatch.setattr(codehash, "SCRIPTS", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget():
    codehash._facts.clear()
    for function in (codehash._facts_of, codehash._files_of, codehash._imports_of, codehash._code_of):
        function.cache_clear()


def code(*scripts):
    forget()
    return codehash.code_of(*scripts)


def test_imports_are_followed_also_inside_functions_and_relative_ones(scripts):
    found = codehash.closure_of("work.py", also=["models/m.py"])
    assert found == [
        "embedshift/__init__.py",
        "embedshift/a.py",
        "embedshift/b.py",
        "embedshift/c.py",
        "embedshift/models/m.py",
        "work.py",
    ]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("work.py", '"""Doc."""', '"""Another text."""  # and a comment'),
        ("embedshift/a.py", "    '''Doc.'''\n", ""),
        ("embedshift/c.py", "def h(x): return x", "# a comment\n\ndef h(\n    x,\n):\n    return (x)"),
        ("embedshift/unrelated.py", "x = 1", "x = 2"),
    ],
)
def test_edits_without_meaning_change_nothing(scripts, file, old, new):
    before = code("work.py")
    text = (scripts / file).read_text()
    assert old in text
    (scripts / file).write_text(text.replace(old, new))
    assert code("work.py") == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("work.py", "f()", "f(2)"), ("embedshift/c.py", "return x", "return -x"), ("embedshift/b.py", "h(1)", "h(1.0)")],
)
def test_edits_with_meaning_change_the_digest(scripts, file, old, new):
    before = code("work.py")
    (scripts / file).write_text((scripts / file).read_text().replace(old, new))
    assert code("work.py") != before


def code_at_a_new_start(record):
    """Return the digests as another process with this record takes them, and how many files it parsed."""
    forget()
    write = codehash.keep_record(record)
    before = dict(codehash._facts)
    found = codehash.code_of("work.py")
    write()
    return found, sum(codehash._facts[name] != before.get(name) for name in codehash._facts)


def test_a_record_spares_the_reading_and_changes_nothing(scripts, tmp_path):
    record = tmp_path / ".snakemake/code_digests.json"
    plain = code("work.py")
    assert code_at_a_new_start(record) == (plain, 5)
    assert code_at_a_new_start(record) == (plain, 0)
    (scripts / "embedshift/b.py").write_text("from embedshift import unrelated\n")
    changed = code("work.py")
    assert changed != plain
    assert code_at_a_new_start(record) == (changed, 2), "the changed file and the one that it now imports"
    for damaged in ("", "[]", '{"made_by": 1}', json.dumps({"made_by": "another version", "files": {"work.py": 3}})):
        record.write_text(damaged)
        forget()
        codehash.keep_record(record)
        assert codehash.code_of("work.py") == changed


def test_a_missing_file_is_named(scripts):
    with pytest.raises(UserError, match=r"nowhere\.py does not exist"):
        code("nowhere.py")


def test_a_syntax_error_is_told_with_its_line(scripts):
    (scripts / "embedshift/c.py").write_text("\ndef h(:\n")
    with pytest.raises(UserError, match=r"c\.py, line 2"):
        code("work.py")


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_digests_are_the_same_on_other_python_versions(version, repository):
    python = shutil.which(f"python{version}")
    program = (
        "import sys, pathlib; sys.path.insert(0, 'scripts'); from embedshift.codehash import digest_of, SCRIPTS\n"
        "files = sorted(p.relative_to(SCRIPTS).as_posix() for p in SCRIPTS.rglob('*.py'))\n"
        "print([(f, digest_of(f)) for f in files])"
    )
    if python is None or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"no python{version} here")
    here, there = (
        subprocess.run([p, "-c", program], cwd=repository, capture_output=True, text=True, check=True).stdout
        for p in (sys.executable, python)
    )
    assert here == there
    assert "codehash.py" in here
