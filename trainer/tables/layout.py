"""The delimiter and the header of delimited text."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from trainer.tables.dialect import Dialect
from trainer.tables.escaped_lines import line_reader
from trainer.tables.log_error import LogError

#: In the order in which they are preferred; the last is what Hive writes.
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", "\x01": "the character 1"}
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_VALUE = re.compile(r"[-+]?[$€£]?[\d.,:/\-]*\d[\d.,:/\-TZ ]*\Z")
#: Excel's first line.
_SEPARATOR = re.compile(r'\s*"?sep=(.)"?\s*\Z', re.IGNORECASE)
_SAMPLED = 1_000


class TextLayout(NamedTuple):
    """`names` of all columns; the first `skip` lines hold no row. `wanted` are the names that count."""

    delimiter: str
    names: Sequence[str]
    skip: int
    wanted: Sequence[str]


def layout(head: Sequence[str], name: str, dialect: Dialect) -> TextLayout:
    """The layout of a file that begins with the lines. Raises LogError if it has no header and no names."""
    before = next((number for number, line in enumerate(head) if line.strip()), 0)
    separator = _SEPARATOR.match(head[before])
    before += separator is not None
    lines = [line for line in head[before:] if line.strip()]
    if not lines:
        raise LogError(f"{name} cannot be read (it is empty): check that it is what its name says")
    delimiter = dialect.delimiter or (separator[1] if separator else _delimiter(lines))
    first = _first(lines, delimiter, dialect.escape)
    if dialect.columns:
        return _given(name, delimiter, first, before, dialect.columns)
    if _is_row(first):
        example = ",".join(f"COLUMN{place}" for place in range(1, len(first) + 1))
        raise LogError(
            f"{name} has no header: its first line is {lines[0][:80]!r}; name its columns by position: "
            f"--columns {example} (visitor_id, ts, event, item_id, ... or empty for one to leave out)"
        )
    names = unique(first)
    return TextLayout(delimiter, names, before + 1, names)


def head_of(path: Path) -> list[str]:
    """The lines that tell the layout of a file in UTF-8."""
    with path.open(encoding="utf-8", newline="\n") as file:
        return [line.rstrip("\r\n") for line, _ in zip(file, range(_SAMPLED), strict=False)]


def _first(lines: Sequence[str], delimiter: str, escape: str | None) -> list[str]:
    """The fields of the first row."""
    reader, text = line_reader(delimiter, 1, escape), lines[0]
    for line in lines[1:]:
        if not reader.goes_on(text):
            break
        text = f"{text}\n{line}"
    return [field or "" for field in reader.split(text)[0]]


def _delimiter(lines: Sequence[str]) -> str:
    """The one that most lines have as often as the first line; of equals, that which it has most."""
    bare = [_QUOTED.sub("", line) for line in lines]
    scores = {}
    for delimiter in DELIMITERS:
        count = bare[0].count(delimiter)
        if count:
            alike = sum(line.count(delimiter) == count for line in bare)
            scores[delimiter] = (alike, count)
    return max(scores, key=scores.__getitem__, default=",")


def _given(name: str, delimiter: str, first: Sequence[str], skip: int, columns: Sequence[str]) -> TextLayout:
    if len(columns) != len(first):
        raise LogError(
            f"--columns names {len(columns)} columns, but the first line of {name} has {len(first)} fields: "
            f"{', '.join(first)[:120]!r}; name each, or leave it empty"
        )
    wanted = {column.strip() for column in columns if column.strip()}
    if {field.strip().lower() for field in first} & {column.lower() for column in wanted}:
        raise LogError(
            f"--columns is for files without a header, but {name} begins with one: leave it out, and rename "
            "columns by --map FIELD=COLUMN"
        )
    names = unique(columns)
    return TextLayout(delimiter, names, skip, [one for one in names if one in wanted])


def _is_row(first: Sequence[str]) -> bool:
    """A header has no numbers, dates or times."""
    return any(_VALUE.match(field.strip()) for field in first)


def unique(names: Sequence[str]) -> list[str]:
    """Names of columns, made different where they are equal or empty."""
    made: list[str] = []
    for place, name in enumerate(names, 1):
        own = name.strip() or f"column {place}"
        made.append(own if own not in made else f"{own} {place}")
    return made
