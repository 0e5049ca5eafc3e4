"""End transactions that their coordinator decided, but of which it forgot a marker (hanging transactions).

Kafka's coordinator treats partitions whose leader it does not know as deleted, and completes a transaction
without them. This happens when a broker is killed during a commit and restarts, because the leader is missing
for a moment. The records of the transaction are then neither committed nor aborted, and the next transaction
of the same producer would end them with its own. The remedy is that of KIP-664: a marker for each such
partition, by the decision that the coordinator still knew when the producer was fenced.

Only transactions of fenced producers are ended. Any other may be that of a live successor, which a worker
would abort that was frozen before it looked.
"""

from collections.abc import Iterable, Sequence

import structlog
from aiokafka.client import AIOKafkaClient
from kafka import errors

from streams.errors import SetUpError
from streams.protocol.fencing import Fenced
from streams.protocol.inspection_requests import OpenTransaction, describe_producers, write_marker
from streams.protocol.leaders import ask_leaders, partitions

log = structlog.get_logger("pathcast.worker")

#: Kafka's topic of committed positions, to which guarded transactions write, too.
POSITIONS = "__consumer_offsets"
#: Topics that this user may not inspect: said once.
_unseen: set[str] = set()


async def open_transactions(client: AIOKafkaClient, topics: Iterable[str]) -> list[OpenTransaction]:
    """The open transactions in all partitions of these topics, none where the broker does not tell.

    Raises SetUpError where partitions have no leader.
    """
    found: list[OpenTransaction] = []
    for topic in topics:
        try:
            described = await ask_leaders(client, await partitions(client, [topic]), describe_producers)
        except (errors.TopicAuthorizationFailedError, errors.UnsupportedVersionError) as error:
            if topic not in _unseen:
                _unseen.add(topic)
                log.warning("cannot look for forgotten transactions", topic=topic, reason=repr(error))
            continue
        except Exception as error:
            raise SetUpError(
                f"cannot look for forgotten transactions in {topic}: {error!r}; check that Kafka runs, then "
                "restart"
            ) from error
        found += [one for transactions in described.values() for one in transactions]
    return found


async def end_forgotten(
    client: AIOKafkaClient, found: Sequence[OpenTransaction], fenced: Sequence[Fenced]
) -> list[OpenTransaction]:
    """End those transactions whose producer is fenced; returns those whose decision is not known.

    `found` is looked for after the fencing. Raises SetUpError where this user may not end them.
    """
    undecided = []
    for one in found:
        views = [each.committed(one) for each in fenced if each.covers(one)]
        known = next((view for view in views if view is not None), None)
        if known is not None:
            await _end(client, one, known)
        elif views:
            undecided.append(one)
    return undecided


async def abort_undecided(
    client: AIOKafkaClient, undecided: Sequence[OpenTransaction], changelog: str
) -> list[OpenTransaction]:
    """Abort transactions whose decision nobody knows any more, if their state is open; returns the others.

    Where the state has ended, it is unknown whether the answers count. The changelog goes last: another
    worker that looks meanwhile, or after this one has died, must not find it ended first.
    """
    stateful = {(one.producer_id, one.epoch) for one in undecided if one.place[0] == changelog}
    left = [one for one in undecided if (one.producer_id, one.epoch) not in stateful]
    aborted = [one for one in undecided if (one.producer_id, one.epoch) in stateful]
    for one in sorted(aborted, key=lambda one: one.place[0] == changelog):
        await _end(client, one, committed=False)
    return left


async def _end(client: AIOKafkaClient, one: OpenTransaction, committed: bool) -> None:
    try:
        await ask_leaders(client, [one.place], lambda _: write_marker(one, committed))
    except errors.ClusterAuthorizationFailedError as error:
        raise SetUpError(
            f"the broker has forgotten to {'commit' if committed else 'abort'} {one}, and this user may not; "
            "let an administrator do it (kafka-transactions.sh), then restart"
        ) from error
    log.warning(
        "ended a transaction that the broker had forgotten", transaction=str(one), committed=committed
    )
