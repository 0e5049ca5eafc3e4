"""Whole topics as a read_committed consumer sees them, and how far the state's checkpoints are."""

import time
from typing import NamedTuple

import msgspec
from confluent_kafka import Consumer, TopicPartition

CHECKPOINT = b"\x00fence"


class Record(NamedTuple):
    """One record, with the attributes that the oracle reads."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list


def _consumer(client):
    settings = {
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    return Consumer({**client, **settings, "group.id": "reader", "fetch.message.max.bytes": 4 << 20})


def read_all(client, topic, partition):
    """Committed records of a partition, from its start to its end as of now."""
    consumer, found = _consumer(client), []
    consumer.assign([TopicPartition(topic, partition, 0)])
    deadline = time.time() + 120
    while time.time() < deadline:
        for message in consumer.consume(5_000, 1.0):
            if message.error() is None:
                place = message.offset(), message.timestamp()[1]
                found.append(Record(*place, message.key(), message.value(), message.headers() or []))
            elif message.error().name() == "_PARTITION_EOF":
                consumer.close()
                return found
    raise TimeoutError(f"{topic}[{partition}] was not read to its end in 120 s ({len(found)} records)")


def latest(records):
    """A changelog's state: the last value by key, without what was deleted."""
    state = {}
    for record in records:
        if record.value is None:
            state.pop(record.key, None)
        else:
            state[record.key] = record.value
    return state


def checkpoint_of(value):
    """Position and watermark of a stored checkpoint (see `streams/transport/state_checkpoint.py`)."""
    positions, watermark, *_ = msgspec.msgpack.decode(value)
    return max(positions.values()), watermark


def behind(client, clicks, changelog, partitions):
    """Records of each partition that the checkpoints in the changelog do not cover yet."""
    consumer = _consumer(client)
    try:
        return [_behind(consumer, clicks, changelog, partition) for partition in range(partitions)]
    finally:
        consumer.close()


def _behind(consumer, clicks, changelog, partition):
    end = consumer.get_watermark_offsets(TopicPartition(clicks, partition), timeout=20)[1]
    logged = consumer.get_watermark_offsets(TopicPartition(changelog, partition), timeout=20)[1]
    # A transaction writes its checkpoint last, so one is among the last few records.
    consumer.assign([TopicPartition(changelog, partition, max(0, logged - 200))])
    position, deadline = 0, time.time() + 10
    while time.time() < deadline:
        message = consumer.poll(1.0)
        if message is not None and message.error() is not None:
            break
        if message is not None and message.key() == CHECKPOINT:
            position = checkpoint_of(message.value())[0]
    return end - position
