"""Ids, partitions and ends of topics from the broker, with kafka-python, off the event loop."""

from collections.abc import Callable, Iterable
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from streams.errors import SetUpError


def describer(connection: dict[str, Any]) -> Callable[[Iterable[str]], dict[str, tuple[str, dict[int, int]]]]:
    """A function that maps topic names to `{name: (topic id, {partition: end offset})}`.

    `connection` is keyword arguments of kafka-python clients. Raises SetUpError for a missing topic.
    """

    def describe(names: Iterable[str]) -> dict[str, tuple[str, dict[int, int]]]:
        wanted = list(names)
        admin = KafkaAdminClient(**connection)
        try:
            found = admin.describe_topics(wanted)
        finally:
            admin.close()
        ids = {topic["name"]: _identity(topic) for topic in found}
        ends = _ends(connection, ids)
        return {name: (ids[name][0], ends[name]) for name in wanted}

    return describe


def _identity(topic: dict[str, Any]) -> tuple[str, list[int]]:
    if topic.get("error_code"):
        raise SetUpError(f"topic {topic['name']!r} does not exist or cannot be read; run `pathcast topics`")
    partitions = [partition["partition_index"] for partition in topic["partitions"]]
    return str(topic["topic_id"]), sorted(partitions)


def _ends(connection: dict[str, Any], ids: dict[str, tuple[str, list[int]]]) -> dict[str, dict[int, int]]:
    consumer = KafkaConsumer(**connection, enable_auto_commit=False)
    try:
        wanted = [TopicPartition(name, number) for name, (_, numbers) in ids.items() for number in numbers]
        ends = consumer.end_offsets(wanted)
    finally:
        consumer.close(autocommit=False)
    return {name: {number: ends[TopicPartition(name, number)] for number in ids[name][1]} for name in ids}
