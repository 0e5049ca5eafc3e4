"""Transactions whose markers a broker forgot: ended as they were decided, others left alone."""

import asyncio
import contextlib

import psutil
import pytest
from aiokafka.client import AIOKafkaClient
from kafka import KafkaAdminClient

from streams.config.connection import Connection
from streams.errors import SetUpError, TransactionError
from streams.protocol.fencing import Fenced
from streams.protocol.inspection_requests import Described
from streams.transport.forgotten_transactions import end_forgotten, open_transactions
from streams.transport.worker_producer import PartitionMessages, WorkerProducer
from tests.brokers import start_broker
from tests.e2e.members import members
from tests.e2e.worker import read

#: About every third kill meets a transaction between its decision and its marks.
ROUNDS = 3


async def left_open(member, partition=1):
    """An open transaction of a member, in the answers and in the changelog, and its topics."""
    await member.join()
    await member.begin(member.membership, partition, b"unmarked")
    return [member.places.changelog, *member.places.outputs]


def fenced(member, state, *places, below=1):
    """As if the member had been fenced when its coordinator had this view."""
    epoch = member.producer.epoch
    last = Described(state, member.producer.producer_id, epoch, frozenset(places))
    return Fenced(member.producer.producer_id, epoch + below, last)


@pytest.mark.parametrize(
    ("state", "values"),
    [("CompleteCommit", [b"unmarked"]), ("PrepareCommit", [b"unmarked"]), ("CompleteAbort", [])],
)
async def test_a_forgotten_transaction_is_ended_as_it_was_decided(broker, topics, state, values):
    async with members(broker, topics, 1) as (member,):
        names = await left_open(member)
        client = member.producer.client
        found = await open_transactions(client, names)
        assert {one.place for one in found} == {(name, 1) for name in names}
        assert await end_forgotten(client, found, [fenced(member, state)]) == []
        assert await open_transactions(client, names) == []
        for name in names:
            assert [record.value for record in read(broker, name, 1)] == values


async def test_where_an_ongoing_one_does_not_write_the_one_before_was_committed(broker, topics):
    async with members(broker, topics, 1) as (member,):
        changelog, answers = await left_open(member)
        client = member.producer.client
        found = await open_transactions(client, [changelog, answers])
        await end_forgotten(client, found, [fenced(member, "Ongoing", (answers, 1))])
        assert [record.value for record in read(broker, changelog, 1)] == [b"unmarked"]
        assert [record.value for record in read(broker, answers, 1)] == []


async def test_transactions_of_others_and_of_later_epochs_are_left_alone(broker, topics):
    async with members(broker, topics, 2) as (member, other):
        names = await left_open(member)
        client = member.producer.client
        found = await open_transactions(client, names)
        assert await end_forgotten(client, found, [fenced(member, "CompleteAbort", below=0)]) == []
        assert await end_forgotten(client, found, [fenced(other, "CompleteAbort")]) == []
        assert await open_transactions(client, names) == found


async def test_what_is_not_known_is_not_guessed(broker, topics):
    async with members(broker, topics, 1) as (member,):
        names = await left_open(member)
        client = member.producer.client
        found = await open_transactions(client, names)
        unknown = Fenced(member.producer.producer_id, member.producer.epoch + 2, None)
        assert await end_forgotten(client, found, [unknown]) == found
        assert await open_transactions(client, names) == found


async def test_a_topic_without_a_leader_is_waited_for_not_for_ever(broker):
    client = AIOKafkaClient(**broker.aiokafka(), request_timeout_ms=1_000)
    await client.bootstrap()
    with pytest.raises(SetUpError, match="check that Kafka runs"):
        await open_transactions(client, ["no-such-topic"])
    await client.close()


class Writer:
    """A worker that writes the same numbers to an answer topic and a changelog until the broker dies."""

    def __init__(self, bootstrap, number):
        self.bootstrap, self.number, self.written = bootstrap, number, 0
        self.producer, self.stopping = None, False

    async def open(self):
        self.producer = WorkerProducer(f"pair-{self.number}", 60_000, {"bootstrap_servers": self.bootstrap})
        await self.producer.open()

    async def write(self):
        """One transaction after the other; ends with the broker."""
        with contextlib.suppress(TransactionError):
            while not self.stopping:
                self.written += 1
                value = str(self.written).encode()
                outputs = {"answers": [(b"k", value, [])]}
                part = PartitionMessages(self.number, outputs, {}, "state", [(b"k", value)])
                await self.producer.publish([part], None)


def committed(bootstrap, number):
    """The numbers that a read_committed consumer finds in both topics."""
    broker = Connection(bootstrap_servers=bootstrap)
    return [[int(record.value) for record in read(broker, topic, number)] for topic in ("answers", "state")]


async def die_among_commits(broker, writers):
    await asyncio.gather(*(writer.open() for writer in writers))
    writing = [asyncio.create_task(writer.write()) for writer in writers]
    await asyncio.sleep(2)
    process = psutil.Process(broker.running().pid)
    process.kill()
    for task in writing:
        task.cancel()
    await asyncio.gather(*writing, return_exceptions=True)
    await asyncio.gather(*(writer.producer.client.close() for writer in writers))
    # On a busy machine the dying process still has the port for a while.
    await asyncio.to_thread(process.wait, 30)
    await asyncio.to_thread(broker.start)


def broker_with_writers(folder):
    """A broker of its own with topics for answers and state, and a writer for each partition."""
    broker = start_broker(folder)
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics({name: {"num_partitions": 4} for name in ("answers", "state")})
    admin.close()
    writers = [Writer(broker.bootstrap, number) for number in range(4)]
    return broker, writers


@pytest.mark.long
async def test_a_broker_killed_among_commits_leaves_answers_and_state_alike(tmp_path):
    broker, writers = broker_with_writers(tmp_path)
    forgotten = 0
    try:
        for _ in range(ROUNDS):
            await die_among_commits(broker, writers)
            await asyncio.gather(*(writer.open() for writer in writers))
            for writer in writers:
                client = writer.producer.client
                found = await open_transactions(client, ["answers", "state"])
                ours = [one for one in found if writer.producer.fenced.covers(one)]
                forgotten += len(ours)
                assert await end_forgotten(client, ours, [writer.producer.fenced]) == []
                await writer.producer.close()
            for writer in writers:
                answers, state = await asyncio.to_thread(committed, broker.bootstrap, writer.number)
                assert answers == state
                assert len(set(answers)) == len(answers)
    finally:
        broker.stop()
    print(f"{forgotten} transactions were forgotten")


@pytest.mark.long
async def test_writers_that_live_through_a_brokers_death_leave_answers_and_state_alike(tmp_path):
    broker, writers = broker_with_writers(tmp_path)
    try:
        await asyncio.gather(*(writer.open() for writer in writers))
        writing = [asyncio.create_task(writer.write()) for writer in writers]
        for _ in range(ROUNDS):
            await asyncio.sleep(2)
            process = psutil.Process(broker.running().pid)
            process.kill()
            await asyncio.to_thread(process.wait, 30)
            await asyncio.to_thread(broker.start)
            before = [writer.written for writer in writers]
            while any(writer.written < old + 5 for writer, old in zip(writers, before, strict=True)):
                assert not any(task.done() for task in writing)
                await asyncio.sleep(0.1)
        for writer in writers:
            writer.stopping = True
        await asyncio.gather(*writing)
        for writer in writers:
            await writer.producer.close()
            answers, state = await asyncio.to_thread(committed, broker.bootstrap, writer.number)
            assert answers == state == list(range(1, writer.written + 1))
    finally:
        broker.stop()
