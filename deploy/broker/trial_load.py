"""A small load like that of a worker: one transaction over several topics and partitions, read back."""

import asyncio
import time

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

TOPICS = ("trial-clicks", "trial-answers", "trial-changelog")
PARTITIONS, RECORDS = 4, 5
VALUE = b"x" * 400
GROUP = "trial"


async def transactions(bootstrap: str, seconds: float) -> int:
    """Produce and read for `seconds` on a broker of its own; the number of transactions."""
    await _create(bootstrap)
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=GROUP, linger_ms=0)
    consumer = aiokafka.AIOKafkaConsumer(
        *TOPICS, bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    async with producer, consumer:
        reading = asyncio.create_task(_read(consumer))
        deadline, done = time.monotonic() + seconds, 0
        while time.monotonic() < deadline:
            done += 1
            await _transaction(producer, done)
        reading.cancel()
    return done


async def _create(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in TOPICS])
    finally:
        await admin.close()


async def _transaction(producer: aiokafka.AIOKafkaProducer, number: int) -> None:
    async with producer.transaction():
        sent = [
            await producer.send(topic, VALUE, b"key", partition)
            for topic in TOPICS
            for partition in range(PARTITIONS)
            for _ in range(RECORDS)
        ]
        await asyncio.gather(*sent)
        await producer.send_offsets_to_transaction({aiokafka.TopicPartition(TOPICS[0], 0): number}, GROUP)


async def _read(consumer: aiokafka.AIOKafkaConsumer) -> None:
    while True:
        await consumer.getmany(timeout_ms=100)
