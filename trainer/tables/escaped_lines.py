"""Lines of delimited text with an escape character, as MySQL's INTO OUTFILE and PostgreSQL's COPY write them.

Escapes are as in MySQL's LOAD DATA. `\\N` alone is no value; `\\n`, `\\r`, `\\t`, `\\b`, `\\0` and `\\Z` are
control characters. Any other character stands for itself, also a delimiter, a quote or a line's end.
"""

import re

from trainer.tables.odd_lines import OddLines, Row, bare

_CONTROLS = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}


class EscapedLines(OddLines):
    """Reads rows of `width` fields in which `escape` takes the meaning of the next character away."""

    def __init__(self, delimiter: str, width: int, escape: str) -> None:
        super().__init__(delimiter, width)
        end, by = re.escape(delimiter), re.escape(escape)
        inner, outer = rf'(?:{by}.|""|[^"{by}])*', rf"(?:{by}.|[^{end}{by}]|{by}\Z)*"
        self._field = re.compile(rf'"({inner})"(?={end}|\Z)|({outer})', re.DOTALL)
        self._pair = re.compile(rf"{by}(.)", re.DOTALL)
        self._escape, self._none = escape, f"{escape}N"

    def split(self, text: str) -> tuple[list[str | None], bool]:
        """The fields, and whether one of them has a quote that does not end."""
        fields: list[str | None] = []
        place, is_open = 0, False
        while True:
            found = self._field.match(text, place)
            assert found is not None
            quoted, plain = found.groups()
            fields.append(
                self._value(plain) if quoted is None else self._unescaped(quoted.replace('""', '"'))
            )
            is_open |= quoted is None and plain.startswith('"')
            if found.end() >= len(text):
                return fields, is_open
            place = found.end() + 1

    def goes_on(self, text: str) -> bool:
        """Whether the end of the line is escaped."""
        return (len(text) - len(text.rstrip(self._escape))) % 2 == 1

    def _value(self, text: str) -> str | None:
        return None if text in ("", self._none) else self._unescaped(text)

    def _unescaped(self, text: str) -> str:
        return self._pair.sub(lambda found: _CONTROLS.get(found[1], found[1]), text)

    def _row(self, number: int, waiting: list[str]) -> tuple[Row | None, int]:
        text = bare(waiting[0])
        if not text.strip():
            return None, 1
        for used, line in enumerate(waiting, 1):
            text = bare(line) if used == 1 else f"{text}\n{bare(line)}"
            fields, is_open = self.split(text)
            whole = self._fitting(fields)
            if not self.goes_on(text) and (whole is not None or not is_open):
                return Row(number, whole, text), used
            if len(fields) > self._width:
                break
        text = bare(waiting[0])
        return Row(number, self._fitting(self.split(text)[0]), text), 1


def line_reader(delimiter: str, width: int, escape: str | None) -> OddLines:
    """What reads the rows of a file by their lines."""
    return OddLines(delimiter, width) if escape is None else EscapedLines(delimiter, width, escape)
