"""Read one value as producers send it: `"12.50"`, `1.6e9` seconds, `(not set)`, NaN.

A reader takes a JSON value and returns `(value, clipped)`, or raises Unreadable and nothing else.
"""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from models.contract.events import BASKET_ITEMS, ID_CHARS, RESULTS_MOST
from models.forms.missing import MISSING, is_missing
from models.forms.templates import contains_template, is_template

Reader = Callable[[Any], tuple[Any, bool]]


class Unreadable(ValueError):
    """The value cannot be read as what the field means."""


_YES = frozenset({"true", "1", "yes", "y", "on", "granted"})
_NO = frozenset({"false", "0", "no", "n", "off", "denied"})
NUMBER_CHARS = 64


def describe(value: Any) -> str:
    """A short, printable form for messages; containers are named, for they may be nested deeply."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    shown = repr(value[:60] if isinstance(value, str | bytes) else value)
    return shown if len(shown) <= 80 else shown[:80] + "…"


def string(value: Any) -> str:
    """Text as it is, numbers in their shortest form (item ids are numbers in many shops).

    A template that nobody filled is no text.
    """
    found = _string(value)
    if contains_template(found):
        raise Unreadable
    return found


def _string(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unreadable
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Unreadable
        value = int(value) if value.is_integer() else value
    found = str(value)
    if not found.isascii() and any("\ud800" <= char <= "\udfff" for char in found):
        # A lone surrogate has no UTF-8 form: it could be neither kept nor answered.
        raise Unreadable
    if found in MISSING:
        raise Unreadable
    return found


def identifier(value: Any) -> str:
    """An id: cutting one would join two visitors, so a longer one is unreadable."""
    return _whole(value, ID_CHARS)


def whole(most: int) -> Reader:
    """A reader of ids of at most `most` characters."""

    return lambda value: (_whole(value, most), False)


def _whole(value: Any, most: int) -> str:
    found = string(value)
    if len(found) > most:
        raise Unreadable
    return found


def text(most: int) -> Reader:
    """A reader of text that is cut to `most` characters."""

    def read(value: Any) -> tuple[str, bool]:
        found = string(value)
        return found[:most], len(found) > most

    return read


def one_of(names: Collection[str]) -> Reader:
    """A reader of one of some names, in whatever case."""

    def read(value: Any) -> tuple[str, bool]:
        found = string(value).strip().lower()
        if found not in names:
            raise Unreadable
        return found, False

    return read


def words(most: int) -> Reader:
    """A reader of text that people type: only a text that is nothing but templates is unreadable."""

    def read(value: Any) -> tuple[str, bool]:
        found = _string(value)
        if is_template(found):
            raise Unreadable
        return found[:most], len(found) > most

    return read


def address(most: int) -> Reader:
    """A reader of page addresses: as of text, but templates after the `?` are allowed."""

    def read(value: Any) -> tuple[str, bool]:
        found = _string(value)
        if contains_template(found.partition("?")[0]):
            raise Unreadable
        return found[:most], len(found) > most

    return read


def number(value: Any) -> float:
    """A finite number, also when sent as a string."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unreadable
    if isinstance(value, str) and len(value) > NUMBER_CHARS:
        raise Unreadable
    try:
        found = float(value)
    except (ValueError, OverflowError) as error:
        raise Unreadable from error
    if not math.isfinite(found):
        raise Unreadable
    return found


def amount(value: Any) -> tuple[float, bool]:
    """A number of at least 0; a negative one becomes 0."""
    found = number(value)
    return (0.0, True) if found < 0 else (found, False)


def pieces(value: Any) -> tuple[int, bool]:
    """A whole number of at least 0; fractions are rounded."""
    found = number(value)
    whole = max(0, round(found))
    return whole, whole != found


def results(value: Any) -> tuple[int, bool]:
    """How many results a search had, at most RESULTS_MOST."""
    found, clipped = pieces(value)
    return min(found, RESULTS_MOST), clipped or found > RESULTS_MOST


def truth(value: Any) -> tuple[bool, bool]:
    """A yes or a no, in the words of consent platforms too."""
    if isinstance(value, bool):
        return value, False
    word = string(value).strip().lower()
    if word not in _YES and word not in _NO:
        raise Unreadable
    return word in _YES, False


def basket(value: Any) -> tuple[tuple[str, ...], bool]:
    """Item ids of an array; those that cannot be read are left out."""
    if not isinstance(value, list):
        raise Unreadable
    found = []
    for entry in value[:BASKET_ITEMS]:
        try:
            found.append(identifier(entry))
        except Unreadable:
            continue
    return tuple(found), len(found) < len(value)


def aligned(reader: Reader) -> Reader:
    """A reader of an array of at most BASKET_ITEMS values; one that is missing or unreadable becomes None."""

    def read(value: Any) -> tuple[tuple[Any, ...], bool]:
        if not isinstance(value, list | tuple):
            raise Unreadable
        found = [_one(reader, entry) for entry in value[:BASKET_ITEMS]]
        return tuple(entry for entry, _ in found), any(cut for _, cut in found) or len(found) < len(value)

    return read


def _one(reader: Reader, value: Any) -> tuple[Any, bool]:
    if is_missing(value):
        return None, False
    try:
        return reader(value)
    except Unreadable:
        return None, True


class Fields(NamedTuple):
    """Optional fields as read, with the names of those that were unreadable and of those that were cut."""

    values: dict[str, Any]
    dropped: list[str]
    clipped: list[str]


def read_fields(found: Mapping[str, Any], by_name: Mapping[str, Reader]) -> Fields:
    """Read the fields of `found` that `by_name` has a reader for."""
    fields = Fields({}, [], [])
    for name, value in found.items():
        reader = by_name.get(name)
        if reader is None:
            continue
        try:
            fields.values[name], clipped = reader(value)
        except Unreadable:
            fields.dropped.append(name)
            continue
        if clipped:
            fields.clipped.append(name)
    return fields
