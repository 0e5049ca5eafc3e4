"""Templates that nobody filled: `${category}`, `{{ sku }}`, `<%= brand %>`, `[object Object]`.

They leak out of pages and tag managers into values. As an id, one would join all items or visitors that it
stands for; as a brand or a category it would be learned.
"""

import re

#: Longest name between a template's brackets; bounded, so that no text takes long to search.
_NAME = 64
_TEMPLATE = re.compile(
    rf"(?:\$|%24)(?:\{{|%7B)[^{{}}]{{1,{_NAME}}}?(?:\}}|%7D)"
    rf"|(?:\{{|%7B){{2}}[^{{}}]{{1,{_NAME}}}?(?:\}}|%7D){{2}}"
    rf"|(?:\{{%|%7B%25).{{1,{_NAME}}}?(?:%\}}|%25%7D)"
    rf"|(?:<%|%3C%25).{{1,{_NAME}}}?(?:%>|%25%3E)"
    r"|\[object \w+\]",
    re.IGNORECASE,
)
#: Longer than any text that is kept.
_SEARCHED = 1024
#: Beginnings of templates, by a single byte that they have: to look for that is many times faster. Some JSON
#: encoders write `<` as an escape.
_MARKS = ((b"%", (b"%7", b"%25")), (b"<", (b"<%",)), (b"[", (b"[object ",)), (b"\\", (b"\\u003",)))
_BRACES = (b"{{", b"${", b"{%")


def leaks(text: str) -> bool:
    """Whether a text has a template in it."""
    return _TEMPLATE.search(text, 0, _SEARCHED) is not None


def suspicious(data: bytes, objects: int = 1) -> bool:
    """Whether JSON of so many objects may have a template in a text: false where it surely has none."""
    if data.count(b"{") > objects and any(mark in data for mark in _BRACES):
        return True
    return any(byte in data and any(mark in data for mark in marks) for byte, marks in _MARKS)
