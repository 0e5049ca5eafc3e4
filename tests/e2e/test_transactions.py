"""A worker's transaction on a real broker: all of it or nothing, and only under a current membership."""

import pytest
from kafka import KafkaAdminClient

from streams.errors import TransactionError
from streams.transport.worker_producer import PartitionMessages
from tests.e2e.members import Member, members
from tests.e2e.worker import read


def readable(broker, topic, partition=1):
    """Values that a read_committed consumer gets."""
    return [record.value for record in read(broker, topic, partition)]


async def test_a_refused_batch_takes_the_whole_transaction_with_it(broker, topics):
    narrow = f"{topics.ad_decisions}-narrow"
    admin = KafkaAdminClient(**broker.kafka_python())
    admin.create_topics({narrow: {"num_partitions": 2, "configs": {"max.message.bytes": "500"}}})
    admin.close()
    async with members(broker, topics, 1) as (member,):
        part = member.part(1, b"answer")
        with pytest.raises(TransactionError, match="MessageSizeTooLarge"):
            await member.producer.publish(
                [part._replace(outputs={**part.outputs, narrow: [(b"k", b"x" * 5_000, [])]})], None
            )
        again = Member(broker, topics, member.identity)
        await again.producer.open()
        await again.producer.publish([again.part(1, b"later")], None)
        await again.producer.close()
        assert readable(broker, topics.purchase_intent) == [b"later"]
        assert readable(broker, member.places.changelog) == [b"later"]


async def test_partitions_share_a_transaction_and_batches_to_others(broker, topics):
    async with members(broker, topics, 1) as (member,):
        routed = {(topics.identities, 3): [(b"k", b"from 0", [])]}
        also = {(topics.identities, 3): [(b"k", b"from 2", [("h", b"x")])], (topics.identities, 0): []}
        state = [(b"k", b"1"), (b"k", None), (b"l", b"2")]
        first = PartitionMessages(
            0, {topics.purchase_intent: [(b"k", b"a", [])]}, routed, topics.clicks, state
        )
        second = PartitionMessages(2, {topics.purchase_intent: []}, also, topics.clicks, [(b"m", b"3")])
        assert await member.producer.publish([first, second], None) == [2, 0]
        # The end marker of the transaction before has an offset of its own.
        assert await member.producer.publish([first, second], None) == [6, 2]
        assert readable(broker, topics.identities, 3) == [b"from 0", b"from 2"] * 2
        assert readable(broker, topics.clicks, 0) == [b"1", None, b"2"] * 2
        assert readable(broker, topics.purchase_intent, 0) == [b"a", b"a"]


async def test_more_than_a_batch_holds_is_several_batches(broker, topics):
    values = [bytes([n]) * 400_000 for n in range(6)]
    async with members(broker, topics, 1) as (member,):
        part = member.part(1, b"x")._replace(state=[(b"k", value) for value in values])
        assert await member.producer.publish([part], None) == [5]
        assert readable(broker, member.places.changelog) == values


async def test_positions_are_committed_with_the_transaction(broker, topics):
    async with members(broker, topics, 1) as (member,):
        await member.join()
        await member.producer.publish([member.part(1, b"x")], member.guard(member.membership, 1, 2))
        admin = KafkaAdminClient(**broker.kafka_python())
        found = admin.list_group_offsets({member.application: None})[member.application]
        admin.close()
        assert {place.partition: found[place].offset for place in found} == {1: 7, 2: 7}


async def test_a_stale_generation_commits_nothing(broker, topics):
    async with members(broker, topics, 2) as (zombie, other):
        await zombie.join()
        stale = zombie.membership
        await zombie.producer.publish([zombie.part(1, b"before")], zombie.guard(stale, 1))
        await other.join()
        await zombie.later_than(stale)
        with pytest.raises(TransactionError, match="IllegalGeneration"):
            await zombie.producer.publish([zombie.part(1, b"after")], zombie.guard(stale, 1))
        assert await zombie.decided(1) == 4
        assert readable(broker, zombie.places.changelog) == [b"before"]
        assert readable(broker, topics.purchase_intent) == [b"before"]


async def test_a_member_that_has_left_commits_nothing(broker, topics):
    async with members(broker, topics, 1) as (member,):
        await member.join()
        membership = member.membership
        await member.leave()
        with pytest.raises(TransactionError, match="UnknownMemberId"):
            await member.producer.publish([member.part(1, b"after")], member.guard(membership, 1))
        assert readable(broker, topics.purchase_intent) == []


async def test_a_transaction_without_positions_is_refused(broker, topics):
    async with members(broker, topics, 1) as (member,):
        await member.join()
        with pytest.raises(TransactionError, match="without positions"):
            await member.producer.publish([member.part(1, b"x")], member.guard(member.membership))
