"""Find what differs in topics that were made by others, and mend what Kafka can change in place."""

from collections.abc import Mapping, Sequence
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType

from deploy.cluster.clients import admin
from deploy.cluster.topic_creation import counts
from streams.config.connection import Connection
from streams.config.topic import Partitions
from streams.config.topic_checks import check_state
from streams.config.topic_names import changelog_of
from streams.config.topic_settings import Difference, differences, settings_of
from streams.config.topics import TopicNames


def found_differences(to: Connection, names: TopicNames) -> list[Difference]:
    """What differs in the settings of the topics that exist. Raises KafkaUnreachable."""
    with admin(to) as client:
        return differences(settings_of(client, counts(client, names)), names)


def mend_settings(to: Connection, wrong: Sequence[Difference]) -> None:
    """Set the settings that differ. Raises KafkaUnreachable."""
    wanted: dict[str, dict[str, str]] = {}
    for one in wrong:
        wanted.setdefault(one.topic, {})[one.setting] = one.value
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, values) for name, values in wanted.items()]
    if resources:
        with admin(to) as client:
            client.alter_configs(resources)


def check_growth(to: Connection, names: TopicNames, application_id: str) -> int:
    """The partitions of the state, 0 where there is none. Raises SetUpError if `clicks` has others."""
    changelog = changelog_of(application_id)
    with admin(to) as client:
        found = counts(client, names)
        kept = _partitions_of(client, changelog)
    if kept and names.clicks in found:
        check_state(changelog, kept, names.clicks, found[names.clicks])
    return kept


def mend_partitions(to: Connection, names: TopicNames, kept: int, least: int) -> dict[str, int]:
    """Add partitions to topics by visitor until all have as many; returns the new counts.

    That is as many as the state has (`kept`). Without a state it is as many as the largest topic has, and at
    least `least`. Raises KafkaUnreachable.
    """
    with admin(to) as client:
        found = counts(client, names)
        keyed = names.named(lambda topic: topic.partitions is Partitions.BY_VISITOR)
        present: Mapping[str, int] = {name: found[name] for name in keyed if name in found}
        wanted = kept or max([least, *present.values()])
        small = {name: wanted for name, count in present.items() if count < wanted}
        if small:
            client.create_partitions(small)
    return small


def _partitions_of(client: Any, topic: str) -> int:
    if topic not in client.list_topics():
        return 0
    return sum(len(one["partitions"]) for one in client.describe_topics([topic]))
