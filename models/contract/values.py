"""Read one value as producers send it: `"12.50"`, `1.6e9` seconds, `(not set)`, NaN.

A reader takes a JSON value and returns `(value, clipped)`, or raises Unreadable and nothing else.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from models.contract.events import BASKET_ITEMS, ID_CHARS, TS_MAX, TS_MIN
from models.contract.templates import contains_template, is_template

Reader = Callable[[Any], tuple[Any, bool]]


class Unreadable(ValueError):
    """The value cannot be read as what the field means."""


_WORDS = ("(not set)", "(none)", "not set", "null", "none", "nil", "undefined", "nan", "n/a")
#: Producers' words for a missing value; an exact set, because every string of every click is looked up.
MISSING = frozenset({"", " ", "NaN", *_WORDS, *(w.upper() for w in _WORDS), *(w.title() for w in _WORDS)})
_YES = frozenset({"true", "1", "yes", "y", "on", "granted"})
_NO = frozenset({"false", "0", "no", "n", "off", "denied"})
#: Milliseconds in one unit, for epoch seconds, milliseconds, microseconds and nanoseconds.
_EPOCH_UNITS = (1, 1000, 1e-3, 1e-6)
NUMBER_CHARS = 64


def is_missing(value: Any) -> bool:
    """Whether a value means that there is none."""
    return value is None or (type(value) is str and value in MISSING)


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


def truth(value: Any) -> tuple[bool, bool]:
    """A yes or a no, in the words of consent platforms too."""
    if isinstance(value, bool):
        return value, False
    word = string(value).strip().lower()
    if word not in _YES and word not in _NO:
        raise Unreadable
    return word in _YES, False


def instant(value: Any) -> int:
    """Epoch ms from epoch seconds, ms, µs or ns (told apart by size) or ISO 8601 (UTC unless it says)."""
    try:
        found = number(value)
    except Unreadable:
        return _iso(value)
    for unit in _EPOCH_UNITS:
        if TS_MIN <= found * unit <= TS_MAX - 1:
            return round(found * unit)
    return _iso(value)


def _iso(value: Any) -> int:
    if not isinstance(value, str) or len(value) > NUMBER_CHARS:
        raise Unreadable
    try:
        moment = datetime.fromisoformat(value.strip().removesuffix(" UTC"))
        found = round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise Unreadable from error
    if not TS_MIN <= found < TS_MAX:
        raise Unreadable
    return found


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
