"""What a plug-in is made of, so that an edit of the user's code or weights reruns its embeddings, and nothing else.

`python:<file.py>:<Class>` is known by its code, `hear:<module>` by its package's source, `transformers:<model>` by its
files or its revision. Nothing of a plug-in is imported or fetched here. Standard library only: the Snakefile calls it.
"""

import re
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from embedshift.canonical import canonical_json, digest_text
from embedshift.errors import UserError
from embedshift.model_folder import list_model_files
from embedshift.nearest_name import did_you_mean
from embedshift.own_weights import digest_of, digest_of_any
from embedshift.user_code import digest_of_file, digests_of_code, files_of_module, names_defined_in

DIGESTS = "data/weights/.digests.json"
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
LONGEST_NAME = 60


def plug_in_identity(settings: dict[str, Any], cache: str | Path = DIGESTS) -> str:
    """Return what the numbers of a plug-in depend on besides its settings, as canonical JSON; empty for other adapters.

    Parameters
    ----------
    settings : a model's resolved settings (`adapter`, `options`)
    cache : where digests of large files are remembered

    Raises
    ------
    UserError
        If the plug-in is not there, in words that say what was looked for and where.
    """
    family, _, specification = settings["adapter"].partition(":")
    if family not in IDENTITIES:
        return ""
    return canonical_json(IDENTITIES[family](specification, settings["options"], cache))


def plug_in_weights_name(settings: dict[str, Any], cache: str | Path = DIGESTS) -> str | None:
    """Return the name of the weights that `fetch_weights` makes for a plug-in, of `A-Z a-z 0-9 _ . -`; None for none.

    The name holds a digest of the source: other files, or another revision, are other weights.
    """
    source = plug_in_weights_source(settings, cache)
    if source is None:
        return None
    specification = settings["adapter"].partition(":")[2]
    if source["kind"] == "folder":
        source = {"kind": "folder", "sha256": source["sha256"]}
        specification = Path(specification).expanduser().absolute().name
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", specification).strip("-.")[:LONGEST_NAME]
    return f"transformers_{readable}_{digest_text(canonical_json(source))}"


def plug_in_weights_source(settings: dict[str, Any], cache: str | Path = DIGESTS) -> dict[str, str] | None:
    """Return where a plug-in's weights come from: a folder and its digest, or a hub model and its revision.

    `{"kind": "folder", "path", "sha256"}`, `{"kind": "hub", "repository", "revision"}`, or None.
    """
    family, _, specification = settings["adapter"].partition(":")
    if family != "transformers":
        return None
    folder = folder_of(specification)
    if folder:
        list_model_files(folder)
        return {"kind": "folder", "path": str(folder), "sha256": digest_of(folder, cache)}
    return {"kind": "hub", "repository": specification, "revision": settings["options"].get("revision") or "main"}


def split_python(specification: str) -> tuple[Path, str]:
    """Return file and class of `file.py:Class`."""
    file, _, name = specification.rpartition(":")
    if not file or not name.isidentifier():
        raise UserError(f"adapter: found python:{specification}; write python:<file.py>:<Class>, for example "
                        "python:examples/rms_and_centroid.py:RmsAndCentroid.")  # fmt: skip
    return Path(file).expanduser(), name


def folder_of(specification: str) -> Path | None:
    """Return the folder that `transformers:<specification>` names, None for a model of the hub.

    Raises
    ------
    UserError
        If it is neither a folder that is there nor a name as the hub gives them.
    """
    folder = Path(specification).expanduser()
    if folder.is_dir():
        return folder
    if specification.startswith((".", "/", "~")) or not HUB_NAME.fullmatch(specification):
        raise UserError(f"adapter: transformers:{specification} is neither a folder (looked for at "
                        f"{folder.absolute()}) nor a model of the hub, <organisation>/<name>. Correct it.")  # fmt: skip
    return None


