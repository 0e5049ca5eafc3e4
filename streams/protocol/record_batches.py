"""Encode messages as Kafka's record batches, with the sequence numbers of a transactional producer."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.effects import Message
from streams.protocol.transaction_requests import Producer
from streams.protocol.wire_format import Place

#: Size of a batch (bytes); a larger record has a batch of its own.
BATCH_BYTES = 1 << 20


class RecordBatch(NamedTuple):
    """An encoded batch of this many records."""

    place: Place
    records: int
    data: bytearray


class BatchEncoder:
    """Encodes the batches of one producer; each partition counts its records from 0 (and wraps at 2^31)."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._sequences: dict[Place, int] = defaultdict(int)

    @property
    def topics(self) -> set[str]:
        """The topics that were written to."""
        return {topic for topic, _ in self._sequences}

    def encode(self, messages: Mapping[Place, Sequence[Message]]) -> list[RecordBatch]:
        """The batches of all places, those of one place in order."""
        now = int(time.time() * 1000)
        return [batch for place, ours in messages.items() for batch in self._batches(place, ours, now)]

    def _batches(self, place: Place, messages: Sequence[Message], now: int) -> list[RecordBatch]:
        batches, start = [], 0
        while start < len(messages):
            batch = self._batch(place, messages, start, now)
            batches.append(batch)
            start += batch.records
        return batches

    def _batch(self, place: Place, messages: Sequence[Message], start: int, now: int) -> RecordBatch:
        _, producer_id, epoch = self._producer
        sequence = self._sequences[place]
        builder = DefaultRecordBatchBuilder(
            2,
            0,
            is_transactional=1,
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=sequence,
            batch_size=BATCH_BYTES,
        )
        append, records = builder.append, 0
        for key, value, headers in islice(messages, start, None):
            if append(records, now, key, value, headers) is None:
                break
            records += 1
        self._sequences[place] = (sequence + records) & 0x7FFFFFFF
        return RecordBatch(place, records, builder.build())
