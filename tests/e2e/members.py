"""Workers as Kafka sees them: a producer for transactions, and a member of the application's group."""

import asyncio
import secrets
from contextlib import asynccontextmanager

import aiokafka

from streams.protocol import producing
from streams.protocol.group_requests import Membership
from streams.protocol.inspection_requests import end_offsets
from streams.protocol.leaders import ask_leaders
from streams.storage.datadir_identity import CLIENT
from streams.transport.takeover import Places
from streams.transport.worker_producer import (
    Guard,
    PartitionMessages,
    WorkerProducer,
    _merged,
    worker_transactional_id,
)

#: Much longer than any test: what ends earlier was ended, and did not time out.
TIMEOUT_MS = 600_000


class Member:
    """A worker that does what a test tells it to."""

    def __init__(self, broker, topics, identity=None):
        self.broker, self.topics = broker, topics
        self.identity = identity or secrets.token_hex(8)
        self.application = topics.clicks.removesuffix("-clicks")
        name = worker_transactional_id(self.application, self.identity)
        self.producer = WorkerProducer(name, TIMEOUT_MS, broker.aiokafka())
        self.places = Places(
            self.application,
            topics.clicks,
            topics.recommendations,  # plays the changelog
            [topics.purchase_intent],
            [topics.identities],
        )
        self.consumer = None

    async def join(self):
        """Become a member of the group and return when there is an assignment."""
        self.consumer = aiokafka.AIOKafkaConsumer(
            self.topics.clicks,
            **self.broker.aiokafka(),
            group_id=self.application,
            client_id=CLIENT + self.identity,
            enable_auto_commit=False,
            session_timeout_ms=30_000,
            heartbeat_interval_ms=200,
        )
        await self.consumer.start()
        while not self.consumer.assignment():
            await asyncio.sleep(0.02)

    async def leave(self):
        """Leave the group; the producer lives on."""
        consumer, self.consumer = self.consumer, None
        if consumer is not None:
            await consumer.stop()

    @property
    def membership(self):
        """The membership of this moment."""
        coordinator = self.consumer._coordinator
        return Membership(self.application, coordinator.member_id, coordinator.generation)

    async def later_than(self, membership):
        """The first membership of a later generation."""
        while self.membership.generation <= membership.generation:
            await asyncio.sleep(0.02)
        return self.membership

    def part(self, partition, value):
        """An answer and a change of state."""
        return PartitionMessages(
            partition,
            {self.topics.purchase_intent: [(b"k", value, [])]},
            {},
            self.places.changelog,
            [(b"k", value)],
        )

    def guard(self, membership, *partitions):
        """Positions of these partitions under a membership."""
        return Guard(membership, self.topics.clicks, dict.fromkeys(partitions, 7))

    async def begin(self, membership, partition, value):
        """All of a transaction but its end: as of a worker that stops before it."""
        messages = _merged([self.part(partition, value)])
        guard = self.guard(membership, partition)
        await self.producer._begin(messages, guard)
        batches = self.producer._encoder.encode(messages)
        await producing.append(self.producer.client, self.producer.producer, batches)
        await self.producer._commit_positions(guard)

    async def ends(self, partition):
        """The last stable offset and the end of the changelog."""
        place = (self.places.changelog, partition)

        async def end(committed):
            found = await ask_leaders(
                self.producer.client, [place], lambda ours: end_offsets(ours, committed)
            )
            return found[place]

        return [await end(committed) for committed in (True, False)]

    async def decided(self, partition):
        """The end of the changelog, once every transaction there has its marker."""
        while (found := await self.ends(partition))[0] < found[1]:
            await asyncio.sleep(0.02)
        return found[1]


@asynccontextmanager
async def members(broker, topics, count):
    """Members with open producers that have not joined yet."""
    found = [Member(broker, topics) for _ in range(count)]
    try:
        for one in found:
            await one.producer.open()
        yield found
    finally:
        for one in found:
            await one.leave()
            await one.producer.client.close()
