"""Abort hanging transactions: decided by the broker, but without a marker in partitions that they wrote to.

Kafka's coordinator treats partitions whose leader it does not know as deleted, and completes a transaction
without them. This happens when a broker is killed during a commit and restarts, because the leader is missing
for a moment. The records of the transaction are then neither committed nor aborted, and the next transaction
of the same producer would commit them beside its own answers to the same clicks. The remedy is that of
KIP-664: an abort marker for each such partition. Then the clicks are answered as if for the first time.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import structlog
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import AbortTransactionSpec
from kafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnsupportedVersionError,
)

from streams.errors import SetUpError

log = structlog.get_logger("pathcast.worker")

#: Seconds until every partition must have a leader again, and seconds between two attempts.
PATIENCE, PAUSE = 30.0, 0.5

#: Input partition -> producer id of its fenced predecessor, which is also the successor's.
ProducerIds = Mapping[int, int]


class Open(NamedTuple):
    """A transaction that has begun in a partition and has no end marker there."""

    partition: TopicPartition
    producer: int
    epoch: int
    #: The marker must carry at least the coordinator epoch that the partition has seen.
    coordinator_epoch: int


#: Given the name of the changelog, aborts the open transactions of predecessors of assigned partitions.
Finish = Callable[[str, ProducerIds], list[Open]]


def finisher(connection: dict[str, Any], outputs: Sequence[str], routed: Sequence[str] = ()) -> Finish:
    """A function that aborts the open transactions of predecessors and returns them.

    Transactions of a partition write to that partition of `outputs`, and to any partition of `routed`.

    Call it when the successors have their producer ids, before anything is read: a transaction that is still
    open then stays open forever. Raises SetUpError where a transaction can be neither completed nor aborted.
    """

    def finish(changelog: str, producers: ProducerIds) -> list[Open]:
        found = _patiently(lambda: _abort(connection, changelog, outputs, routed, producers))
        for one in found:
            log.warning("aborted a transaction that the broker had forgotten", transaction=str(one))
        return found

    return finish


def _patiently(look: Callable[[], list[Open]]) -> list[Open]:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return look()
        except (TopicAuthorizationFailedError, UnsupportedVersionError) as error:
            log.warning("cannot look for forgotten transactions", reason=repr(error))
            return []
        except KafkaError as error:
            if time.monotonic() > until:
                raise SetUpError(
                    f"cannot look for hanging transactions: {error!r}; check that Kafka runs, then restart"
                ) from error
            time.sleep(PAUSE)


def _abort(
    connection: dict[str, Any],
    changelog: str,
    outputs: Sequence[str],
    routed: Sequence[str],
    producers: ProducerIds,
) -> list[Open]:
    admin, found = KafkaAdminClient(**connection), list[Open]()
    try:
        wanted = [TopicPartition(topic, number) for topic in (changelog, *outputs) for number in producers]
        wanted += _all_partitions(admin, routed)
        known = admin.describe_producers(wanted)
        everybodys = [one for partition, state in known.items() for one in _open(partition, state)]
        for number, producer in producers.items():
            found += _predecessors(everybodys, TopicPartition(changelog, number), producer, routed)
        for one in found:
            admin.abort_transaction(AbortTransactionSpec(*one))
    except ClusterAuthorizationFailedError as error:
        raise SetUpError(
            f"the broker has forgotten the transactions {found}, and this user may not abort them; let an "
            "administrator do it (kafka-transactions.sh abort), then restart"
        ) from error
    finally:
        admin.close()
    return found


def _all_partitions(admin: Any, topics: Sequence[str]) -> list[TopicPartition]:
    described = admin.describe_topics(list(topics)) if topics else []
    return [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in described
        for partition in topic["partitions"]
    ]


def _open(partition: TopicPartition, state: Any) -> Iterator[Open]:
    for producer in state.active_producers:
        if producer.current_transaction_start_offset >= 0:
            yield Open(partition, producer.producer_id, producer.producer_epoch, producer.coordinator_epoch)


def _predecessors(
    everybodys: Sequence[Open], changelog: TopicPartition, producer: int, routed: Sequence[str]
) -> list[Open]:
    """Open transactions of one input partition. Only its own producers write to its part of the changelog."""
    own = {producer, *(one.producer for one in everybodys if one.partition == changelog)}
    found = [
        one
        for one in everybodys
        if one.producer in own
        and (one.partition.partition == changelog.partition or one.partition.topic in routed)
    ]
    if found and all(one.partition != changelog for one in found):
        raise SetUpError(
            f"the broker has forgotten the transactions {found} but ended them in {changelog}: it is unknown "
            "whether their answers count; end them by hand (kafka-transactions.sh), then restart"
        )
    return found
