"""One transactional producer per assigned input partition; a chunk's outputs and state are one transaction.

The producer is initialised when the partition is assigned, before recovery reads the end of the changelog:
that aborts an open transaction of a predecessor and fences it, even if it was only frozen (KIP-98, KIP-447).
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import aiokafka
from aiokafka.producer import sender

from streams.effects import NO_HEADERS, Message, Routed
from streams.errors import TransactionError

#: aiokafka waits this long (s) when a transaction starts while its predecessor's markers are being written.
sender.BACKOFF_OVERRIDE = 0.001

#: Size of a batch (bytes); a larger record has a batch of its own.
BATCH_BYTES = 1 << 20
MAX_REQUEST_BYTES = 16 << 20
OPEN_TIMEOUT = 60.0
CLOSE_TIMEOUT = 5.0
#: A transaction without messages to other partitions.
NOWHERE: Routed = {}


class PartitionProducer:
    """Publishes one partition's chunks, each in one transaction."""

    def __init__(
        self, transactional_id: str, partition: int, timeout_ms: int, connection: dict[str, Any]
    ) -> None:
        self.transactional_id = transactional_id
        self.partition = partition
        self._producer = aiokafka.AIOKafkaProducer(
            **connection,
            transactional_id=transactional_id,
            transaction_timeout_ms=timeout_ms,
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
        )

    async def open(self) -> None:
        """Start; returns when every predecessor with this id is fenced."""
        await self._producer.start()
        try:
            await asyncio.wait_for(self._producer._txn_manager.wait_for_pid(), OPEN_TIMEOUT)
        except TimeoutError as error:
            raise TransactionError(
                f"no producer id for {self.transactional_id} within {OPEN_TIMEOUT:.0f} s; check that the "
                "transaction coordinator of the broker runs, then restart the worker"
            ) from error

    @property
    def producer_id(self) -> int:
        """The id that the broker gave the producer; known once it is open."""
        return int(self._producer._txn_manager.producer_id)

    async def publish(
        self,
        outputs: dict[str, list[Message]],
        changelog: str,
        state: Iterable[tuple[bytes, bytes | None]],
        routed: Routed = NOWHERE,
    ) -> int:
        """Publish outputs and state in one transaction and return the offset of the last changelog record.

        Raises TransactionError when it failed, was fenced, or its outcome is unknown.
        """
        try:
            await self._producer.begin_transaction()
            pending = []
            for topic, messages in outputs.items():
                pending += await self._send(topic, messages, self.partition)
            for (topic, partition), messages in routed.items():
                pending += await self._send(topic, messages, partition)
            changes = [(key, value, NO_HEADERS) for key, value in state]
            logged = await self._send(changelog, changes, self.partition)
            # Without this, aiokafka would commit although the broker refused a batch.
            await asyncio.gather(*(future for future, _ in (*pending, *logged)))
            await self._producer.commit_transaction()
            future, count = logged[-1]
            return int((await future).offset) + count - 1
        except Exception as error:
            raise TransactionError(
                f"transaction of {self.transactional_id} failed: {type(error).__name__}: {error}; "
                "restart the worker, which continues from its state"
            ) from error

    async def _send(
        self, topic: str, messages: Sequence[Message], partition: int
    ) -> list[tuple[asyncio.Future[Any], int]]:
        """Send record batches; by batch the future of its first offset, and its number of records."""
        futures: list[tuple[asyncio.Future[Any], int]] = []
        now, start = int(time.time() * 1000), 0
        while start < len(messages):
            batch = self._producer.create_batch()
            start += _fill(batch, messages, start, now)
            batch.close()
            future = await self._producer.send_batch(batch, topic, partition=partition)
            futures.append((future, batch.record_count()))
        return futures

    async def close(self) -> None:
        """Stop; the successor fences a producer that cannot stop in time."""
        try:
            await asyncio.wait_for(self._producer.stop(), CLOSE_TIMEOUT)
        except (TimeoutError, aiokafka.errors.KafkaError):
            self._producer._closed = True


def _fill(batch: Any, messages: Sequence[Message], start: int, now: int) -> int:
    """Append messages from `start` on until the batch is full; returns their number.

    Bypasses the wrapper of aiokafka, which costs more than the append: a chunk has thousands of messages.
    """
    append, count = batch._builder.append, 0
    for key, value, headers in islice(messages, start, None):
        if append(count, now, key, value, headers) is None:
            break
        count += 1
    batch._relative_offset = count
    return count
