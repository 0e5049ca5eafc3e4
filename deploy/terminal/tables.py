"""Tables on standard output: as wide as the screen on a terminal, one line for each row in a file or a pipe.

Words are never cut. A table wider than the screen wraps between words; if single words are too wide, it is
written row by row, with one line for each cell.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

#: Wider than any row, so that each row is one line and nothing is cut.
PIPE_WIDTH = 1_000
#: Width of a column beside its text: a space on both sides, and a border.
_FRAME = 3


class Width(NamedTuple):
    """The width of a column: at least its longest word, at most its longest line."""

    least: int
    most: int


def print_table(table: Table, console: Console | None = None) -> None:
    """Print a table to standard output, or to a console."""
    if console is None:
        console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    elif not console.is_terminal:
        console.width = PIPE_WIDTH
    wide = shared([_needed(texts) for texts in _columns(table, console)], console.width)
    if wide is None:
        _print_rows(table, console)
        return
    for column, width in zip(table.columns, wide, strict=True):
        column.width = width
    console.print(table)


def shared(needed: Sequence[Width], room: int) -> list[int] | None:
    """A width for each column of a table that is at most `room` wide; None if its words do not fit.

    Columns that need little more than their longest word get it first: numbers and names stay on one line,
    sentences wrap. The first column, which names the row, wraps only if there is no room otherwise.
    """
    named = [Width(one.most if number == 0 else one.least, one.most) for number, one in enumerate(needed)]
    return _shared(named, room) or _shared(needed, room)


def _shared(needed: Sequence[Width], room: int) -> list[int] | None:
    widths = [one.least for one in needed]
    left = room - 1 - sum(widths) - _FRAME * len(widths)
    if left < 0:
        return None
    for number in sorted(range(len(needed)), key=lambda number: needed[number].most - needed[number].least):
        more = min(left, needed[number].most - needed[number].least)
        widths[number] += more
        left -= more
    return widths


def _columns(table: Table, console: Console) -> Iterator[list[Text]]:
    """Header and cells of each column."""
    for column in table.columns:
        yield [_text(cell, console) for cell in (column.header, *column.cells)]


def _text(cell: object, console: Console) -> Text:
    return cell if isinstance(cell, Text) else console.render_str(str(cell))


def _needed(texts: Sequence[Text]) -> Width:
    lines = [line.cell_len for text in texts for line in text.split("\n", allow_blank=True)]
    words = [Text(word).cell_len for text in texts for word in text.plain.split()]
    return Width(max(words, default=0), max(lines, default=0))


def _print_rows(table: Table, console: Console) -> None:
    """The table row by row: each cell after the name of its column, the first cell as a heading."""
    if table.title:
        console.print(_text(table.title, console), soft_wrap=True)
    columns = list(_columns(table, console))
    name = max((texts[0].cell_len for texts in columns[1:]), default=0)
    for row in range(1, table.row_count + 1):
        console.print(_headed(columns[0][0], columns[0][row]), soft_wrap=True)
        for texts in columns[1:]:
            _print_cell(texts[0], texts[row], name, console)
    if table.caption:
        console.print(_text(table.caption, console))


def _headed(header: Text, value: Text) -> Text:
    return Text.assemble(header, " ", value) if header.plain else value


def _print_cell(header: Text, value: Text, name: int, console: Console) -> None:
    """A cell, wrapped between words; a word wider than the screen stays whole, so that it can be copied."""
    room = console.width - name - 4
    fits = _needed([value]).least <= room
    lines = list(value.wrap(console, room) if fits else value.split("\n"))
    for number, line in enumerate(lines or [Text()]):
        begin = header.plain.ljust(name) if number == 0 else " " * name
        line.rstrip()
        console.print(Text.assemble("  ", begin, "  ", line), soft_wrap=True)