def find_module(name: str, folder: str | None) -> ModuleSpec:
    """Return the specification of the top-level module or package of `name`, found but not imported.

    Parameters
    ----------
    folder : where to look first; None for installed packages only

    Raises
    ------
    UserError
        If there is no such module.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        raise UserError(f"adapter: found hear:{name}; write hear:<module>, a name as after `import`, for example "
                        "hear:hearbaseline.wav2vec2; where its folder is goes to the option folder.")  # fmt: skip
    top = name.partition(".")[0]
    spec = _find_in(top, folder) if folder else None
    spec = spec or find_spec(top)
    if spec is None or not (spec.has_location or spec.submodule_search_locations):
        places = f"in {Path(folder).expanduser().absolute()} or " if folder else ""
        raise UserError(f"adapter: there is no module {top} for hear:{name} {places}among the installed packages. "
                        "Install it into the environment of the workflow, or name its folder in the option "
                        "folder.")  # fmt: skip
    return spec


def _find_in(top: str, folder: str) -> ModuleSpec | None:
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise UserError(f"options.folder: there is no folder {place} (looked for at {place.absolute()}). Correct it.")
    return PathFinder.find_spec(top, [str(place.absolute())])


def _identity_of_python(specification: str, options: dict[str, Any], cache: str | Path) -> dict[str, Any]:
    path, name = split_python(specification)
    defined = names_defined_in(path)
    if defined is not None and name not in defined:
        raise UserError(f"adapter: {path} defines no {name}.{did_you_mean(name, defined)} It defines: "
                        f"{', '.join(sorted(defined)) or 'nothing'}.")  # fmt: skip
    files = {key: _digest_of_option(key, path, cache) for key, path in _paths_in(options)}
    return {"code": digests_of_code([path], path.parent), "files": files}


def _paths_in(options: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield `(key, path)` of every text in options, lists and nested tables that names a file or a folder."""
    if isinstance(options, dict | list | tuple):
        named = options.items() if isinstance(options, dict) else enumerate(options)
        for key, value in named:
            yield from _paths_in(value, f"{where}.{key}" if where else str(key))
    elif isinstance(options, str) and options != "" and _is_there(options):
        yield where, options


def _is_there(text: str) -> bool:
    try:
        path = Path(text).expanduser()
        return path.is_file() or path.is_dir()
    except (OSError, ValueError, RuntimeError):  # too long for a path, a zero byte, a home that nobody has
        return False


def _digest_of_option(key: str, path: str, cache: str | Path) -> str:
    try:
        return digest_of_any(path, cache)
    except UserError as error:
        raise UserError(f"options.{key}: {error}") from error


def _identity_of_hear(specification: str, options: dict[str, Any], cache: str | Path) -> dict[str, Any]:
    """Modules in the user's folder are followed to what they import from there, installed packages are taken whole."""
    spec = find_module(specification, options.get("folder") or None)
    folder = _folder_that_holds(spec)
    if options.get("folder") and folder == Path(options["folder"]).expanduser().absolute():
        code = digests_of_code(files_of_module(specification, folder), folder)
    else:
        installed = files_of_module(specification, folder) or [Path(spec.origin or "")]
        code = {file.relative_to(folder).as_posix(): digest_of_file(file) for file in installed}
    return {"code": code, "weights": _digest_of_hear_weights(options.get("weights") or "", cache)}


def _folder_that_holds(spec: ModuleSpec) -> Path:
    places = list(spec.submodule_search_locations or []) or [spec.origin or ""]
    return Path(places[0]).parent


def _digest_of_hear_weights(weights: str, cache: str | Path) -> str:
    if not weights:
        return ""
    path = Path(weights).expanduser()
    if not path.is_file():
        raise UserError(f"options.weights: there is no file {path} (looked for at {path.absolute()}). Write the file "
                        "that load_model of the module reads, or leave the option out.")  # fmt: skip
    return digest_of(path, cache)


def _identity_of_transformers(specification: str, options: dict[str, Any], cache: str | Path) -> dict[str, Any]:
    source = plug_in_weights_source({"adapter": f"transformers:{specification}", "options": options}, cache) or {}
    return {name: value for name, value in source.items() if name != "path"}


IDENTITIES = {"python": _identity_of_python, "hear": _identity_of_hear, "transformers": _identity_of_transformers}
