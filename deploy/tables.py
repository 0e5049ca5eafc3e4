"""Tables on standard output: for eyes as wide as the screen, for a file or a pipe as wide as they are."""

import sys

from rich.console import Console
from rich.table import Table

#: Wider than any row: each is one line, whatever its length, and nothing is cut off.
PIPE_WIDTH = 1_000


def print_table(table: Table) -> None:
    """Print a table."""
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)
