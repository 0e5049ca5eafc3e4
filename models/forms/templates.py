"""Unfilled templates in values: `${category}`, `{{ sku }}`, `<%= brand %>`, `[object Object]`.

Pages and tag managers leak them. As an id, a template would merge all items or visitors that have it; as a
brand or a category it would be learned.
"""

import re
from collections.abc import Iterator

_OPENER = re.compile(
    r"(?P<dollar>(?:\$|%24)(?:\{|%7B))"
    r"|(?P<double>(?:\{|%7B){2,})"
    r"|(?P<block>\{%|%7B%25)"
    r"|(?P<angle><%|%3C%25)"
    r"|(?P<object>(?-i:\[object (?=\w)))",
    re.IGNORECASE,
)
_CLOSERS = {
    "dollar": re.compile(r"\}|%7D", re.IGNORECASE),
    "double": re.compile(r"(?:\}|%7D){2,}", re.IGNORECASE),
    "block": re.compile(r"%\}|%25%7D", re.IGNORECASE),
    "angle": re.compile(r"%>|%25%3E", re.IGNORECASE),
    "object": re.compile(r"\]"),
}
#: Longer than any text that is kept: a template that begins later is cut off.
_SEARCHED = 1024
#: Where the last one ends.
_ENDS = 16 * _SEARCHED
#: Beginnings of templates, by a single byte that they have: to look for that is many times faster.
_MARKS = ((b"%", (b"%7", b"%25", b"%24")), (b"<", (b"<%",)), (b"[", (b"[object ",)))
_BRACES = (b"{{", b"${", b"{%")
#: JSON may write any character as an escape: those of printable ASCII.
_ESCAPE = re.compile(rb"\\u00[2-7]")


def contains_template(text: str) -> bool:
    """Whether a text contains a template."""
    return next(_spans(text), None) is not None


def is_template(text: str) -> bool:
    """Whether a text is nothing but templates: people may write one, as in `{{mustache}} mug`."""
    at, between = 0, []
    for begin, end in _spans(text):
        between.append(text[at:begin])
        at = end
    return at > 0 and not "".join([*between, text[at:]]).strip()


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where templates begin and end; each kind looks in vain for its end at most once."""
    at, endless = 0, set()
    while opened := _OPENER.search(text, at, _SEARCHED):
        kind, at = str(opened.lastgroup), opened.end()
        closed = None if kind in endless else _CLOSERS[kind].search(text, at, _ENDS)
        if closed is None:
            # Nor does a later one of this kind end.
            endless.add(kind)
        else:
            at = closed.end()
            yield opened.start(), at


def may_contain_template(data: bytes, objects: int = 1) -> bool:
    """Whether JSON may contain a template in a text; false means that it has none.

    `objects`: exactly how many of the values in `data` begin with a brace.
    """
    if data.count(b"{") > objects and any(mark in data for mark in _BRACES):
        return True
    if b"\\" in data and _ESCAPE.search(data):
        return True
    return any(byte in data and any(mark in data for mark in marks) for byte, marks in _MARKS)
