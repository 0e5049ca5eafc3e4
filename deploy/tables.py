"""Tables on standard output: for eyes as wide as the screen, for a file or a pipe as wide as they are.

A word is never cut. A table that does not fit the screen wraps between words; one whose words alone are too
wide is written row by row, a line for each cell.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

#: Wider than any row: each is one line, whatever its length, and nothing is cut off.
PIPE_WIDTH = 1_000
#: What a column takes beside its text: a space on both sides, and a border.
_FRAME = 3


class Width(NamedTuple):
    """What a column needs at least, its longest word, and what it would take at most, its longest line."""

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
        for line in _rows(table, console):
            console.print(line, soft_wrap=True)
        return
    for column, width in zip(table.columns, wide, strict=True):
        column.width = width
    console.print(table)


def shared(needed: Sequence[Width], room: int) -> list[int] | None:
    """A width for each column of a table that is at most `room` wide; None where its words do not fit.

    Who needs little more than the longest word gets it first: numbers and names stay on one line, sentences
    wrap. The first column names the row and is never wrapped.
    """
    first = [Width(one.most if number == 0 else one.least, one.most) for number, one in enumerate(needed)]
    widths = [one.least for one in first]
    left = room - 1 - sum(widths) - _FRAME * len(widths)
    if left < 0:
        return None
    for number in sorted(range(len(first)), key=lambda number: first[number].most - first[number].least):
        more = min(left, first[number].most - first[number].least)
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


def _rows(table: Table, console: Console) -> Iterator[Text]:
    """The table row by row: the first cell, and below it each other one behind its column's name."""
    if table.title:
        yield _text(table.title, console)
    columns = list(_columns(table, console))
    name = max((texts[0].cell_len for texts in columns[1:]), default=0)
    for row in range(1, table.row_count + 1):
        yield columns[0][row]
        for texts in columns[1:]:
            value = Text(f"\n{' ' * (name + 4)}").join(texts[row].split("\n"))
            yield Text.assemble("  ", texts[0], " " * (name - texts[0].cell_len), "  ", value)
    if table.caption:
        yield _text(table.caption, console)
