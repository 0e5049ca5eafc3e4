"""Lines of delimited text whose quotes do not follow RFC 4180, such as `27" monitor`.

A quote begins a quoted field only where a field begins and its end is followed by a delimiter; all others
are characters. A field may go on over lines where these have no reading of their own.
"""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

#: Most lines of one quoted field.
_LINES = 500


class Row(NamedTuple):
    """Fields from line `number` on; None: the line `text` does not have as many as the header."""

    number: int
    fields: list[str | None] | None
    text: str


class OddLines:
    """Reads rows of `width` fields."""

    def __init__(self, delimiter: str, width: int) -> None:
        self._delimiter, self._width = delimiter, width
        end = re.escape(delimiter)
        self._field = re.compile(rf'"((?:[^"]|"")*)"(?={end}|\Z)|([^{end}]*)', re.DOTALL)

    def rows(self, path: Path, skip: int = 0) -> Iterator[Row]:
        """All rows after `skip` lines; blank lines have none."""
        with path.open(encoding="utf-8", newline="\n") as lines:
            waiting: list[str] = list(islice(lines, _LINES))
            for _ in range(skip):
                waiting.pop(0)
            number = skip + 1
            while waiting:
                row, used = self._row(number, waiting)
                if row is not None:
                    yield row
                del waiting[:used]
                waiting.extend(islice(lines, used))
                number += used

    def split(self, text: str) -> tuple[list[str | None], bool]:
        """The fields, and whether one of them has a quote that does not end."""
        if '"' not in text:
            return [field or None for field in text.split(self._delimiter)], False
        fields: list[str | None] = []
        place, is_open = 0, False
        while True:
            found = self._field.match(text, place)
            assert found is not None
            quoted, bare = found.groups()
            fields.append((bare or None) if quoted is None else quoted.replace('""', '"'))
            is_open |= quoted is None and bare.startswith('"')
            if found.end() >= len(text):
                return fields, is_open
            place = found.end() + 1

    def goes_on(self, text: str) -> bool:
        """Whether a row surely goes on behind these lines."""
        return False

    def _row(self, number: int, waiting: list[str]) -> tuple[Row | None, int]:
        text = bare(waiting[0])
        if not text.strip():
            return None, 1
        fields, is_open = self.split(text)
        if is_open and (joined := self._joined(waiting)) is not None:
            return Row(number, joined[0], text), joined[1]
        return Row(number, self._fitting(fields), text), 1

    def _joined(self, waiting: list[str]) -> tuple[list[str | None], int] | None:
        """The fields of a row over several lines, which have no reading of their own, and their number."""
        text = waiting[0].rstrip("\r\n")
        alone = self._fitting(self.split(text)[0]) is not None
        for used, line in enumerate(waiting[1:], 2):
            text += "\n" + bare(line)
            own = self._fitting(self.split(bare(line))[0]) is not None
            alone = alone and own
            if text.count('"') % 2 == 0 and '"' in line:
                fields, is_open = self.split(text)
                found = None if is_open else self._fitting(fields)
                return None if found is None or alone else (found, used)
        return None

    def _fitting(self, fields: list[str | None]) -> list[str | None] | None:
        """The fields if they are as many as the header's, or more that are all empty."""
        if len(fields) < self._width or any(fields[self._width :]):
            return None
        return fields[: self._width]


def bare(line: str) -> str:
    """The line without its end."""
    return line.rstrip("\r\n")
