"""Records and event logs for tests."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import polars as pl

from tests.scoring import SHIPPED
from trainer.eventlog.buffer import Buffer, TopicSource
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import CLICKS, KAFKA, LogTable
from trainer.eventlog.rows import Rows
from trainer.logs.log_files import read_log

START = 1_700_000_000_000
DAY = 86_400_000


class Record(NamedTuple):
    """What a Kafka client hands out, as far as it is read."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any = ()


def click(
    offset: int, visitor: str = "v0", partition: int = 0, ts: int | None = None, **fields: Any
) -> Record:
    """A record of a well-formed click, stamped when it happened: one a second unless told otherwise."""
    when = START + 1000 * offset if ts is None else ts
    said = {"event_id": f"e{partition}-{offset}", "visitor_id": visitor, "ts": when, "event": "view_item"}
    value = json.dumps(said | {"item_id": f"i{offset % 7}"} | fields).encode()
    return Record(partition, offset, when, visitor.encode(), value)


def buffer(log: EventLog, partition: int = 0, end: int = 10**9, **source: Any) -> Buffer:
    """The writer of a partition of clicks on a made-up topic."""
    made = TopicSource(
        source.get("topic", "clicks"), source.get("topic_id", "one"), source.get("begin", 0), end
    )
    keep = source.get("keep", lambda frame: frame)
    return Buffer.open(log, Rows(CLICKS), partition, made, keep, source.get("anew", False))


def filled(log: EventLog, records: Iterable[Record], each: int = 10) -> EventLog:
    """The log with these records, `each` of them a commit, whatever their partitions."""
    parts: dict[int, list[Record]] = {}
    for record in records:
        parts.setdefault(record.partition, []).append(record)
    for partition, rows in parts.items():
        writer = buffer(log, partition)
        for start in range(0, len(rows), each):
            writer.add(rows[start : start + each])
            writer.commit(0, START)
    return log


def rows(log: EventLog) -> list[tuple[int, int]]:
    """Partition and offset of every row of clicks, sorted; twice what is there twice."""
    files = [file for manifest in log.manifests(CLICKS.name) for file in manifest.files]
    frames = [log.read(file, ["_partition", "_offset"]) for file in files]
    return sorted(row for frame in frames for row in frame.iter_rows())


def shipped(log: EventLog, count: int) -> None:
    """The log with real clicks."""
    frame = read_log([SHIPPED]).head(count).collect()
    records = []
    for number, row in enumerate(frame.iter_rows(named=True)):
        said = {name: value for name, value in row.items() if value is not None}
        records.append(click(number, said.pop("visitor_id"), ts=said.pop("ts"), **said))
    filled(log, records, each=count)


def originals(frame: pl.DataFrame, table: LogTable) -> list[tuple[int, int, bytes | None, Any, list[Any]]]:
    """What Kafka held: partition, offset, key, the value's JSON (its bytes where they were kept), headers.

    JSON is given decoded, without fields that are null.
    """
    made = []
    for row in frame.iter_rows(named=True):
        key = row["_key"] if row["_key"] is not None or row["_refused"] else row["visitor_id"].encode()
        value = row["_bytes"] if row["_bytes"] is not None or row["_refused"] else _json(row, table)
        headers = msgspec.msgpack.decode(row["_headers"]) if row["_headers"] else []
        made.append((row["_partition"], row["_offset"], key, value, headers))
    return made


def _json(row: dict[str, Any], table: LogTable) -> dict[str, Any]:
    said = {name: value for name, value in row.items() if name not in KAFKA and value is not None}
    return {name: msgspec.json.decode(value) if name in table.json else value for name, value in said.items()}
