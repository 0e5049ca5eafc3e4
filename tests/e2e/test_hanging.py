"""Transactions without an end, on a real broker: aborted where they are a predecessor's, else left alone."""

import asyncio
import contextlib
import secrets

import psutil
import pytest
from confluent_kafka import Producer
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from streams.config.connection import Connection
from streams.errors import SetUpError, TransactionError
from streams.transport.hanging_transactions import finisher
from streams.transport.transactions import PartitionProducer
from tests.brokers import start_broker
from tests.e2e.worker import read

TIMEOUT_MS = 60_000
#: About every third kill meets a transaction between its decision and its marks.
ROUNDS = 3


@pytest.fixture
def begin(broker):
    """Begins a transaction that writes a record to each partition, and leaves it so; its producer's id."""
    kept = []

    def begin(*partitions):
        settings = {"bootstrap.servers": broker.bootstrap_servers, "transactional.id": secrets.token_hex(4)}
        producer = Producer({**settings, "transaction.timeout.ms": TIMEOUT_MS})
        producer.init_transactions(20)
        producer.begin_transaction()
        for topic, number in partitions:
            producer.produce(topic, b"unfinished", partition=number)
        assert producer.flush(20) == 0
        kept.append(producer)
        return open_in(broker, partitions[0])[-1]

    return begin


def open_in(broker, partition):
    """Ids of producers with an open transaction there, the latest last."""
    admin = KafkaAdminClient(**broker.kafka_python())
    state = admin.describe_producers([TopicPartition(*partition)])[TopicPartition(*partition)]
    admin.close()
    found = [one for one in state.active_producers if one.current_transaction_start_offset >= 0]
    return [one.producer_id for one in sorted(found, key=lambda one: one.current_transaction_start_offset)]


def readable(broker, partition):
    """The last stable offset and the log's end."""
    ends = []
    for level in ("read_committed", "read_uncommitted"):
        client = KafkaConsumer(**broker.kafka_python(), isolation_level=level)
        ends.append(client.end_offsets([TopicPartition(*partition)])[TopicPartition(*partition)])
        client.close()
    return tuple(ends)


def finish(broker, topics, owned):
    outputs = [topics.purchase_intent, topics.recommendations]
    return finisher(broker.kafka_python(), outputs)(topics.clicks, owned)  # `clicks` plays the changelog


def test_what_a_predecessor_left_open_is_aborted_everywhere(broker, topics, begin):
    partitions = [(topics.clicks, 1), (topics.purchase_intent, 1)]
    producer = begin(*partitions)
    assert [readable(broker, partition) for partition in partitions] == [(0, 1)] * 2
    found = finish(broker, topics, {0: 10**9, 1: 10**9})
    assert sorted(one.partition for one in found) == sorted(TopicPartition(*it) for it in partitions)
    assert {one.producer for one in found} == {producer}
    assert [readable(broker, partition) for partition in partitions] == [(2, 2)] * 2
    assert finish(broker, topics, {0: 10**9, 1: 10**9}) == []


def test_other_peoples_transactions_and_partitions_are_left_alone(broker, topics, begin):
    begin((topics.purchase_intent, 0))
    begin((topics.clicks, 2))
    assert finish(broker, topics, {0: 10**9}) == []
    assert readable(broker, (topics.purchase_intent, 0)) == (0, 1)
    assert readable(broker, (topics.clicks, 2)) == (0, 1)


def test_messages_to_other_partitions_are_a_predecessors_too(broker, topics, begin):
    partitions = [(topics.clicks, 1), (topics.identities, 3)]
    producer = begin(*partitions)
    other = begin((topics.identities, 3))
    finish = finisher(broker.kafka_python(), [topics.purchase_intent], [topics.identities])
    found = finish(topics.clicks, {1: 10**9})
    assert sorted(one.partition for one in found) == sorted(TopicPartition(*it) for it in partitions)
    assert {one.producer for one in found} == {producer}
    assert open_in(broker, (topics.identities, 3)) == [other]


def test_answers_whose_state_was_ended_are_not_guessed_about(broker, topics, begin):
    producer = begin((topics.recommendations, 3))
    with pytest.raises(SetUpError, match=r"forgotten.*recommendations.*kafka-transactions"):
        finish(broker, topics, {3: producer})
    assert readable(broker, (topics.recommendations, 3)) == (0, 1)


def test_a_topic_without_a_leader_is_waited_for_not_for_ever(broker, topics, monkeypatch):
    monkeypatch.setattr("streams.transport.hanging_transactions.PATIENCE", 1.0)
    with pytest.raises(SetUpError, match="check that Kafka runs"):
        finisher(broker.kafka_python(), ["no-such-topic"])(topics.clicks, {0: 1})


class Pair:
    """A predecessor that writes the same numbers to an answer topic and a changelog until the broker dies."""

    def __init__(self, bootstrap, number):
        self.bootstrap, self.number, self.written = bootstrap, number, 0
        self.producer = None

    async def open(self):
        self.producer = PartitionProducer(
            f"pair-{self.number}", self.number, 60_000, {"bootstrap_servers": self.bootstrap}
        )
        await self.producer.open()

    async def write(self):
        """One transaction after the other; ends with the broker."""
        with contextlib.suppress(TransactionError):
            while True:
                self.written += 1
                value = str(self.written).encode()
                await self.producer.publish({"answers": [(b"k", value, [])]}, "state", [(b"k", value)])

    async def end(self):
        await self.producer.close()


def committed(bootstrap, number):
    """The numbers that a read_committed consumer finds in both topics."""
    broker = Connection(bootstrap_servers=bootstrap)
    return [[int(record.value) for record in read(broker, topic, number)] for topic in ("answers", "state")]


async def die_among_commits(broker, pairs):
    await asyncio.gather(*(pair.open() for pair in pairs))
    writing = [asyncio.create_task(pair.write()) for pair in pairs]
    await asyncio.sleep(2)
    process = psutil.Process(broker.running().pid)
    process.kill()
    for task in writing:
        task.cancel()
    await asyncio.gather(*writing, return_exceptions=True)
    await asyncio.gather(*(pair.end() for pair in pairs))
    # On a busy machine the dying process still has the port for a while.
    await asyncio.to_thread(process.wait, 30)
    await asyncio.to_thread(broker.start)


@pytest.mark.long
async def test_a_broker_killed_among_commits_leaves_answers_and_state_alike(tmp_path):
    broker = start_broker(tmp_path)
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics({name: {"num_partitions": 4} for name in ("answers", "state")})
    admin.close()
    pairs = [Pair(broker.bootstrap, number) for number in range(4)]
    forgotten = 0
    try:
        for _ in range(ROUNDS):
            await die_among_commits(broker, pairs)
            await asyncio.gather(*(pair.open() for pair in pairs))
            owned = {pair.number: pair.producer.producer_id for pair in pairs}
            end = finisher({"bootstrap_servers": broker.bootstrap}, ["answers"])
            forgotten += len(await asyncio.to_thread(end, "state", owned))
            await asyncio.gather(*(pair.end() for pair in pairs))
            for pair in pairs:
                answers, state = await asyncio.to_thread(committed, broker.bootstrap, pair.number)
                assert answers == state
                assert len(set(answers)) == len(answers)
    finally:
        broker.stop()
    print(f"{forgotten} transactions were forgotten")
