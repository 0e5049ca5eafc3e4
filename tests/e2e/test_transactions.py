"""A chunk's transaction on a real broker: all of it or nothing, whatever the broker refuses."""

import pytest
from kafka import KafkaAdminClient

from streams.errors import TransactionError
from streams.transport.transactions import PartitionProducer
from tests.e2e.worker import read


def readable(broker, topic):
    """Values of partition 1 that a read_committed consumer gets."""
    return [record.value for record in read(broker, topic, 1)]


async def opened(broker, topics):
    producer = PartitionProducer(f"{topics.clicks}-1", 1, 60_000, broker.aiokafka())
    await producer.open()
    return producer


async def test_a_refused_batch_takes_the_whole_chunk_with_it(broker, topics):
    narrow, answers, state = topics.ad_decisions, topics.purchase_intent, topics.recommendations
    admin = KafkaAdminClient(**broker.kafka_python())
    admin.create_topics({f"{narrow}-narrow": {"num_partitions": 2, "configs": {"max.message.bytes": "500"}}})
    admin.close()
    outputs = {answers: [(b"k", b"answer", [])], f"{narrow}-narrow": [(b"k", b"x" * 5_000, [])]}
    producer = await opened(broker, topics)
    with pytest.raises(TransactionError, match="MessageSizeTooLarge"):
        await producer.publish(outputs, state, [(b"k", b"state")])
    await producer.close()
    again = await opened(broker, topics)
    outputs[f"{narrow}-narrow"] = [(b"k", b"x", [])]
    await again.publish(outputs, state, [(b"k", b"later")])
    await again.close()
    assert readable(broker, answers) == [b"answer"]
    assert readable(broker, state) == [b"later"]
