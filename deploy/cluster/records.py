"""Convert an event log to Kafka records in batches: keys, JSON values and event times."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.contract.aliases import EventNames, event_name
from trainer.examples.columns import typed, typed_column
from trainer.logs.log_columns import ITEM_FIELDS
from trainer.logs.log_files import read_items
from trainer.logs.open_log import BESIDE, OpenLog, open_log
from trainer.logs.reading import reading
from trainer.tables.dialect import DETECTED, Dialect
from trainer.tables.open_table import open_table
from trainer.tables.table import BROKEN

BATCH_ROWS = 2_000
#: A null inside an object. No value can match it, because a quote within a JSON string has a backslash.
_NULL_FIELD = r',"[a-z_]+":null'
#: Key of a row that cannot be read, so that the worker says what is wrong with the row.
_NO_KEY = b"unreadable"


class RecordBatch(NamedTuple):
    """Rows in file order; `ts` is the event time as in the log (epoch ms), -1 where it has none."""

    keys: list[bytes | None]
    values: list[bytes]
    ts: NDArray[np.int64]


@dataclass(frozen=True)
class RecordSource:
    """A log to send: names of its columns and events, how it is written, rows, a shift of event times.

    `shift_to` (epoch ms) moves all event times so that the first, or with `shift_latest` the latest of those
    sent, is at that time. Event ids change with it, because an event at another time is another event. `sort`
    orders rows by event time first; the log must then fit into memory. `items_mapping` is field -> column of
    the catalogue.
    """

    path: Path
    mapping: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    shift_to: int | None = None
    shift_latest: bool = False
    sort: bool = False
    events: EventNames = event_name
    dialect: Dialect = DETECTED
    items_mapping: Mapping[str, str] = field(default_factory=dict)

    def opened(self) -> OpenLog:
        """The log. Raises LogError."""
        return open_log(self.path, self.mapping, self.dialect, self.events)

    def rows(self) -> int | None:
        """The number of rows to send; None where that needs reading the whole log (compressed text)."""
        if self.path.suffix != ".parquet":
            return self.limit
        count: int = open_table(self.path).frame.select(pl.len()).collect().item()
        return min(count, self.limit or count)


def now_ms() -> int:
    """The wall clock, epoch ms."""
    return int(time.time() * 1000)


def batches(source: RecordSource, rows: int = BATCH_ROWS) -> Iterator[RecordBatch]:
    """The log in batches of about `rows`; memory use is independent of the file size. Raises LogError.

    A value that does not fit its field is sent unchanged, as is a row that cannot be read; the worker refuses
    it with a dead letter.
    """
    log = source.opened()
    frame = log.frame.sort(_ts(log), maintain_order=True) if source.sort else log.frame
    limited = frame if source.limit is None else frame.head(source.limit)
    shift = _shift(source, limited, _ts(log))
    for raw in _collected(limited, source.path, rows):
        known = typed(raw.drop(BESIDE).lazy(), source.events, log.dialect).collect()
        yield _with_originals(_batch(raw, known, shift), raw[BROKEN])


def _ts(log: OpenLog) -> pl.Expr:
    return typed_column("ts", log.frame.collect_schema()["ts"], event_name, log.dialect)


def _shift(source: RecordSource, frame: pl.LazyFrame, ts: pl.Expr) -> int:
    """Milliseconds to add to every event time; 0 without a shift."""
    if source.shift_to is None:
        return 0
    with reading([source.path]):
        found = frame.select(ts.max() if source.shift_latest else ts.drop_nulls().first()).collect().item()
    return 0 if found is None else source.shift_to - int(found)


def _collected(frame: pl.LazyFrame, path: Path, rows: int) -> Iterator[pl.DataFrame]:
    with reading([path]):
        yield from frame.collect_batches(chunk_size=rows, lazy=True)


def _batch(raw: pl.DataFrame, known: pl.DataFrame, shift: int) -> RecordBatch:
    moved = known.with_columns(pl.col("ts") + shift, pl.col("event_id") + f"-{shift:x}") if shift else known
    values = encode(moved)
    unread = _unread(raw, known)
    for row, value in zip(unread, encode(raw.drop(BESIDE)[unread]), strict=True):
        values[row] = value
    keys = known["visitor_id"].cast(pl.Binary).to_list()
    return RecordBatch(keys, values, known["ts"].fill_null(-1).to_numpy())


def _with_originals(batch: RecordBatch, texts: pl.Series) -> RecordBatch:
    for row in texts.is_not_null().arg_true().to_list():
        batch.values[row] = texts[row].encode()
        batch.keys[row] = batch.keys[row] or _NO_KEY
    return batch


def _unread(raw: pl.DataFrame, known: pl.DataFrame) -> list[int]:
    """Rows in which typing lost a number, a time or a flag. (Text is lost only where it meant "missing".)"""
    strict = [name for name, kind in known.schema.items() if kind != pl.String]
    lost = [known[name].is_null() & raw[name].is_not_null() for name in strict]
    marks = pl.DataFrame({name: mark for name, mark in zip(strict, lost, strict=True)})
    return marks.select(pl.any_horizontal(pl.all()).arg_true()).to_series().to_list()


def encode(frame: pl.DataFrame) -> list[bytes]:
    """Each row as a JSON object without nulls. The first column must have no null."""
    text = frame.select(pl.struct(pl.all()).struct.json_encode().str.replace_all(_NULL_FIELD, ""))
    values: list[bytes] = text.to_series().cast(pl.Binary).to_list()
    return values


def catalogue(source: RecordSource, items: Path | None) -> RecordBatch:
    """The items of a catalogue file, else the items of the log, each with its latest values.

    Memory use grows with the number of items. Raises LogError.
    """
    with reading([items or source.path]):
        listed = read_items(items, source.items_mapping, source.dialect) if items else None
        frame = _mentioned(source) if listed is None else listed.collect()
    keys = frame["item_id"].cast(pl.Binary).to_list()
    return RecordBatch(keys, encode(frame), np.full(len(keys), -1, np.int64))


def _mentioned(source: RecordSource) -> pl.DataFrame:
    opened = source.opened()
    log = typed(opened.fields, source.events, opened.dialect)
    columns = log.collect_schema().names()
    said = [name for name in ITEM_FIELDS[1:] if name in columns]
    if not said or "item_id" not in columns:
        return pl.DataFrame(schema={"item_id": pl.String})
    known = log.filter(pl.col("item_id").is_not_null())
    return known.group_by("item_id", maintain_order=True).agg(pl.col(said).drop_nulls().last()).collect()
