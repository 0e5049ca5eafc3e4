"""Places in an event, as `properties.products.0.price`."""

import json
from typing import Any

from models.forms.missing import is_missing

Path = tuple[str, ...]
#: JSON inside a text is read up to this length.
_LONGEST_TEXT = 65_536


def path(text: str) -> Path:
    """The steps of a path."""
    return tuple(text.split("."))


def paths(*texts: str) -> tuple[Path, ...]:
    """Several paths."""
    return tuple(map(path, texts))


def at(value: Any, steps: Path) -> Any:
    """What stands at a place; None where there is nothing.

    Of an array the first entry counts.
    """
    for step in steps:
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def first(value: Any, places: tuple[Path, ...]) -> tuple[Any, Path]:
    """The first of several places that has a value, and that place; None and () where none has one."""
    for steps in places:
        found = at(value, steps)
        if not is_missing(found):
            return found, steps
    return None, ()


def plain(value: Any) -> Any:
    """The array or object that a text holds as JSON; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("[", "{") and len(value) <= _LONGEST_TEXT:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
