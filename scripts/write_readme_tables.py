"""A developer's command: write the tables of config keys, models and effect presets from their sources.

`python scripts/write_readme_tables.py` replaces what stands between the markers `<!-- name:begin -->` and
`<!-- name:end -->` in README.md and docs/models.md. A test compares, so that both stay true.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "scripts"))

from embedshift.model_table import COLUMNS, ModelRow, dimensions_of, model_rows, name_of, rate_of  # noqa: E402
from embedshift.models.catalog import ENTRIES  # noqa: E402
from embedshift.models.entry import Entry  # noqa: E402
from embedshift.schema import NAMES_OF_TYPES  # noqa: E402
from embedshift.strengths import expand, text_of  # noqa: E402


def key_table() -> str:
    """Return every key of the config: type or choices, default, meaning."""
    schema = yaml.safe_load((REPOSITORY / "config.schema.yaml").read_text())
    rows = [f"| `{path}` | {kind} | {default} | {meaning} |" for path, kind, default, meaning in _keys(schema, schema)]
    return "\n".join(["| key | what it takes | default | meaning |", "|---|---|---|---|", *rows])


def model_table() -> str:
    """Return what is known of each adapter in a line."""
    head = ["| adapter | dimensions | rate | what it is | licence of the weights |", "|" + "---|" * 5]
    return "\n".join([*head, *(_model_row(name, entry) for name, entry in sorted(ENTRIES.items()))])


def model_sheets() -> str:
    """Return all that is known of each adapter, a section each."""
    return "\n\n".join(_model_sheet(row) for row in model_rows())


def preset_table() -> str:
    """Return the effect presets with their processors and sweeps."""
    presets = yaml.safe_load((REPOSITORY / "studies/presets.yaml").read_text())["effects"]
    head = ["| preset | chain | strengths | loudness matched after |", "|---|---|---|---|"]
    return "\n".join([*head, *(_preset_row(name, preset) for name, preset in presets.items())])


TABLES = {
    "README.md": {"keys": key_table, "models": model_table, "presets": preset_table},
    "docs/models.md": {"models": model_table, "sheets": model_sheets},
}


def with_tables(text: str, page: str = "README.md") -> str:
    """Return a page's text with every table written anew."""
    for name, table in TABLES[page].items():
        between = rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)"
        text, count = re.subn(between, lambda found, t=table: f"{found[1]}{t()}\n{found[2]}", text, flags=re.S)
        if count != 1:
            raise SystemExit(f"{page} needs the markers of the table {name} once; found {count} times")
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
    cells = (
        f"`{name_of(name, entry)}`",
        dimensions_of(entry),
        rate_of(entry),
        entry.description,
        entry.licence_weights,
    )
    return f"| {' | '.join(cells)} |"


def _model_sheet(row: ModelRow) -> str:
    known = {what: text for what, text in row.facts.items() if text}
    facts = dict(zip(COLUMNS[1:], row.columns[1:], strict=True)) | known
    return "\n".join([f"### {row.columns[0]}", "", *(f"- {what}: {text}" for what, text in facts.items())])


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
    for page in TABLES:
        file = REPOSITORY / page
        file.write_text(with_tables(file.read_text(), page))
