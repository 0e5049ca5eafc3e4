"""The bundled broker: a life of starts and stops, and its clear errors."""

from deploy.kafka import admin


def test_fresh_topics_have_four_partitions(broker, topics):
    with admin(broker) as client:
        described = client.describe_topics([topics.clicks, topics.items])
    assert {topic["name"]: len(topic["partitions"]) for topic in described} == {
        topics.clicks: 4,
        topics.items: 1,
    }
