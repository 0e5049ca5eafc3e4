"""Taking over partitions on a real broker: who is waited for, who is fenced, who is left alone."""

import asyncio

import aiokafka
import pytest

from streams.errors import TransactionError
from streams.transport.takeover import take_over
from tests.e2e.members import Member, members
from tests.e2e.worker import read


def readable(member, partition):
    """Values of the changelog that a read_committed consumer gets."""
    return [record.value for record in read(member.broker, member.places.changelog, partition)]


async def test_a_live_predecessor_is_waited_for_and_not_fenced(broker, topics):
    async with members(broker, topics, 2) as (slow, successor):
        await slow.join()
        before = slow.membership
        await slow.begin(before, 1, b"late")
        await successor.join()
        await slow.later_than(before)
        taking = asyncio.create_task(
            take_over(successor.producer, successor.membership, [1], successor.places)
        )
        # Long enough for a look at those that are late.
        await asyncio.sleep(2.5)
        assert not taking.done()
        await slow.producer._end(committed=True)
        assert await taking == {1: 7}
        assert await successor.ends(1) == [2, 2]
        assert readable(successor, 1) == [b"late"]


async def test_pending_positions_alone_are_waited_for(broker, topics):
    async with members(broker, topics, 2) as (slow, successor):
        await slow.join()
        guard = slow.guard(slow.membership, 1)
        await slow.producer._begin([(topics.purchase_intent, 1)], guard)
        await slow.producer._commit_positions(guard)
        taking = asyncio.create_task(take_over(successor.producer, slow.membership, [1], successor.places))
        await asyncio.sleep(0.5)
        assert not taking.done()
        await slow.producer._end(committed=True)
        await taking


@pytest.mark.parametrize("records", [True, False], ids=["with records", "positions only"])
async def test_a_predecessor_that_is_gone_is_fenced(broker, topics, records):
    async with members(broker, topics, 2) as (gone, successor):
        await gone.join()
        if records:
            await gone.begin(gone.membership, 1, b"never")
        else:
            guard = gone.guard(gone.membership, 1)
            await gone.producer._begin([(topics.purchase_intent, 1)], guard)
            await gone.producer._commit_positions(guard)
        await gone.leave()
        await successor.join()
        found = await take_over(successor.producer, successor.membership, [1], successor.places)
        assert found == {1: -1}
        stable, end = await successor.ends(1)
        assert stable == end
        assert readable(successor, 1) == []
        with pytest.raises(Exception, match=r"ProducerEpoch|Fenced"):
            await gone.producer._end(committed=True)


async def test_a_worker_of_the_version_before_is_fenced(broker, topics):
    async with members(broker, topics, 1) as (successor,):
        await successor.join()
        # It had a producer for each partition, and no guard.
        old = aiokafka.AIOKafkaProducer(**broker.aiokafka(), transactional_id=f"{successor.application}-1")
        await old.start()
        async with old.transaction():
            await old.send_and_wait(successor.places.changelog, b"before", partition=1)
        await take_over(successor.producer, successor.membership, [1], successor.places)
        with pytest.raises(aiokafka.errors.ProducerFenced):
            async with old.transaction():
                await old.send_and_wait(successor.places.changelog, b"after", partition=1)
        await old.stop()
        assert readable(successor, 1) == [b"before"]


async def test_a_worker_that_was_frozen_does_not_touch_its_live_successor(broker, topics):
    async with members(broker, topics, 2) as (frozen, successor):
        await frozen.join()
        membership = frozen.membership
        await frozen.leave()
        await successor.join()
        await take_over(successor.producer, successor.membership, [1], successor.places)
        await successor.begin(successor.membership, 1, b"alive")
        # The frozen worker goes on with the assignment that it had.
        with pytest.raises(TransactionError, match="excluded"):
            await take_over(frozen.producer, membership, [1], frozen.places)
        await successor.producer._end(committed=True)
        assert readable(successor, 1) == [b"alive"]


async def test_a_restart_on_the_same_datadir_aborts_what_was_left_open(broker, topics):
    async with members(broker, topics, 1) as (killed,):
        await killed.join()
        await killed.begin(killed.membership, 1, b"never")
        again = Member(broker, topics, killed.identity)
        await again.producer.open()
        assert again.producer.producer_id == killed.producer.producer_id
        assert again.producer.epoch > killed.producer.epoch
        stable, end = await again.ends(1)
        await again.producer.client.close()
        assert stable == end
        assert readable(killed, 1) == []
