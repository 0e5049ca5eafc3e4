"""Which part of `--map` is for the events and which for the catalogue."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.logs.log_columns import ITEM_FIELDS
from trainer.tables.dialect import Dialect
from trainer.tables.open_table import open_table

_ITEMS = "items."


def mappings(
    files: Sequence[Path], items: Path | None, given: Mapping[str, str], dialect: Dialect
) -> tuple[dict[str, str], dict[str, str]]:
    """Field -> column of the events, and of the catalogue.

    A pair is for each file that has its column; `items.FIELD` is for the catalogue alone. Raises LogError.
    """
    own = {field.removeprefix(_ITEMS): column for field, column in given.items() if field.startswith(_ITEMS)}
    both = {field: column for field, column in given.items() if not field.startswith(_ITEMS)}
    if items is None or not given:
        return both, own
    listed = set(open_table(items, dialect).names)
    logged = {name for path in files for name in open_table(path, dialect).names}
    of_items = {field: column for field, column in both.items() if column in listed and field in ITEM_FIELDS}
    of_events = {field: column for field, column in both.items() if column in logged or field not in of_items}
    return of_events, {**of_items, **own}
