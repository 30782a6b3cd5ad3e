"""Digests of code, so that a real edit reruns exactly the rules that use it, and nothing else reruns any.

The digest of a module is that of its syntax tree with docstrings blanked: comments, formatting and docstrings do not
count, and the same text gives the same digest on every Python version. Imports of `embedshift` modules are followed
transitively, also those inside functions. Taking the digests of all modules costs seconds, and every start of
Snakemake asks for them, so a record keeps them as long as a file's text is the same. Needs only the standard library:
the Snakefile calls it.
"""

import ast
import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from embedshift.atomic import write_text
from embedshift.canonical import canonical_json
from embedshift.errors import UserError

SCRIPTS = Path(__file__).resolve().parents[1]
PACKAGE = "embedshift"

_facts: dict[str, list] = {}
"""By file below `scripts/`: SHA-256 of its text, digest of its syntax tree, the modules of ours that it names."""


def code_of(*scripts: str, also: Iterable[str] = ()) -> str:
    """Return `{file: digest}` as canonical JSON for scripts and every `embedshift` module that they import.

    Parameters
    ----------
    scripts : file names below `scripts/`, for example `embed_clips.py`
    also : further files below `scripts/embedshift/`, chosen by name at run time, for example `models/musicnn.py`

    Raises
    ------
    UserError
        If a file does not exist or is not valid Python.
    """
    return _code_of(scripts, tuple(also))


@cache
def _code_of(scripts: tuple[str, ...], also: tuple[str, ...]) -> str:
    return canonical_json({name: digest_of(name) for name in closure_of(*scripts, also=also)})


def closure_of(*scripts: str, also: Iterable[str] = ()) -> list[str]:
    """Return the files below `scripts/` that `scripts` and the modules in `also` need, sorted."""
    waiting = [*scripts, *(f"{PACKAGE}/{name}" for name in also)]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_imports_of(name))
    return sorted(found)


def digest_of(name: str) -> str:
    """Return 12 hexadecimal digits for the syntax tree of one file below `scripts/`."""
    return _facts_of(name)[1]


def digest_of_tree(tree: ast.Module) -> str:
    """Return 12 hexadecimal digits for a syntax tree; its docstrings are removed."""
    return hashlib.sha256(_describe(_without_docstrings(tree)).encode()).hexdigest()[:12]


def keep_record(path: str | Path) -> Callable[[], None]:
    """Take from `path` what earlier starts found out; return a function that writes there what this one did.

    The file (JSON) counts only for this version of the present module, and may be deleted at any time.
    """
    made_by = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    with suppress(OSError, ValueError, TypeError, KeyError):
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        _facts.update(record["files"] if record["made_by"] == made_by else {})
    before = dict(_facts)

    def write() -> None:
        if _facts != before:
            with suppress(OSError, UserError):  # without a record the next start only takes longer
                write_text(path, json.dumps({"made_by": made_by, "files": _facts}))

    return write


@cache
def _facts_of(name: str) -> list:
    text = _read(name)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if _facts.get(name, [""])[0] != sha256:
        tree = _parse(name, text)
        named = {module for node in ast.walk(tree) for module in _modules_named_in(node, name)}
        ours = sorted(module for module in named if module.split(".")[0] == PACKAGE)
        _facts[name] = [sha256, digest_of_tree(tree), ours]
    return _facts[name]


def _read(name: str) -> str:
    path = SCRIPTS / name
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist, but a rule needs it. Restore it from the repository.") from error


def _parse(name: str, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise UserError(
            f"{SCRIPTS / name}, line {error.lineno}: {error.msg}. The file must be valid Python."
        ) from error


@cache
def _imports_of(name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(file for module in _facts_of(name)[2] for file in _files_of(module)))


def _modules_named_in(node: ast.AST, name: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = _absolute(node, name)
        return [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return []


def _absolute(node: ast.ImportFrom, name: str) -> str:
    if node.level == 0:
        return node.module or ""
    package = name.removesuffix(".py").split("/")[: -node.level]
    return ".".join([*package, *(node.module.split(".") if node.module else [])])


@cache
def _files_of(module: str) -> list[str]:
    """Return the file of a dotted module of ours and the `__init__` files of its packages."""
    parts = module.split(".")
    candidates = ["/".join([*parts[:depth], "__init__.py"]) for depth in range(1, len(parts) + 1)]
    candidates.append("/".join(parts) + ".py")
    return [file for file in candidates if (SCRIPTS / file).is_file()]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and _has_docstring(
            node
        ):
            node.body = node.body[1:]
    return tree


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    first = node.body[0] if node.body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _describe(node: object) -> str:
    """Write a tree as text; empty fields are left out because Python versions differ in which ones they have."""
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
        inner = ",".join(f"{name}={_describe(value)}" for name, value in fields if name != "ctx")
        return f"{type(node).__name__}({inner})"
    if isinstance(node, list):
        return "[" + ",".join(_describe(item) for item in node) + "]"
    return f"{type(node).__name__}:{node!r}"
