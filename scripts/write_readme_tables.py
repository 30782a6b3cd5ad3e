"""A developer's command: write the README's tables of config keys, models and effect presets from their sources.

`python scripts/write_readme_tables.py` replaces what stands between the markers `<!-- name:begin -->` and
`<!-- name:end -->`. A test compares, so that the README stays true.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "scripts"))

from embedshift.models.catalog import ENTRIES, Entry  # noqa: E402
from embedshift.schema import NAMES_OF_TYPES  # noqa: E402
from embedshift.strengths import expand, text_of  # noqa: E402


def key_table() -> str:
    """Return every key of the config: type or choices, default, meaning."""
    schema = yaml.safe_load((REPOSITORY / "config.schema.yaml").read_text())
    rows = [f"| `{path}` | {kind} | {default} | {meaning} |" for path, kind, default, meaning in _keys(schema, schema)]
    return "\n".join(["| key | what it takes | default | meaning |", "|---|---|---|---|", *rows])


def model_table() -> str:
    """Return what is known of each adapter."""
    head = ["| adapter | dimensions | rate | options | precision | what it is | weights | cite |", "|" + "---|" * 8]
    return "\n".join([*head, *(_model_row(name, entry) for name, entry in sorted(ENTRIES.items()))])


def preset_table() -> str:
    """Return the effect presets with their processors and sweeps."""
    presets = yaml.safe_load((REPOSITORY / "studies/presets.yaml").read_text())["effects"]
    head = ["| preset | chain | strengths | loudness matched after |", "|---|---|---|---|"]
    return "\n".join([*head, *(_preset_row(name, preset) for name, preset in presets.items())])


TABLES = {"keys": key_table, "models": model_table, "presets": preset_table}


def with_tables(text: str) -> str:
    """Return the README's text with every table written anew."""
    for name, table in TABLES.items():
        between = rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)"
        text, count = re.subn(between, lambda found, t=table: f"{found[1]}{t()}\n{found[2]}", text, flags=re.S)
        if count != 1:
            raise SystemExit(f"README.md needs the markers of the table {name} once; found {count} times")
    return text


def _keys(schema: Mapping[str, Any], root: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, str, str]]:
    for key, inner in schema.get("properties", {}).items():
        inner = {**root["$defs"][inner["$ref"].rsplit("/", 1)[1]], **inner} if "$ref" in inner else inner
        here = f"{path}.{key}" if path else key
        if "description" in inner and inner.get("type") != "object":
            yield here, _kind(inner), _default(inner), inner["description"]
        others = inner.get("additionalProperties")
        if isinstance(others, Mapping):
            yield from _keys(root["$defs"][others["$ref"].rsplit("/", 1)[1]], root, f"{here}.<name>")
        if inner.get("type") == "object":
            yield from _keys(inner, root, here)


def _kind(schema: Mapping[str, Any]) -> str:
    if "oneOf" in schema:
        return " or ".join(_kind(choice) for choice in schema["oneOf"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    kinds = schema.get("type", "string")
    text = " or ".join(NAMES_OF_TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))
    low, high = (schema.get(key, schema.get(f"exclusive{key.capitalize()}")) for key in ("minimum", "maximum"))
    if low is not None or high is not None:
        text += f", {'' if low is None else low} to {'' if high is None else high}".rstrip()
    return text


def _default(schema: Mapping[str, Any]) -> str:
    if "default" not in schema:
        return ""
    value = schema["default"]
    return "null" if value is None else f"`{value}`" if value != "" else "empty"


def _model_row(name: str, entry: Entry) -> str:
    dims = ", ".join(f"{dim}" if option is None else f"{option} {dim}" for option, dim in entry.dim.items())
    options = ", ".join(f"`{option}`" for option in entry.options) or "none"
    precision = ", ".join(entry.precisions)
    return (
        f"| `{name}` | {dims} | {entry.sample_rate_hz} Hz | {options} | {precision} | {entry.description} "
        f"| {entry.licence_weights} | {entry.citation} |"
    )


def _preset_row(name: str, preset: Mapping[str, Any]) -> str:
    chain = " → ".join(
        item["processor"] + "(" + ", ".join(f"{k}={v}" for k, v in item.items() if k != "processor") + ")"
        for item in preset["chain"]
    )
    values = expand(preset["strengths"]) if "strengths" in preset else []
    ends = f"{len(values)}: {text_of(values[0])} to {text_of(values[-1])}" if len(values) > 1 else ""
    return f"| `{name}` | {chain} | {ends or ', '.join(map(text_of, values)) or 'none'} | {_matched(preset)} |"


def _matched(preset: Mapping[str, Any]) -> str:
    return "yes" if preset.get("renormalise", True) else "no"


if __name__ == "__main__":
    readme = REPOSITORY / "README.md"
    readme.write_text(with_tables(readme.read_text()))
