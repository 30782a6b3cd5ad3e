"""A config against its schema: mistakes in words, defaults filled in. Needs only what Snakemake itself needs."""

import copy
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from embedshift.nearest_name import did_you_mean

Schema = Mapping[str, Any]
NAMES_OF_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a group of keys",
    "null": "null",
}
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "minItems": "at least {} entries",
    "minProperties": "at least {} entries",
    "pattern": "matching {}",
}


def mistakes(config: Mapping[str, Any], schema: Schema) -> list[str]:
    """Return one sentence for each mistake: the key's path, what was found, what is allowed."""
    errors = sorted(Draft202012Validator(schema).iter_errors(config), key=lambda error: list(map(str, error.path)))
    # a group of keys that lacks three of them is three errors, each of which names all three
    told = dict.fromkeys(sentence for error in errors for sentence in _sentences(error, schema))
    return [*told, *_not_finite(config)]


def _not_finite(value: Any, path: str = "") -> Iterator[str]:
    """Yield a sentence for each number that is none: bounds do not catch it, for nan compares with nothing."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{path}: found {value}. Allowed: a finite number."
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _not_finite(item, _join(path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _not_finite(item, f"{path}[{position}]")


def with_defaults(value: Any, schema: Schema, root: Schema | None = None) -> Any:
    """Return a copy of `value` in which every key that has a default in the schema is present."""
    root = root or schema
    schema = _resolved(schema, root)
    if not isinstance(value, Mapping):
        return copy.deepcopy(value)
    filled = dict(value)
    for key, inner in schema.get("properties", {}).items():
        inner = _resolved(inner, root)
        if key not in filled and "default" in inner:
            filled[key] = copy.deepcopy(inner["default"])
    return {key: with_defaults(item, _schema_of(key, schema), root) for key, item in filled.items()}


def _schema_of(key: str, schema: Schema) -> Schema:
    others = schema.get("additionalProperties")
    return schema.get("properties", {}).get(key, others if isinstance(others, Mapping) else {})


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    return {**root["$defs"][reference.removeprefix("#/$defs/")], **schema} if reference else schema


def _sentences(error: ValidationError, root: Schema) -> Iterator[str]:
    path = _path(error)
    meant = _meant_alternative(error)
    if meant:
        for inner in meant:
            yield from _sentences(inner, root)
    elif error.validator == "additionalProperties":
        allowed = list(error.schema.get("properties", {}))
        for key in [key for key in error.instance if key not in allowed]:
            yield f"{_join(path, key)}: unknown key.{did_you_mean(key, allowed)} Allowed here: {', '.join(allowed)}."
    elif error.validator == "required":
        for key in [key for key in error.validator_value if key not in error.instance]:
            inner = _resolved(error.schema.get("properties", {}).get(key, {}), root)
            yield f"{_join(path, key)}: missing. {_meaning(inner)}".rstrip()
    elif error.validator == "enum":
        words = [str(word) for word in error.validator_value]
        yield f"{path}: found {error.instance!r}.{did_you_mean(error.instance, words)} Allowed: {', '.join(words)}."
    else:
        schema = _resolved(error.schema, root)
        hint = _number_hint(error.instance, schema)
        parts = [f"{path}: found {_shown(error.instance)}.", f"Allowed: {_allowed(schema, root)}."]
        yield " ".join([*parts, *filter(None, (hint, _meaning(schema)))])


def _meant_alternative(error: ValidationError) -> list[ValidationError]:
    """Return the mistakes inside the one alternative that is of the right kind, for a list or a group of keys."""
    if error.validator != "oneOf" or not isinstance(error.instance, list | Mapping):
        return []
    alternatives: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        alternatives.setdefault(inner.relative_schema_path[0], []).append(inner)
    fitting = [inner for inner in alternatives.values() if not any(_is_of_wrong_kind(part) for part in inner)]
    return fitting[0] if len(fitting) == 1 else []


def _is_of_wrong_kind(error: ValidationError) -> bool:
    return error.validator in ("type", "const") and not error.relative_path


def _number_hint(value: Any, schema: Schema) -> str:
    """Return how to write a number that YAML reads as a text, such as 8e3 or '5'."""
    kinds = schema.get("type", [])
    if not isinstance(value, str) or not {"number", "integer"} & set([kinds] if isinstance(kinds, str) else kinds):
        return ""
    try:
        number = Decimal(value) if math.isfinite(float(value)) else None
    except ValueError:
        return ""
    if number is None or not -12 <= number.adjusted() <= 12:
        return ""
    return f"Write {number:f}: YAML reads {value} as a text."


def _path(error: ValidationError) -> str:
    text = ""
    for part in error.absolute_path:
        text = f"{text}[{part}]" if isinstance(part, int) else _join(text, part)
    return text or "the config"


def _join(path: str, key: Any) -> str:
    return f"{path}.{key}" if path and path != "the config" else str(key)


def _meaning(schema: Schema) -> str:
    return f"It means: {schema['description']}" if "description" in schema else ""


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", list: "a list"}
    kind = "a group of keys" if isinstance(value, Mapping) else kinds.get(type(value), f"a {type(value).__name__}")
    text = repr(value)
    return f"{text if len(text) < 60 else text[:57] + '...'} ({kind})"


def _allowed(schema: Schema, root: Schema) -> str:
    if "oneOf" in schema:
        return ", or ".join(_allowed(_resolved(choice, root), root) for choice in schema["oneOf"])
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    text = " or ".join(NAMES_OF_TYPES[kind] for kind in kinds) or "anything"
    limits = [_limit(words, schema[key]) for key, words in BOUNDS.items() if key in schema]
    keys = f" with the keys {', '.join(schema['properties'])}" if schema.get("properties") else ""
    return text + keys + (", " if limits else "") + ", ".join(limits)


def _limit(words: str, bound: Any) -> str:
    text = words.format(bound)
    return text.replace("entries", "entry").replace("characters", "character") if bound == 1 else text
