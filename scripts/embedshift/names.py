"""A name means one thing in a results folder: data sets, effects and models are shared between studies by name.

Who first uses a name records its settings in `<results>/.names/<kind>/<name>.json`. Another study that gives the same
name to something else is stopped before any job; the same study may change its own settings, and reruns as usual.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from embedshift.atomic import write_text_if_changed
from embedshift.canonical import canonical_json
from embedshift.errors import UserError

Identities = Mapping[str, Mapping[str, Any]]


def check_names(results: Path, study: str, identities: Identities) -> None:
    """Compare `{kind: {name: settings}}` with what the results folder knows.

    Raises
    ------
    UserError
        If another study uses a name with other settings; the text says which keys differ, and how.
    """
    for kind, named in identities.items():
        for name, settings in named.items():
            _check(_record_path(results, kind, name), study, kind, name, settings)


def record_names(results: Path, study: str, identities: Identities) -> None:
    """Write down what the names of this study mean."""
    for kind, named in identities.items():
        for name, settings in named.items():
            path = _record_path(results, kind, name)
            studies = sorted({study, *_read(path).get("studies", [])})
            text = json.dumps({"studies": studies, "settings": settings}, indent=1, sort_keys=True)
            write_text_if_changed(path, text + "\n")


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Yield `key: old here, new there` for every leaf in which two settings differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif canonical_json(old) != canonical_json(new):
        yield f"{path}: {canonical_json(old)} there, {canonical_json(new)} here"


def _record_path(results: Path, kind: str, name: str) -> Path:
    return results / ".names" / kind / f"{name}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def _check(path: Path, study: str, kind: str, name: str, settings: Mapping[str, Any]) -> None:
    record = _read(path)
    others = [other for other in record.get("studies", []) if other != study]
    if not others or canonical_json(record["settings"]) == canonical_json(settings):
        return
    told = "\n".join(f"    {line}" for line in differences(record["settings"], settings))
    raise UserError(
        f"{kind}.{name} already means something else in the results folder {path.parents[2]}, where the study "
        f"{', '.join(others)} uses it:\n{told}\n"
        f"Give it another name in study {study}, make the settings equal, or choose another results_folder."
    )
