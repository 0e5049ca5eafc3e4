"""The catalogue of a file of items."""

from collections.abc import Mapping
from pathlib import Path

from models.contract.catalogue import Catalogue, Item
from trainer.logs.log_files import read_items
from trainer.logs.reading import reading
from trainer.tables.dialect import DETECTED, Dialect


def catalogue(
    file: Path | None, mapping: Mapping[str, str] | None = None, dialect: Dialect = DETECTED
) -> Catalogue:
    """The catalogue of a file of items; an empty one without. Raises LogError."""
    found = Catalogue()
    if file is None:
        return found
    with reading([file]):
        rows = read_items(file, mapping, dialect).collect().iter_rows(named=True)
    for row in rows:
        item_id = row.pop("item_id")
        found.put(item_id, Item(**row))
    return found
