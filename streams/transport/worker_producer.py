"""The transactional producer of a worker: one transaction publishes a cycle over all of its partitions.

Each transaction also commits the input positions of its partitions, with the membership under which they were
assigned. The group's coordinator refuses that commit once the partitions belong to somebody else, so a
worker that was only frozen cannot commit anything for them (KIP-447).

aiokafka's client carries the requests. Its producer is not used: it lacks the guarded commit of positions and
spends more time on its queues than on the requests.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import aiokafka
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import CloseReason

from streams.effects import NO_HEADERS, Message, Routed
from streams.errors import TransactionError
from streams.protocol import producing
from streams.protocol import transaction_requests as requests
from streams.protocol.coordinators import GROUP, TRANSACTION, Coordinators, settled
from streams.protocol.fencing import fence, last_of
from streams.protocol.group_requests import Membership, commit_positions
from streams.protocol.record_batches import BatchEncoder
from streams.protocol.transaction_requests import Producer
from streams.protocol.wire_format import Place
from streams.transport.forgotten_transactions import POSITIONS, end_forgotten, open_transactions

#: Seconds until an abort or a close is given up.
CLOSE_TIMEOUT = 5.0


class Guard(NamedTuple):
    """What a transaction commits beside its messages: the next offset of each partition of the input `topic`.

    `positions` is never empty; `membership` is that of the assignment, not of the moment.
    """

    membership: Membership
    topic: str
    positions: Mapping[int, int]


class PartitionMessages(NamedTuple):
    """What a cycle publishes for one input partition; `state` is never empty, a value of None deletes."""

    partition: int
    outputs: Mapping[str, Sequence[Message]]
    routed: Routed
    changelog: str
    state: Iterable[tuple[bytes, bytes | None]]


def worker_transactional_id(application_id: str, identity: str) -> str:
    """The transactional id of the worker with this datadir."""
    return f"{application_id}-{identity}"


class _Client(AIOKafkaClient):  # type: ignore[misc]
    """Remembers that it lost a connection: a broker may have died."""

    lost = False

    def _on_connection_closed(self, connection: Any, reason: CloseReason | None) -> None:
        self.lost |= reason in (CloseReason.CONNECTION_BROKEN, CloseReason.CONNECTION_TIMEOUT)
        super()._on_connection_closed(connection, reason)


class WorkerProducer:
    """Publishes the cycles of a worker, each in one transaction, one after the other."""

    def __init__(self, transactional_id: str, timeout_ms: int, connection: dict[str, Any]) -> None:
        self.transactional_id, self.timeout_ms = transactional_id, timeout_ms
        self._connection = connection
        self.producer = Producer(transactional_id, -1, -1)
        self._unfinished = False
        #: Topics that it has written to, beside those of its messages.
        self._topics: set[str] = set()

    async def open(self) -> None:
        """Connect and get a producer id; returns when every predecessor with this id is fenced.

        Raises TransactionError.
        """
        self.client = _Client(**self._connection)
        self.coordinators = Coordinators(self.client)
        try:
            await self.client.bootstrap()
            found = await fence(self.coordinators, self.transactional_id, self.timeout_ms)
        except Exception as error:
            await self.client.close()
            raise TransactionError(
                f"no producer id for {self.transactional_id}: {type(error).__name__}: {error}; check that "
                "the transaction coordinator of the broker runs, then restart the worker"
            ) from error
        self.producer, self.fenced = found
        self._encoder = BatchEncoder(self.producer)

    @property
    def producer_id(self) -> int:
        """The id that the broker gave this producer."""
        return self.producer.producer_id

    @property
    def epoch(self) -> int:
        """The epoch of the producer id; every start of a worker on the same datadir has a higher one."""
        return self.producer.epoch

    async def publish(self, parts: Sequence[PartitionMessages], guard: Guard | None) -> list[int]:
        """Publish all parts in one transaction; returns the offset of each part's last changelog record.

        Without a guard only where the group has no members. Raises TransactionError when the transaction
        failed, was refused or fenced, or its outcome is unknown: the process must end.
        """
        if guard is not None and not guard.positions:
            raise TransactionError("a transaction without positions has no guard")
        self._unfinished = True
        try:
            offsets = await self._transact(parts, guard)
        except Exception as error:
            await self._abort()
            raise TransactionError(
                f"transaction of {self.transactional_id} failed: {type(error).__name__}: {error}; "
                "restart the worker, which continues from its state"
            ) from error
        self._unfinished = False
        return offsets

    async def _transact(self, parts: Sequence[PartitionMessages], guard: Guard | None) -> list[int]:
        if self.client.lost:
            self.client.lost = False
            await self._settle()
        messages = _merged(parts)
        beginning = asyncio.create_task(self._begin(messages, guard))
        # The requests are on their way while the batches are encoded.
        await asyncio.sleep(0)
        try:
            batches = self._encoder.encode(messages)
        finally:
            await beginning
        _, offsets = await settled(
            self._commit_positions(guard), producing.append(self.client, self.producer, batches)
        )
        await self._end(committed=True)
        ends = zip(batches, offsets, strict=True)
        last = {batch.place: offset + batch.records - 1 for batch, offset in ends}
        return [last[part.changelog, part.partition] for part in parts]

    async def _settle(self) -> None:
        """End what a broker that died may have forgotten of the last transaction: the next would join it."""
        own = await last_of(self.coordinators, self.producer, wait=True)
        found = await open_transactions(self.client, self._topics | self._encoder.topics)
        await end_forgotten(self.client, found, [own] if own is not None else [])

    async def _begin(self, places: Iterable[Place], guard: Guard | None) -> None:
        """Add the partitions and the group to the transaction.

        Nothing else may be sent before both are there: while the coordinator adds one, brokers that ask it
        whether a batch belongs to the transaction get no answer and refuse the batch.
        """
        added = [requests.add_partitions(self.producer, places)]
        if guard is not None:
            added.append(requests.add_group(self.producer, guard.membership.group_id))
        await settled(*(self.coordinators.ask(TRANSACTION, self.transactional_id, one) for one in added))

    async def _commit_positions(self, guard: Guard | None) -> None:
        if guard is not None:
            self._topics = {POSITIONS}
            request = commit_positions(self.producer, guard.membership, guard.topic, guard.positions)
            await self.coordinators.ask(GROUP, guard.membership.group_id, request)

    async def _end(self, committed: bool) -> None:
        request = requests.end_transaction(self.producer, committed)
        await self.coordinators.ask(TRANSACTION, self.transactional_id, request)

    async def _abort(self) -> None:
        """Try to abort, so that readers need not wait for the timeout of the transaction."""
        with suppress(Exception):
            await asyncio.wait_for(self._end(committed=False), CLOSE_TIMEOUT)
            self._unfinished = False

    async def close(self) -> None:
        """Stop; a transaction that was interrupted is aborted."""
        if self._unfinished and self.producer_id >= 0:
            await self._abort()
        with suppress(TimeoutError, aiokafka.errors.KafkaError):
            await asyncio.wait_for(self.client.close(), CLOSE_TIMEOUT)


def _merged(parts: Iterable[PartitionMessages]) -> dict[Place, list[Message]]:
    """The messages of all parts by topic and partition."""
    merged: dict[Place, list[Message]] = defaultdict(list)
    for part in parts:
        for topic, messages in part.outputs.items():
            merged[topic, part.partition] += messages
        for place, messages in part.routed.items():
            merged[place] += messages
        merged[part.changelog, part.partition] += [(key, value, NO_HEADERS) for key, value in part.state]
    return {place: messages for place, messages in merged.items() if messages}
