"""Reading of TOML: the line of an entry, for error messages, and dates as moments."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-\s]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-]+)\s*=")
_STEP = re.compile(r"([A-Za-z0-9_\-]+)|\[(\d+)\]")
_NAMED = re.compile(r" \([^)]*\)")

Path = Sequence[str | int]


def path_of(where: str) -> list[str | int]:
    """The steps of a place such as `actions[2] (coupon).caps.per_day`."""
    found = _STEP.findall(_NAMED.sub("", where))
    return [name or int(number) for name, number in found]


def line_of(text: str, where: str) -> int | None:
    """The line (from 1) of a place, or of the nearest entry around it; None where there is none.

    A place within an inline table is on the line of the key before it.
    """
    wanted, best, found = path_of(where), 0, None
    seen, table = Counter[str](), list[str | int]()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _table(header[2].replace(" ", "").split("."), header[1] == "[[", seen)
            place = table
        elif key := _KEY.match(line):
            place = [*table, key[1]]
        else:
            continue
        if len(place) > best and place == wanted[: len(place)]:
            best, found = len(place), number
    return found


def _table(names: list[str], repeated: bool, seen: Counter[str]) -> list[str | int]:
    """The path of a header: repeated tables (`[[ ]]`) are counted within the one around them."""
    path: list[str | int] = []
    for position, name in enumerate(names):
        path.append(name)
        key = repr(path)
        last = position == len(names) - 1
        if last and repeated:
            seen[key] += 1
        if seen[key]:
            path.append(seen[key] - 1)
    return path


def with_moments(value: Any) -> Any:
    """A parsed document in which each plain date is midnight UTC at its beginning."""
    if isinstance(value, dict):
        return {key: with_moments(one) for key, one in value.items()}
    if isinstance(value, list):
        return [with_moments(one) for one in value]
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value
