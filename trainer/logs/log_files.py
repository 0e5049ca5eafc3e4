"""Event logs and catalogues as files of any kind, read lazily into the columns of the contract."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from models.contract.aliases import EventNames, event_name
from trainer.examples.columns import typed
from trainer.logs.log_columns import ITEM_FIELDS, LogColumns, column_sources
from trainer.logs.open_log import open_log
from trainer.tables.dialect import DETECTED, Dialect
from trainer.tables.log_error import LogError
from trainer.tables.open_table import open_table
from trainer.tables.table import BROKEN

_ID = pl.col("item_id")


def read_log(
    files: Sequence[Path],
    mapping: Mapping[str, str] | None = None,
    events: EventNames = event_name,
    dialect: Dialect = DETECTED,
) -> pl.LazyFrame:
    """Events in file order, one column per contract field found, typed; what cannot be read is null.

    Each row of a file is a row here. `mapping` is field -> column, before the automatic one; `events` reads
    event names; `dialect` is what is known of the files. Columns: `ts` Int64 (epoch ms), amounts Float64,
    counts Int64, `consent` Boolean, all else String. A log without event ids gets
    `<fingerprint of the content>-<line>`.
    Raises LogError.
    """
    opened = [open_log(path, mapping, dialect, events) for path in files]
    return pl.concat([typed(log.fields, events, log.dialect) for log in opened], how="diagonal")


def read_items(
    path: Path, mapping: Mapping[str, str] | None = None, dialect: Dialect = DETECTED
) -> pl.LazyFrame:
    """Catalogue rows with the columns of ITEM_FIELDS that the file has.

    Raises LogError, also for a file that says nothing of items but their ids, several times each.
    """
    table = open_table(path, dialect)
    usable = [name for name in table.names if name not in table.nested]
    columns = LogColumns(table.names, usable)
    sources = column_sources(path.name, columns, ITEM_FIELDS, ("item_id",), mapping or {})
    rows = table.frame.filter(pl.col(BROKEN).is_null())
    found = typed(rows.select(pl.coalesce(of).alias(field) for field, of in sources.items() if of))
    items = found.filter(_ID.is_not_null())
    if items.collect_schema().names() == ["item_id"]:
        _check_bare(path, items, table.names)
    return items


def bare_items(path: Path, mapping: Mapping[str, str], dialect: Dialect = DETECTED) -> list[str]:
    """A sentence if a catalogue has nothing but ids. Raises LogError."""
    if read_items(path, mapping, dialect).collect_schema().names() != ["item_id"]:
        return []
    return [
        f"{path.name} has nothing known of its items but their ids (its columns are "
        f"{', '.join(open_table(path, dialect).names)}): name category, brand, price or title, such as "
        "--map items.price=COLUMN"
    ]


def _check_bare(path: Path, items: pl.LazyFrame, names: Sequence[str]) -> None:
    count, distinct = items.select(pl.len(), _ID.n_unique().alias("distinct")).collect().row(0)
    if distinct < count:
        raise LogError(
            f"{path.name} has {count:,} rows of {distinct:,} items and nothing else known of an item; "
            f"its columns are {', '.join(names)}: give one row an item, with category, brand, price or title "
            "(--map price=COLUMN names a column)"
        )
