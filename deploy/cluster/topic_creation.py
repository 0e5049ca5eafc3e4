"""Creating the topics, and refusing to run on ones that do not fit."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from kafka.errors import TopicAlreadyExistsError

from deploy.cluster.clients import admin
from deploy.terminal.option_defaults import DEFAULT_PARTITIONS as DEFAULT_PARTITIONS
from models.durations import DAY_MS, HOUR_MS
from streams.config.connection import Connection
from streams.config.topics import TopicNames, check

_COMPACTED = {"cleanup.policy": "compact"}


def configs(names: TopicNames) -> dict[str, dict[str, str]]:
    """Topic settings by topic name."""
    answers = {"retention.ms": str(7 * DAY_MS)}
    return {
        names.clicks: {"retention.ms": str(7 * DAY_MS)},
        names.purchase_intent: answers,
        names.recommendations: answers,
        # The policies learn from these: they must outlive the events they explain.
        names.ad_decisions: {"retention.ms": str(28 * DAY_MS)},
        # The input's limit is 1 MiB by default: an event at the limit must fit here with its reason.
        names.dead_letters: {"retention.ms": str(28 * DAY_MS), "max.message.bytes": str(2 << 20)},
        # The last word on each visitor counts, for as long as one may act on it.
        names.lapsing_visitors: {"cleanup.policy": "compact,delete", "retention.ms": str(28 * DAY_MS)},
        # Whoever is asked for proof later must have it: a year.
        names.erasures: {"retention.ms": str(365 * DAY_MS)},
        # What a deleted key has sealed can be read until the topic is compacted.
        names.visitor_keys: {
            **_COMPACTED,
            "max.compaction.lag.ms": str(HOUR_MS),
            "delete.retention.ms": str(HOUR_MS),
        },
        # Workers read them at once; one that was away must find them.
        names.identities: {"retention.ms": str(7 * DAY_MS)},
        # Workers that were away for a week still find what was removed.
        names.profiles: {
            **_COMPACTED,
            "max.compaction.lag.ms": str(DAY_MS),
            "delete.retention.ms": str(7 * DAY_MS),
        },
        names.items: _COMPACTED,
        names.model_updates: _COMPACTED,
        names.model_reports: _COMPACTED,
        names.state_copies: _COMPACTED,
    }


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
        missing = [topic for topic in names.used(sealing) if topic not in found]
        for topic in missing:
            count = 1 if topic in names.broadcast else wanted
            options = {
                "num_partitions": count,
                "replication_factor": replication,
                "configs": configs(names)[topic],
            }
            _create(client, topic, options)
        check(counts(client, names), names)
    return missing


def _create(client: Any, topic: str, options: dict[str, Any]) -> None:
    with suppress(TopicAlreadyExistsError):  # somebody else was faster; the counts are checked afterwards
        client.create_topics({topic: options}, wait_for_metadata=True)


def counts(client: Any, names: TopicNames) -> dict[str, int]:
    """Partition counts of those of `names` that exist."""
    existing = set(client.list_topics())
    wanted = [topic for topic in names.used(sealing=True) if topic in existing]
    described = client.describe_topics(wanted) if wanted else []
    return {topic["name"]: len(topic["partitions"]) for topic in described}


def _common_count(found: Mapping[str, int], names: TopicNames) -> int | None:
    return next((found[topic] for topic in names.by_visitor if topic in found), None)
