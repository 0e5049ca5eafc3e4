"""Read a partition of a topic to its end, with aiokafka."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

#: Milliseconds that one fetch waits for records.
FETCH_MS = 200


async def read_to_end(
    consumer: Any, partition: Any, start: int | None = None
) -> AsyncIterator[Sequence[Any]]:
    """The records of one partition in batches, up to its end as of the call.

    Records begin at the offset `start`, or at the oldest record. With `read_committed` the end is that of
    committed records. The consumer is left at the end, so that the partition can be followed from there.
    Raises KafkaError.
    """
    consumer.assign([partition])
    if start is None:
        await consumer.seek_to_beginning(partition)
    else:
        consumer.seek(partition, start)
    end = (await consumer.end_offsets([partition]))[partition]
    # By position, not by the last record: a transaction ends in a marker that no fetch returns.
    while await consumer.position(partition) < end:
        if records := (await consumer.getmany(partition, timeout_ms=FETCH_MS)).get(partition):
            yield records
