"""Digests of code, so that a real edit reruns exactly the rules that use it, and nothing else reruns any.

The digest of a module is that of its syntax tree with docstrings blanked: comments, formatting and docstrings do not
count, and the same text gives the same digest on every Python version. Imports of `embedshift` modules are followed
transitively, also those inside functions. Needs only the standard library: the Snakefile calls it.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from embedshift.canonical import canonical_json
from embedshift.errors import UserError

SCRIPTS = Path(__file__).resolve().parents[1]
PACKAGE = "embedshift"


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


@cache
def digest_of(name: str) -> str:
    """Return 12 hexadecimal digits for the syntax tree of one file below `scripts/`."""
    return digest_of_tree(_parse(name))


def digest_of_tree(tree: ast.Module) -> str:
    """Return 12 hexadecimal digits for a syntax tree; its docstrings are removed."""
    return hashlib.sha256(_describe(_without_docstrings(tree)).encode()).hexdigest()[:12]


@cache
def _parse(name: str) -> ast.Module:
    path = SCRIPTS / name
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist, but a rule needs it. Restore it from the repository.") from error
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}. The file must be valid Python.") from error


@cache
def _imports_of(name: str) -> tuple[str, ...]:
    files = {}
    for node in ast.walk(_parse(name)):
        for module in _modules_named_in(node, name):
            files |= dict.fromkeys(_files_of(module))
    return tuple(files)


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


def _files_of(module: str) -> list[str]:
    """Return the file of a dotted module and the `__init__` files of its packages; nothing for other packages."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return []
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
