"""Digests of a user's own Python files and of what they import from beside them, found without running any of it.

Comments, docstrings and formatting do not count (see codehash.py). Followed are imports of files and packages that lie
in the same folder, and of embedshift's own modules; installed packages are not. Standard library only: the Snakefile
calls it.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from embedshift.codehash import PACKAGE, SCRIPTS, closure_of, digest_of, digest_of_tree
from embedshift.errors import UserError


def digests_of_code(files: Iterable[Path], folder: Path) -> dict[str, str]:
    """Return `{name: digest}` of Python files in `folder` and of all that they import from there or from embedshift.

    Names are relative to the folder (to `scripts/` for embedshift's own), so that moving it changes nothing.
    """
    digests: dict[str, str] = {}
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        name = file.relative_to(folder).as_posix()
        if name not in digests:
            digests[name] = digest_of_file(file)
            for module in _imports_of_file(file):
                digests |= _digests_of_own(module)
                waiting.extend(files_of_module(module, folder))
    return dict(sorted(digests.items()))


def files_of_module(module: str, folder: Path) -> list[Path]:
    """Return the Python files of the top-level module or package of `module` in `folder`, none if it is not there."""
    top = module.partition(".")[0]
    if (folder / top).is_dir():
        return sorted((folder / top).rglob("*.py"))
    return [folder / f"{top}.py"] if (folder / f"{top}.py").is_file() else []


def digest_of_file(path: Path) -> str:
    """Return 12 hexadecimal digits for a file: of its syntax tree, or of its bytes where it is not valid Python."""
    tree = _tree_of(path)
    return digest_of_tree(tree) if tree else hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def names_defined_in(path: Path) -> set[str] | None:
    """Return the names that a file defines or imports at its top level; None where `import *` hides them.

    Raises
    ------
    UserError
        If the file is not there or is not valid Python.
    """
    names: set[str] = set()
    for node in parse_user_file(path).body:
        found = set(_names_bound_by(node))
        if "*" in found:
            return None
        names |= found
    return names


def parse_user_file(path: Path) -> ast.Module:
    """Return the syntax tree of a user's file, or say in words why there is none."""
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path} (looked for at {path.absolute()}). Correct its path.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Name a Python file.") from error
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}. The file must be valid Python.") from error
    except ValueError as error:
        raise UserError(f"{path}: {error}. The file must be valid Python.") from error


def _names_bound_by(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.If | ast.Try | ast.With):
        for inner in ast.walk(node):
            if isinstance(inner, ast.ClassDef | ast.FunctionDef):
                yield inner.name
            elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id
            elif isinstance(inner, ast.Import | ast.ImportFrom):
                yield from _names_bound_by(inner)


def _tree_of(path: Path) -> ast.Module | None:
    status = path.stat()
    text = _read(path, status.st_mtime_ns, status.st_size)
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


@cache
def _read(path: Path, mtime_ns: int, size_bytes: int) -> bytes:
    return path.read_bytes()


def _imports_of_file(path: Path) -> list[str]:
    modules: list[str] = []
    for node in ast.walk(_tree_of(path) or ast.Module([], [])):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return modules


def _digests_of_own(module: str) -> dict[str, str]:
    file = module.replace(".", "/") + ".py"
    if not module.startswith(f"{PACKAGE}.") or not (SCRIPTS / file).is_file():
        return {}
    return {name: digest_of(name) for name in closure_of(file)}
