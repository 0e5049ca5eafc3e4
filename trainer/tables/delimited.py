"""Delimited text as a table: by polars where all lines follow RFC 4180, else line by line."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from pathlib import Path

import polars as pl

from trainer.tables import scratch
from trainer.tables.dialect import Dialect
from trainer.tables.escaped_lines import line_reader
from trainer.tables.layout import DELIMITERS, TextLayout, head_of, layout
from trainer.tables.odd_lines import Row
from trainer.tables.plain_file import PlainFile
from trainer.tables.table import BROKEN, LINE, FileTable

_BATCH = 50_000
_TEXT = pl.col("line")


def delimited(file: PlainFile, dialect: Dialect) -> FileTable:
    """The table of a file of text. Raises LogError."""
    found = layout(head_of(file.path), file.name, dialect)
    # A line that looks regular may still have escapes.
    regular, quoted = (
        _regular(file, found.delimiter, len(found.names), found.skip)
        if not dialect.escape
        else (False, False)
    )
    frame = (
        _scanned(file.path, found, quoted)
        if regular
        else _odd(file, tuple(found.names), found.delimiter, found.skip, dialect.escape)
    )
    shown = frame.select(*found.wanted, LINE, BROKEN)
    return FileTable(shown, found.wanted, _found(file, found, dialect), file.fingerprint)


@lru_cache(maxsize=64)
def _regular(file: PlainFile, delimiter: str, width: int, skip: int) -> tuple[bool, bool]:
    """Whether every line is a row of `width` fields, and whether the file has quotes."""
    end, count = re.escape(delimiter), width - 1
    field = rf'(?:"(?:[^"]|"")*"|[^"{end}]*)'
    by_quotes = _TEXT.str.contains(f"^{field}(?:{end}{field}){{{count}}}$")
    has_quote = _TEXT.str.contains('"', literal=True)
    plain = _TEXT.str.count_matches(delimiter, literal=True) == count
    fits = pl.when(has_quote).then(by_quotes).otherwise(plain & (_TEXT != ""))
    lines = pl.scan_lines(file.path).slice(skip)
    regular, quoted = (
        lines.select(fits.all().alias("fits"), has_quote.any()).collect(engine="streaming").row(0)
    )
    return bool(regular), bool(quoted)


def _scanned(path: Path, found: TextLayout, quoted: bool) -> pl.LazyFrame:
    frame = pl.scan_csv(
        path,
        separator=found.delimiter,
        quote_char='"' if quoted else None,
        has_header=False,
        skip_lines=found.skip,
        schema=dict.fromkeys(found.names, pl.String),
        row_index_name=LINE,
        row_index_offset=found.skip + 1,
    )
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(BROKEN))


@lru_cache(maxsize=16)
def _odd(
    file: PlainFile, names: tuple[str, ...], delimiter: str, skip: int, escape: str | None
) -> pl.LazyFrame:
    width = len(names)
    rows = (_values(row, width) for row in line_reader(delimiter, width, escape).rows(file.path, skip))
    return written(rows, {**dict.fromkeys(names, pl.String), LINE: pl.UInt32, BROKEN: pl.String})


def _values(row: Row, width: int) -> tuple[object, ...]:
    return (*(row.fields or [None] * width), row.number, row.text if row.fields is None else None)


def written(rows: Iterable[tuple[object, ...]], schema: dict[str, type[pl.DataType]]) -> pl.LazyFrame:
    """Rows as a table on the disk of this process."""
    left, parts = iter(rows), []
    while batch := list(islice(left, _BATCH)):
        parts.append(scratch.new_path())
        pl.DataFrame(batch, schema=schema, orient="row").write_parquet(parts[-1])
    return pl.scan_parquet(parts) if parts else pl.LazyFrame(schema=schema)


def _found(file: PlainFile, found: TextLayout, dialect: Dialect) -> tuple[str, ...]:
    said = []
    if file.encoding and not dialect.encoding:
        said.append(f"read as {file.encoding}")
    usual = "\t" if file.name.lower().split(".")[-1] == "tsv" else ","
    if found.delimiter != usual and not dialect.delimiter and len(found.names) > 1:
        said.append(f"fields are between {DELIMITERS.get(found.delimiter, found.delimiter)}")
    twice = [
        name
        for place, name in enumerate(found.names, 1)
        if name.removesuffix(f" {place}") in found.names[: place - 1]
    ]
    said += [f"a second column of one name is called {name!r}, and is not read as a field" for name in twice]
    return tuple(said)
