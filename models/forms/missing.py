"""Words for a missing value."""

from typing import Any

_WORDS = ("(not set)", "(none)", "not set", "null", "none", "nil", "undefined", "nan", "n/a")
#: Producers' words for a missing value; an exact set, because every string of every click is looked up.
MISSING = frozenset({"", " ", "NaN", *_WORDS, *(w.upper() for w in _WORDS), *(w.title() for w in _WORDS)})


def is_missing(value: Any) -> bool:
    """Whether a value means that there is none."""
    return value is None or (type(value) is str and value in MISSING)
