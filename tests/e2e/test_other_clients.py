"""Other people's clients and a worker: it answers what each produces, and each can consume its answers."""

import json
from collections import Counter

import pytest
from confluent_kafka import Consumer as ConfluentConsumer
from confluent_kafka import Producer as ConfluentProducer
from kafka import KafkaProducer

from tests.e2e.worker import REPLAYED, ROLES, START, click, decoded, encoded, send

COUNT = 200


def clicks(prefix, count=COUNT, first=0):
    return encoded(
        click(number, f"{prefix}{number % 7}", START + 1000 * number, event_id=f"{prefix}-{number}")
        for number in range(first, first + count)
    )


def produce_kafka_python(broker, topic, pairs):
    send(broker, topic, pairs)


def produce_confluent(broker, topic, pairs, **options):
    client = ConfluentProducer({"bootstrap.servers": broker.bootstrap_servers, **options})
    for key, value in pairs:
        client.produce(topic, value, key, headers=REPLAYED)
    assert client.flush(30) == 0


def consume_confluent(broker, topic, count):
    options = {"group.id": f"{topic}-outside", "auto.offset.reset": "earliest"}
    client = ConfluentConsumer({"bootstrap.servers": broker.bootstrap_servers, **options})
    client.subscribe([topic])
    found = []
    while len(found) < count:
        messages = client.consume(count, timeout=30)
        assert messages, f"{len(found)} of {count} messages came"
        found += [json.loads(message.value()) for message in messages if not message.error()]
    client.close()
    return found


def answers_to(answers, prefix):
    return Counter(one["event_id"] for one in answers if one["event_id"].startswith(prefix))


@pytest.mark.parametrize("produce", [produce_kafka_python, produce_confluent])
def test_what_a_client_produces_both_clients_can_consume_the_answers_of(broker, running, produce):
    prefix = produce.__name__
    pairs = clicks(prefix)
    with running.dealing_with(COUNT):
        produce(broker, running.names.clicks, pairs)
    expected = Counter(json.loads(value)["event_id"] for _, value in pairs)
    for role in ROLES:
        topic = getattr(running.names, role)
        answers = decoded(broker, topic)
        assert answers_to(answers, prefix) == expected
        if produce is produce_confluent:
            assert Counter(map(str, consume_confluent(broker, topic, len(answers)))) == Counter(
                map(str, answers)
            )


def test_librdkafkas_own_partitioner_splits_nobody(broker, running):
    before = running.total("pathcast_misrouted_total")
    with running.dealing_with(COUNT):
        produce_confluent(broker, running.names.clicks, clicks("crc"), partitioner="consistent_random")
    assert running.total("pathcast_misrouted_total") > before
    found = [one for one in decoded(broker, running.names.purchase_intent) if one["visitor_id"] == "crc0"]
    assert [one["session_clicks"] for one in found] == list(range(1, len(found) + 1))


def transact(client, topic, pairs, commit):
    client.begin_transaction()
    for key, value in pairs:
        client.send(topic, value, key, REPLAYED)
    client.flush()
    if commit:
        client.commit_transaction()
    else:
        client.abort_transaction()


def test_aborted_transactions_of_a_producer_are_never_answered(broker, running):
    topic = running.names.clicks
    client = KafkaProducer(**broker.kafka_python(), transactional_id=f"{topic}-shop")
    client.init_transactions()
    with running.dealing_with(2 * COUNT):
        transact(client, topic, clicks("tx"), commit=True)
        transact(client, topic, clicks("aborted", first=COUNT), commit=False)
        transact(client, topic, clicks("tx", first=COUNT), commit=True)
    client.close()
    for role in ROLES:
        answers = decoded(broker, getattr(running.names, role))
        assert answers_to(answers, "tx") == Counter(f"tx-{number}" for number in range(2 * COUNT))
        assert answers_to(answers, "aborted") == Counter()


def test_confluents_transactions_are_answered_once_committed(broker, running):
    topic = running.names.clicks
    options = {"bootstrap.servers": broker.bootstrap_servers, "transactional.id": f"{topic}-confluent"}
    client = ConfluentProducer(options)
    client.init_transactions()
    with running.dealing_with(COUNT):
        for prefix, commit in (("ctx-aborted", False), ("ctx", True)):
            client.begin_transaction()
            for key, value in clicks(prefix):
                client.produce(topic, value, key, headers=REPLAYED)
            client.flush(30)
            client.commit_transaction(30) if commit else client.abort_transaction(30)
    found = answers_to(decoded(broker, running.names.ad_decisions), "ctx")
    assert found == Counter(f"ctx-{number}" for number in range(COUNT))
