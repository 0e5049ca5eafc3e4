"""Transactions without an end, on a real broker: aborted where they are a predecessor's, else left alone."""

import secrets

import pytest
from confluent_kafka import Producer
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from streams.errors import SetUpError
from streams.hanging import finisher

TIMEOUT_MS = 60_000


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
        consumer = KafkaConsumer(**broker.kafka_python(), isolation_level=level)
        ends.append(consumer.end_offsets([TopicPartition(*partition)])[TopicPartition(*partition)])
        consumer.close()
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


def test_answers_whose_state_was_ended_are_not_guessed_about(broker, topics, begin):
    producer = begin((topics.recommendations, 3))
    with pytest.raises(SetUpError, match=r"forgotten.*recommendations.*kafka-transactions"):
        finish(broker, topics, {3: producer})
    assert readable(broker, (topics.recommendations, 3)) == (0, 1)


def test_a_topic_without_a_leader_is_waited_for_not_for_ever(broker, topics, monkeypatch):
    monkeypatch.setattr("streams.hanging.PATIENCE", 1.0)
    with pytest.raises(SetUpError, match="is Kafka up"):
        finisher(broker.kafka_python(), ["no-such-topic"])(topics.clicks, {0: 1})
