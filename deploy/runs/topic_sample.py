"""The newest records of the clicks topic, decoded as workers do, without a group and without committing."""

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.cluster.clients import consumer, drain
from deploy.terminal.event_map_option import of_worker
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Rejected
from models.contract.normalise import Reading, parse, read
from streams.config.connection import Connection
from streams.config.secret_file import pseudonyms
from streams.config.worker_settings import WorkerSettings
from trainer.input_check.decoded_records import CheckedRecord, event_name_of
from trainer.logs.log_replay import LogRecord


def newest(to: Connection, topic: str, limit: int) -> list[Any]:
    """The newest committed records, `limit` of them or all there are. Raises KafkaUnreachable.

    Partitions give equal numbers; where one has fewer, the others give more.
    """
    with consumer(to) as client:
        spans = _spans(client, topic)
        if not spans:
            next(drain(client, topic), None)
        asked = limit
        found = _read(client, topic, shares(spans, asked))
        # Offsets without a record (markers of transactions, compacted keys, deletions) count in spans.
        while len(found) < limit and asked < sum(spans.values()):
            asked *= 2
            found = _read(client, topic, shares(spans, asked))
    return _latest(found, limit)


def shares(spans: Mapping[int, int], limit: int) -> dict[int, int]:
    """How much of each partition's span is read, so that all are `limit`, or everything if it is less."""
    given, left = {}, limit
    for place, part in enumerate(sorted(spans, key=lambda part: (spans[part], part))):
        given[part] = min(spans[part], -(-left // (len(spans) - place)))
        left -= given[part]
    return given


def _spans(client: Any, topic: str) -> dict[int, int]:
    """The number of offsets of each partition."""
    from kafka import TopicPartition

    parts = [TopicPartition(topic, part) for part in client.partitions_for_topic(topic) or ()]
    ends, starts = client.end_offsets(parts), client.beginning_offsets(parts)
    return {part.partition: ends[part] - starts[part] for part in parts}


def _read(client: Any, topic: str, counts: Mapping[int, int]) -> list[Any]:
    return [record for part in sorted(counts) for record in _newest_of(client, topic, part, counts[part])]


def _newest_of(client: Any, topic: str, partition: int, count: int) -> Iterator[Any]:
    from kafka import TopicPartition

    part = TopicPartition(topic, partition)
    end = client.end_offsets([part])[part]
    yield from (record for record in drain(client, topic, partition, max(0, end - count)) if record.value)


def _latest(records: list[Any], limit: int) -> list[Any]:
    """At most `limit` of the records in their order, without the oldest by their timestamps."""
    by_time = sorted(range(len(records)), key=lambda place: records[place].timestamp)
    return [records[place] for place in sorted(by_time[max(0, len(records) - limit) :])]


def decoded(records: list[Any], settings: WorkerSettings) -> list[CheckedRecord]:
    """The records as the workers' decoder reads them, with the place of each field."""
    events, wire = of_worker(settings), settings.wire_format()
    decoder = Decoder(settings.limits(), Catalogue(), events, pseudonyms(settings.pseudonym_key_file), wire)
    plain = [LogRecord(one.key, one.value, one.timestamp, one.headers) for one in records]
    bare = wire.bare(plain)
    return [
        _checked(record, found, inner.value or b"", events)
        for record, found, inner in zip(records, decoder.decode(plain), bare, strict=True)
    ]


def _checked(record: Any, found: Any, value: bytes, events: Any) -> CheckedRecord:
    where = f"partition {record.partition}, offset {record.offset}"
    try:
        raw, _ = parse(value)
    except ValueError:
        return CheckedRecord(where, record.timestamp, found, "", {})
    reading = read(raw, events) if isinstance(raw, dict) else Reading(found, "", {})
    name = event_name_of(raw) if isinstance(found, Rejected) else None
    return CheckedRecord(where, record.timestamp, found, reading.form, reading.sources, name)


def item_ids(to: Connection, topic: str) -> set[str]:
    """The ids on the topic of items; none where there is no such topic."""
    with consumer(to) as client:
        if not client.partitions_for_topic(topic):
            return set()
        latest = {record.key: record.value is not None for record in drain(client, topic) if record.key}
    return {key.decode(errors="replace") for key, there in latest.items() if there}
