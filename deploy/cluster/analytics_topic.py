"""What the topic `analytics` holds now, for commands."""

from deploy.cluster.clients import connection, consumer, drain
from models.analytics.merging import AnalyticsPanes
from streams.config.topics import TopicNames


def read_analytics() -> AnalyticsPanes:
    """All panes of all partitions, as of now. Raises KafkaUnreachable."""
    panes = AnalyticsPanes()
    with consumer(connection()) as client:
        for record in drain(client, TopicNames().analytics):
            panes.take(record.key, record.value)
    return panes
