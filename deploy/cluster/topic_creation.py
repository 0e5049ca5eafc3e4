"""Create the topics of the table of topics, and refuse existing ones that do not fit."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from kafka.errors import TopicAlreadyExistsError

from deploy.cluster.clients import admin
from deploy.terminal.option_defaults import DEFAULT_PARTITIONS as DEFAULT_PARTITIONS
from streams.config.connection import Connection
from streams.config.topic import Partitions
from streams.config.topic_checks import check
from streams.config.topics import TOPICS, TopicNames


def ensure(
    to: Connection,
    names: TopicNames,
    partitions: int = DEFAULT_PARTITIONS,
    replication: int = -1,
    sealing: bool = False,
) -> list[str]:
    """Create what is missing and return its names; `replication` -1 takes the cluster's default.

    `sealing`: also the topic of visitors' keys.

    A missing visitor-keyed topic gets the partition count of those that are there, else `partitions`.
    Raises SetUpError if the counts do not fit, KafkaUnreachable if no broker answers.
    """
    with admin(to) as client:
        found = counts(client, names)
        wanted = _common_count(found, names) or partitions
        sealed = (topic for topic in TOPICS.items() if sealing or not topic[1].only_sealed)
        missing = {getattr(names, role): topic for role, topic in sealed if getattr(names, role) not in found}
        for name, topic in missing.items():
            options = {
                "num_partitions": 1 if topic.partitions is Partitions.ONE else wanted,
                "replication_factor": replication,
                "configs": topic.kafka_config,
            }
            _create(client, name, options)
        check(counts(client, names), names)
    return list(missing)


def _create(client: Any, topic: str, options: dict[str, Any]) -> None:
    with suppress(TopicAlreadyExistsError):  # another process was faster; counts are checked later
        client.create_topics({topic: options}, wait_for_metadata=True)


def counts(client: Any, names: TopicNames) -> dict[str, int]:
    """Partition counts of those of `names` that exist."""
    existing = set(client.list_topics())
    wanted = [topic for topic in names.used(sealing=True) if topic in existing]
    described = client.describe_topics(wanted) if wanted else []
    return {topic["name"]: len(topic["partitions"]) for topic in described}


def _common_count(found: Mapping[str, int], names: TopicNames) -> int | None:
    return next((found[topic] for topic in names.by_visitor if topic in found), None)
