"""The parts of an event that no field was read from."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from models.forms.form import Form, Raw
from models.forms.missing import is_missing

#: Objects inside of objects are named as one part below this depth.
_DEPTH = 3


def unused(raw: Raw, form: Form, sources: Mapping[str, str]) -> list[str]:
    """Places in an event, as `context.ip`, that have a value and gave no field; an array counts as one.

    `sources` are the places of the fields that were read (`Reading.sources`).
    """
    used = [place.split("[]")[0] for place in sources.values()]
    return [place for place in _places(form.prepare(raw), "", _DEPTH) if not _is_used(place, used)]


def _places(value: Mapping[str, Any], prefix: str, depth: int) -> Iterator[str]:
    for name, part in value.items():
        # A body of one event has it in an array.
        inner = part[0] if isinstance(part, list) and len(part) == 1 else part
        if isinstance(inner, dict) and depth > 1:
            yield from _places(inner, f"{prefix}{name}.", depth - 1)
        elif not is_missing(part) and part not in ({}, []):
            yield f"{prefix}{name}"


def _is_used(place: str, used: Collection[str]) -> bool:
    return any(_within(place, one) or _within(one, place) for one in used)


def _within(place: str, other: str) -> bool:
    return place == other or place.startswith(f"{other}.")
