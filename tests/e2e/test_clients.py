"""Other people's clients: what they produce is read, and what is written they can consume."""

import pytest
from confluent_kafka import Consumer as ConfluentConsumer
from confluent_kafka import Producer as ConfluentProducer

from deploy.cluster.clients import producer
from deploy.cluster.topic_creation import ensure
from tests.brokers import topic_names
from tests.e2e.worker import read

COUNT = 200
HEADERS = [("original-time", b"1600000000000")]


def sent(number):
    return f"visitor-{number % 7}".encode(), f'{{"event_id":"e{number}"}}'.encode()


def produce_kafka_python(broker, topic, rows):
    with producer(broker) as client:
        for key, value in rows:
            client.send(topic, value, key, HEADERS)


def produce_confluent(broker, topic, rows):
    # librdkafka's default is crc32; murmur2_random is the Java client's.
    client = ConfluentProducer(
        {"bootstrap.servers": broker.bootstrap_servers, "partitioner": "murmur2_random"}
    )
    for key, value in rows:
        client.produce(topic, value, key, headers=HEADERS)
    assert client.flush(30) == 0


def consume_kafka_python(broker, topic, count):
    return [(r.partition, r.key, r.value, [tuple(h) for h in r.headers]) for r in read(broker, topic)]


def consume_confluent(broker, topic, count):
    client = ConfluentConsumer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "group.id": f"{topic}-confluent",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    client.subscribe([topic])
    found = []
    while len(found) < count:
        messages = client.consume(count, timeout=30)
        assert messages, f"{len(found)} of {count} messages came"
        assert not [m.error() for m in messages if m.error()]
        found += [(m.partition(), m.key(), m.value(), m.headers()) for m in messages]
    client.close()
    return found


@pytest.mark.parametrize("produce", [produce_kafka_python, produce_confluent])
@pytest.mark.parametrize("consume", [consume_kafka_python, consume_confluent])
def test_what_one_client_writes_another_reads(any_broker, produce, consume):
    names, rows = topic_names(), [sent(number) for number in range(COUNT)]
    ensure(any_broker, names)
    produce(any_broker, names.clicks, rows)
    found = consume(any_broker, names.clicks, COUNT)
    assert sorted((key, value) for _, key, value, _ in found) == sorted(rows)
    assert all(headers == HEADERS for *_, headers in found)
    for key in {key for key, _ in rows}:
        assert [value for _, k, value, _ in found if k == key] == [value for k, value in rows if k == key]


def test_clients_agree_on_partitions(broker):
    rows, seen = [sent(number) for number in range(COUNT)], []
    for produce in (produce_kafka_python, produce_confluent):
        names = topic_names()
        ensure(broker, names)
        produce(broker, names.clicks, rows)
        seen.append({key: part for part, key, *_ in consume_kafka_python(broker, names.clicks, COUNT)})
    assert seen[0] == seen[1]
