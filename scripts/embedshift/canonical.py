"""One text for one set of settings, whatever the order of its keys."""

import hashlib
import json
from typing import Any


def canonical_json(settings: Any) -> str:
    """Return JSON with sorted keys and no spaces; integral floats are written like integers (30.0 as 30)."""
    return json.dumps(_plain_numbers(settings), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_text(text: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of `text`."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value
