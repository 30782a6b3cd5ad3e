"""Which known name a misspelt one may have meant, asked in one wording. Standard library only."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def did_you_mean(word: Any, allowed: Iterable[Any], number: int = 1) -> str:
    """Return ` Did you mean x?` with up to `number` of the nearest names, or nothing where none is near."""
    return question(nearest_names(word, allowed, number))


def nearest_names(word: Any, allowed: Iterable[Any], number: int = 1) -> list[str]:
    """Return the nearest names, best first; case and underscores count for nothing."""
    by_folded = {_folded(name): str(name) for name in allowed}
    return [by_folded[folded] for folded in get_close_matches(_folded(word), by_folded, n=number)]


def question(names: list[str]) -> str:
    """Return ` Did you mean x or y?`, or nothing without names."""
    return f" Did you mean {' or '.join(names)}?" if names else ""


def _folded(name: Any) -> str:
    return str(name).lower().replace("_", "")
