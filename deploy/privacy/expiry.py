"""When Kafka will have deleted a record of a topic, by its rules and the settings of the topic."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kafka.admin import ConfigResource, ConfigResourceType

from deploy.cluster.clients import admin
from streams.config.connection import Connection

#: Kafka's defaults for how often it looks (log.retention.check.interval.ms), and how long a deleted segment's
#: file stays (file.delete.delay.ms).
LOOKS_MS, DELAY_MS = 300_000, 60_000
NEVER_MS = 1 << 62
_NAMES = ("cleanup.policy", "retention.ms", "segment.ms", "max.compaction.lag.ms", "delete.retention.ms")


class TopicRetention(NamedTuple):
    """How long a topic keeps records, ms."""

    policy: str
    retention: int
    segment: int
    compaction_lag: int
    delete_retention: int

    def expires(self, stamped: int) -> int | None:
        """When a record with this timestamp (epoch ms) will be gone; None: never with these settings.

        Kafka deletes a whole segment once its newest record is too old, up to `segment.ms` after this one.
        """
        if "delete" not in self.policy or not 0 <= self.retention < NEVER_MS:
            return None
        return stamped + self.segment + self.retention + LOOKS_MS + DELAY_MS

    def compacted(self, deleted: int) -> int | None:
        """When values before a deletion mark of this time will be gone; None: no date can be given."""
        if "compact" not in self.policy or self.compaction_lag >= NEVER_MS:
            return None
        return deleted + self.compaction_lag + LOOKS_MS + DELAY_MS


def retention_of(to: Connection, topics: Iterable[str]) -> dict[str, TopicRetention]:
    """The retention of existing topics. Raises KafkaUnreachable."""
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(_NAMES)) for topic in topics]
    with admin(to) as client:
        found = client.describe_configs(wanted, config_filter="all")
    return {topic: _retention(values) for by_name in found.values() for topic, values in by_name.items()}


def _retention(values: Mapping[str, Any]) -> TopicRetention:
    said = [values[name]["value"] for name in _NAMES]
    return TopicRetention(str(said[0]), *map(int, said[1:]))
