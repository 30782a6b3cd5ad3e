"""A user's own code: imported from where it lies, its mistakes told with file and line instead of a traceback."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from embedshift.device import is_out_of_memory
from embedshift.errors import UserError


def import_file(path: Path) -> ModuleType:
    """Return the module in the file `path`; what lies beside it can be imported by it, after what is installed.

    Raises
    ------
    UserError
        If the file is not there, or stops with an exception of its own.
    """
    path = path.expanduser().absolute()
    if not path.is_file():
        raise UserError(f"There is no file {path}. Correct the part of the adapter's name after python:.")
    _make_importable(path.parent)
    spec = importlib.util.spec_from_file_location(f"embedshift_user_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look a class up there
    with mistakes_in(path.parent, f"{path} could not be imported"):
        spec.loader.exec_module(module)
    return module


def import_named(name: str, folder: str | None) -> ModuleType:
    """Return the module `name`, an installed one or one in `folder`.

    Raises
    ------
    UserError
        If there is none, or if it stops with an exception of its own.
    """
    place = Path(folder).expanduser().absolute() if folder else Path.cwd()
    if folder:
        _make_importable(place)
    try:
        with mistakes_in(place, f"The module {name} could not be imported", but=ModuleNotFoundError):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        needed = "" if error.name == name.partition(".")[0] else f", which needs {error.name}"
        raise UserError(f"The module {name}{needed} is not installed here. Install it into the environment of the "
                        "workflow, or name its folder in the option folder.") from error  # fmt: skip


@contextmanager
def mistakes_in(folder: Path, what: str, but: type[Exception] | tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn an exception of a user's code in `folder` into a UserError with file, line and the exception's own words.

    Exceptions of the types `but`, those about memory, and UserErrors pass as they are.
    """
    try:
        yield
    except UserError:
        raise
    except but:
        raise
    except (Exception, SystemExit) as error:  # sys.exit() of a script that is no module would end the job in silence
        if is_out_of_memory(error):
            raise
        place = _place_of(error, folder)
        raise UserError(f"{what}: {place}: {type(error).__name__}: {error}. Correct the code there.") from error


def _place_of(error: BaseException, folder: Path) -> str:
    """Return file and line of the last call in the user's folder, or of the last call at all."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    calls = traceback.extract_tb(error.__traceback__)
    theirs = [call for call in calls if Path(call.filename).is_relative_to(folder)] or calls
    return f"{theirs[-1].filename}, line {theirs[-1].lineno}"


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: a file named like a library must not take its place
