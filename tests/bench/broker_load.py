"""The loads of `tests.bench.broker`: transactions like a worker's, and clicks that a consumer waits for."""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

import aiokafka
import numpy as np
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from numpy.typing import NDArray

TOPICS = ("answers-1", "answers-2", "answers-3", "changelog")
PARTITIONS, RECORDS = 4, 5
CLICKS = "clicks"
VALUE = b"x" * 400


class Load(NamedTuple):
    """How long each transaction took, or each click until it was read."""

    seconds: NDArray[np.float64]


class Client:
    """A producer with transactions, one without, and a consumer that waits at the end of the clicks."""

    def __init__(self, bootstrap: str) -> None:
        given = {"bootstrap_servers": bootstrap}
        self._transactional = aiokafka.AIOKafkaProducer(**given, transactional_id="bench", linger_ms=0)
        self._plain = aiokafka.AIOKafkaProducer(**given, linger_ms=0, acks=1)
        self._consumer = aiokafka.AIOKafkaConsumer(CLICKS, **given, fetch_min_bytes=1)
        self._done = 0

    @classmethod
    async def open(cls, bootstrap: str) -> "Client":
        """Create the topics and connect."""
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        await admin.create_topics(
            [NewTopic(topic, PARTITIONS, 1) for topic in TOPICS] + [NewTopic(CLICKS, 1, 1)]
        )
        await admin.close()
        client = cls(bootstrap)
        for part in client._parts():
            await part.start()
        return client

    def _parts(self) -> Sequence[aiokafka.AIOKafkaProducer | aiokafka.AIOKafkaConsumer]:
        return self._transactional, self._plain, self._consumer

    async def close(self) -> None:
        """Disconnect."""
        for part in self._parts():
            await part.stop()

    async def transactions(self, seconds: float, rate: float | None = None) -> Load:
        """One after the other over all partitions; `rate` of them a second, else as fast as they go."""
        began, waits = time.perf_counter(), []
        while (now := time.perf_counter()) < began + seconds:
            if rate and (early := began + len(waits) / rate - now) > 0:
                await asyncio.sleep(early)
            start = time.perf_counter()
            await self._transaction()
            waits.append(time.perf_counter() - start)
        return Load(np.array(waits))

    async def _transaction(self) -> None:
        self._done += 1
        async with self._transactional.transaction():
            batches = [await self._batch(topic, number) for topic in TOPICS for number in range(PARTITIONS)]
            await asyncio.gather(*batches)
            position = {aiokafka.TopicPartition(CLICKS, 0): self._done}
            await self._transactional.send_offsets_to_transaction(position, "bench")

    async def _batch(self, topic: str, partition: int) -> "asyncio.Future[object]":
        batch = self._transactional.create_batch()
        for _ in range(RECORDS):
            batch.append(key=b"key", value=VALUE, timestamp=None)
        batch.close()
        sent: asyncio.Future[object] = await self._transactional.send_batch(batch, topic, partition=partition)
        return sent

    async def clicks(self, seconds: float) -> Load:
        """One click a millisecond; how long until the waiting consumer had each."""
        waits: list[float] = []
        reading = asyncio.create_task(self._read(waits))
        began, sent = time.perf_counter(), 0
        while (now := time.perf_counter()) < began + seconds:
            for _ in range(int((now - began) * 1000) - sent):
                await self._plain.send(CLICKS, repr(time.time()).encode())
                sent += 1
            await asyncio.sleep(0.001)
        await self._plain.flush()
        while len(waits) < sent:
            await asyncio.sleep(0.01)
        reading.cancel()
        return Load(np.array(waits))

    async def _read(self, waits: list[float]) -> None:
        while True:
            fetched = await self._consumer.getmany(timeout_ms=100)
            now = time.time()
            waits.extend(now - float(record.value) for records in fetched.values() for record in records)
