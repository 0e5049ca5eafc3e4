"""Filling a topic: librdkafka, keyed as the Java client does, as fast as the broker takes it."""

from collections.abc import Iterable
from typing import Any

from confluent_kafka import Producer

from tests.bench.ground import QUIET

#: Records between two looks at what was delivered.
_LOOK_EVERY = 1000


class FillingError(Exception):
    """The broker did not take what was produced."""


def producer(bootstrap: str, **options: object) -> Producer:
    """A producer with the Java client's partitioner; `options` are librdkafka's with underscores."""
    settings = {name.replace("_", "."): value for name, value in options.items()}
    return Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", **QUIET, **settings})


def fill(bootstrap: str, topic: str, rows: Iterable[tuple[Any, ...]], compression: str = "lz4") -> int:
    """Produce (key, value[, partition]); how many, once all are acknowledged. Raises FillingError."""
    client = producer(
        bootstrap,
        linger_ms=20,
        batch_size=1 << 20,
        compression_type=compression,
        queue_buffering_max_messages=500_000,
        queue_buffering_max_kbytes=1 << 18,
    )
    sent = 0
    for key, value, *partition in rows:
        _send(client, topic, key, value, *partition)
        sent += 1
        if sent % _LOOK_EVERY == 0:
            client.poll(0)
    left = client.flush(120)
    if left:
        raise FillingError(f"{left} of {sent} records for {topic} were not acknowledged within 120 s")
    return sent


def _send(client: Producer, topic: str, key: bytes, value: bytes, partition: int = -1) -> None:
    while True:
        try:
            client.produce(topic, value, key, partition)
        except BufferError:
            client.poll(0.05)
        else:
            return
