"""Columns whose names differ in their spelling only."""

from collections.abc import Sequence

from models.contract.aliases import CLICK_FIELD
from models.contract.events import WIRE_FIELDS
from models.forms.names import collapse


def by_spelling(columns: Sequence[str]) -> dict[str, str]:
    """Columns by their names in any spelling: of several the contract's own name, else the first."""
    own = [column for column in columns if column in WIRE_FIELDS]
    return {collapse(column): column for column in (*reversed(columns), *own)}


def spelled_alike(columns: Sequence[str]) -> list[str]:
    """A phrase for each column that is left out, because another one has its name in another spelling."""
    read = by_spelling(columns)
    pairs = ((column, read[collapse(column)]) for column in columns if CLICK_FIELD(column))
    return [f"{column} is not read beside {other}" for column, other in pairs if other != column]
