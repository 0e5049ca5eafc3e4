"""The announcements of this datadir on `state-copies`: which partitions have files here."""

import time
from typing import Any

import aiokafka
import msgspec

from models.privacy import erasure
from models.privacy.erasure import StateCopy
from streams.storage.datadir_identity import DatadirIdentity
from streams.topic_reading import read_to_end


class CopyLedger:
    """`said` has by partition the last announcement: up to which erasure its files here are rewritten.

    `pseudonyms` is the fingerprint of the worker's secret, empty for none. `outdated` are partitions whose
    last announcement comes from a process with another secret.
    """

    def __init__(
        self, topic: str, connection: dict[str, Any], whose: DatadirIdentity, pseudonyms: str = ""
    ) -> None:
        self.said: dict[int, int] = {}
        self.outdated: set[int] = set()
        self._topic, self._connection, self._whose = topic, connection, whose
        self._pseudonyms = pseudonyms
        self._producer: Any = None

    async def start(self) -> None:
        """Connect, and read the announcements of earlier processes of this datadir. Raises KafkaError."""
        self._producer = aiokafka.AIOKafkaProducer(**self._connection, acks="all")
        await self._producer.start()
        consumer = aiokafka.AIOKafkaConsumer(**self._connection, enable_auto_commit=False)
        await consumer.start()
        try:
            await self._read(consumer, aiokafka.TopicPartition(self._topic, 0))
        finally:
            await consumer.stop()

    async def _read(self, consumer: Any, part: Any) -> None:
        async for records in read_to_end(consumer, part):
            for record in records:
                worker, _, number = (record.key or b"").decode().rpartition("/")
                if worker == self._whose.worker:
                    self._learn(int(number), record.value)

    def _learn(self, partition: int, value: bytes | None) -> None:
        copy = erasure.decode_copy(value) if value else None
        self._note(partition, copy.rewritten if copy else None)
        if copy is not None and copy.pseudonyms != self._pseudonyms:
            self.outdated.add(partition)

    async def say(self, partition: int, rewritten: int | None) -> None:
        """Announce that files are rewritten up to an erasure; None: they are gone. Raises KafkaError."""
        now, whose = int(time.time() * 1000), self._whose
        copy = StateCopy(
            worker=whose.worker,
            place=whose.place,
            partition=partition,
            rewritten=rewritten or 0,
            at=now,
            pseudonyms=self._pseudonyms,
        )
        value = None if rewritten is None else msgspec.json.encode(copy)
        await self._producer.send_and_wait(self._topic, value, copy.key.encode())
        self._note(partition, rewritten)

    def _note(self, partition: int, rewritten: int | None) -> None:
        self.said.pop(partition, None)
        self.outdated.discard(partition)
        if rewritten is not None:
            self.said[partition] = rewritten

    async def stop(self) -> None:
        """Close the connection."""
        if self._producer is not None:
            await self._producer.stop()
