"""What each adapter is, as rows for `snakemake describe_models` and for the models page of the documentation.

Needs only the standard library.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from string import Formatter
from typing import Any

from embedshift.models.catalog import ENTRIES
from embedshift.models.entry import Entry
from embedshift.weights_catalog import describe_source

MEGABYTE = 1e6
LONGEST_CELL = 80
COLUMNS = ("adapter", "dimensions", "rate", "weights", "licence of code", "licence of weights")


@dataclass(frozen=True)
class ModelRow:
    """One adapter in words: `columns` for a table, `facts` `{what: text}` for the lines below it."""

    columns: tuple[str, ...]
    facts: Mapping[str, str]


def model_rows() -> list[ModelRow]:
    """Return one row an adapter, by name."""
    return [ModelRow(_columns(name, entry), _facts(entry)) for name, entry in sorted(ENTRIES.items())]


def text_table() -> str:
    """Return all adapters as plain text: a table of short columns, then what else is known of each."""
    rows = model_rows()
    cells = [COLUMNS, *(row.columns for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    for row in rows:
        lines += ["", row.columns[0], *(f"    {what}: {text}" for what, text in row.facts.items() if text)]
    return "\n".join(lines) + "\n"


def weights_of(entry: Entry) -> list[str]:
    """Return the names of all weights that an adapter can use, one for each combination of the options that decide."""
    keys = [key for _, key, _, _ in Formatter().parse(entry.weights) if key]
    choices = [entry.options[key].choices for key in keys]
    names = [entry.weights.format_map(dict(zip(keys, values, strict=True))) for values in product(*choices)]
    return sorted({name for name in names if name})


def name_of(adapter: str, entry: Entry) -> str:
    """Return an adapter's name as it is written in the config."""
    return f"{adapter}:..." if entry.takes_specification else adapter


def dimensions_of(entry: Entry) -> str:
    """Return an adapter's dimensions in words, by option where they depend on one."""
    text = _by_option(entry.dim) or "the model's own"
    if len(text) <= LONGEST_CELL:
        return text
    options = (entry.dim_option,) if isinstance(entry.dim_option, str) else entry.dim_option
    return f"{min(entry.dim.values())} to {max(entry.dim.values())}, by {' and '.join(options)}"


def rate_of(entry: Entry) -> str:
    """Return an adapter's sample rate in words."""
    rates = entry.sample_rate_hz
    if isinstance(rates, Mapping):
        return _by_option(rates) + " Hz"
    return f"{rates} Hz" if rates else "the model's own"


def size_of(entry: Entry) -> str:
    """Return the download sizes of an adapter's weights in megabytes, smallest and largest."""
    sizes = [describe_source(name)["size_bytes"] for name in weights_of(entry)]
    known = sorted(size / MEGABYTE for size in sizes if size)
    if not sizes:
        return "none"
    if not known:
        return "unknown"
    texts = list(dict.fromkeys(f"{size:.0f}" if size >= 10 else f"{size:.1f}" for size in (known[0], known[-1])))
    return " to ".join(texts) + " MB" + ("" if len(known) == len(sizes) else ", some unknown")


def _columns(name: str, entry: Entry) -> tuple[str, ...]:
    return (
        name_of(name, entry),
        dimensions_of(entry),
        rate_of(entry),
        size_of(entry) if entry.weights else "its own" if entry.takes_specification else "none",
        entry.licence_code,
        entry.licence_weights,
    )


def _facts(entry: Entry) -> dict[str, str]:
    cosine = "" if entry.bfloat16_cosine is None else f" (lowest cosine to float32 {entry.bfloat16_cosine:.6f})"
    return {
        "what": entry.description,
        "dimensions": _by_option(entry.dim) if len(_by_option(entry.dim)) > LONGEST_CELL else "",
        "options": ", ".join(_options(entry)),
        "channels": entry.channel_rule,
        "length": entry.length_rule,
        "frames": entry.frames,
        "embedding": entry.pooling,
        "precision": ", ".join(entry.precisions) + cosine,
        "text": "has a text tower" if entry.tokenizers else "",
        "backend": ", ".join(entry.backends) if len(entry.backends) > 1 else "",
        "source": entry.source,
        "cite": entry.citation,
        "checked against": entry.checked,
    }


def _options(entry: Entry) -> Iterator[str]:
    for name, option in entry.options.items():
        default = option.default
        if option.depends_on:
            yield f"{name} (by {option.depends_on})"
        else:
            yield name if default in (None, "") else f"{name} ({_in_yaml(default)})"


def _in_yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _by_option(values: Mapping[Any, int]) -> str:
    return ", ".join(dict.fromkeys(_value_under(key, value) for key, value in values.items()))


def _value_under(key: Any, value: int) -> str:
    return str(value) if key in (None, str(value), value) else f"{_in_yaml(key)} {value}"
