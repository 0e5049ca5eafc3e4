"""Any file as a table: CSV, TSV and other delimited text, JSON lines and arrays, Parquet; also compressed."""

from pathlib import Path

import polars as pl

from trainer.tables.delimited import delimited
from trainer.tables.dialect import DETECTED, Dialect
from trainer.tables.json_table import json_table
from trainer.tables.log_error import LogError
from trainer.tables.plain_file import DELIMITED, JSON, PARQUET, PlainFile, plain_file
from trainer.tables.table import BROKEN, LINE, FileTable


def open_table(path: Path, dialect: Dialect = DETECTED) -> FileTable:
    """The file's own columns, read lazily; values of text formats stay text. Raises LogError."""
    file = plain_file(path, dialect.encoding)
    if file.kind == PARQUET:
        return _parquet(file)
    return json_table(file) if file.kind == JSON else delimited(file, dialect)


def check_named(path: Path, table: FileTable, dialect: Dialect) -> None:
    """Refuse names of columns for a file whose rows have names of their own. Raises LogError."""
    if dialect.columns and plain_file(path, dialect.encoding).kind != DELIMITED:
        raise LogError(
            f"--columns is for text without a header, but {path.name} names its own "
            f"({', '.join(table.names)}): leave it out, and rename columns by --map FIELD=COLUMN"
        )


def _parquet(file: PlainFile) -> FileTable:
    try:
        frame = pl.scan_parquet(file.path)
        schema = frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LogError(
            f"{file.name} cannot be read ({error}): check that it is what its name says"
        ) from error
    nested = frozenset(name for name, kind in schema.items() if kind.is_nested())
    numbered = frame.with_row_index(LINE, 1).with_columns(pl.lit(None, dtype=pl.String).alias(BROKEN))
    return FileTable(numbered, schema.names(), (), file.fingerprint, nested)
