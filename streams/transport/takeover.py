"""Take over partitions: fence their predecessors and wait until nothing of them is undecided.

A transaction of a predecessor may still be under way when its partitions are assigned anew. Its positions
are pending in the group until it is decided, and its records stay unreadable until its marks have landed,
each by itself. Only then may the changelog be read: up to its end, not up to what is readable by chance.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import structlog
from aiokafka.errors import KafkaError
from kafka import errors

from streams.errors import SetUpError, TransactionError
from streams.protocol.coordinators import GROUP, UNREACHABLE, settled
from streams.protocol.fencing import Fenced, fence, fence_present, last_of
from streams.protocol.group_requests import Membership, describe_group, heartbeat, stable_positions
from streams.protocol.inspection_requests import OpenTransaction, end_offsets, list_transactions
from streams.protocol.leaders import ask_leaders
from streams.protocol.wire_format import Place
from streams.storage.datadir_identity import CLIENT
from streams.transport.forgotten_transactions import (
    POSITIONS,
    abort_undecided,
    end_forgotten,
    open_transactions,
)
from streams.transport.worker_producer import WorkerProducer

T = TypeVar("T")

log = structlog.get_logger("pathcast.worker")

#: Seconds that live predecessors have for their marks, and seconds between two looks at those that are late.
GRACE, INTERVAL = 1.0, 1.0
#: Seconds beside its timeout after which a transaction does not end by itself.
SPARE = 15.0
#: Seconds between two questions whether all is decided: first, and at most.
SHORT_PAUSE, PAUSE = 0.002, 0.1
_IDENTITY = re.compile("[0-9a-f]{16}")


class Places(NamedTuple):
    """The topics that transactions of an application touch; its group has its name.

    For partition p of `clicks`, of which they commit the position, they write to partition p of `changelog`
    and of `outputs`, and to any partition of `routed`.
    """

    application_id: str
    clicks: str
    changelog: str
    outputs: Sequence[str]
    routed: Sequence[str]


async def take_over(
    producer: WorkerProducer, membership: Membership | None, partitions: Iterable[int], places: Places
) -> dict[int, int]:
    """Return when the state of newly assigned `partitions` of clicks can be read and continued.

    Call it in the assignment, with its membership (None where the group has no members), before anything of
    the changelog is read. It keeps the membership alive, which aiokafka does not do meanwhile; the producer
    must have no transaction in flight. Raises SetUpError where an undecided transaction does not end, and
    TransactionError where the group has excluded this worker.

    Returns the group's positions, -1 where there is none. State that is recovered to less has lost a commit.
    """
    try:
        return await _Takeover(producer, membership, sorted(partitions), places).run()
    except (errors.KafkaError, KafkaError) as error:
        raise SetUpError(
            f"cannot take over partitions: {error!r}; check that Kafka runs, then restart"
        ) from error


class _Takeover:
    def __init__(
        self, producer: WorkerProducer, membership: Membership | None, partitions: list[int], places: Places
    ) -> None:
        self._producer, self._membership = producer, membership
        self._partitions, self._places = partitions, places
        topics = [places.changelog, *places.outputs]
        self._written = [(topic, partition) for topic in topics for partition in partitions]
        self._fenced: list[Fenced] = [producer.fenced]
        self._undecided: list[OpenTransaction] = []
        self._first: set[OpenTransaction] | None = None

    async def run(self) -> dict[int, int]:
        producer = self._producer
        # A broker creates its topic of positions when it is asked about a group for the first time.
        await self._members()
        # Workers of the version before had a producer for each partition, and no guard.
        old = [f"{self._places.application_id}-{partition}" for partition in self._partitions]
        fenced = await settled(*(fence(producer.coordinators, name, producer.timeout_ms) for name in old))
        self._fenced += [found for _, found in fenced]
        await self._end_forgotten()
        if not self._partitions:
            return {}
        positions: dict[int, int] = await self._until(self._stable_positions)
        ends = await self._ends(committed=False)

        async def readable() -> bool | None:
            found = await self._ends(committed=True)
            return (not self._undecided and all(found[place] >= end for place, end in ends.items())) or None

        await self._until(readable)
        return positions

    async def _stable_positions(self) -> dict[int, int] | None:
        group_id = self._places.application_id
        request = stable_positions(group_id, self._places.clicks, self._partitions)
        try:
            found: dict[int, int] = await self._producer.coordinators.ask(GROUP, group_id, request)
        except errors.UnstableOffsetCommitError:
            return None
        return found

    async def _ends(self, committed: bool) -> dict[Place, int]:
        return await ask_leaders(
            self._producer.client, self._written, lambda places: end_offsets(places, committed)
        )

    async def _until(self, decided: Callable[[], Awaitable[T | None]]) -> T:
        """Wait until all is decided: for live predecessors a while, for those that are gone not at all."""
        clock = asyncio.get_running_loop().time
        start, pause = clock(), SHORT_PAUSE
        patience = self._producer.timeout_ms / 1000 + SPARE
        looked = start + GRACE - INTERVAL
        while (found := await decided()) is None:
            if clock() > start + 2 * patience:
                raise SetUpError(
                    f"transactions do not end: {await self._in_the_way()}; end them by hand "
                    "(kafka-transactions.sh), each as its other partitions were ended, then restart"
                )
            if clock() > looked + INTERVAL:
                await self._fence_late(patient=clock() < start + patience)
                looked = clock()
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, PAUSE)
        return found

    async def _fence_late(self, patient: bool) -> None:
        """Fence producers of undecided transactions: those of workers that are gone, all without patience."""
        await self._stay()
        stuck = await self._stuck()
        names = stuck.keys() | await self._list(["Ongoing"], [])
        # Asked last: whoever began a transaction after that is not in `names`.
        members, producer = await self._members(), self._producer
        for name in sorted(names - {producer.transactional_id}):
            worker = name.removeprefix(f"{self._places.application_id}-")
            gone = _IDENTITY.fullmatch(worker) is not None and CLIENT + worker not in members
            if gone or (name in stuck and not patient):
                # Whoever has lost its membership must not fence its successor.
                await self._stay()
                epochs = stuck.get(name, ())
                self._fenced.append(
                    await fence_present(producer.coordinators, name, producer.timeout_ms, epochs)
                )
        await self._end_forgotten()
        if not patient:
            changelog = self._places.changelog
            self._undecided = await abort_undecided(producer.client, self._undecided, changelog)

    async def _members(self) -> set[str]:
        """Client ids of the group's members."""
        group_id = self._places.application_id
        found: set[str] = await self._producer.coordinators.ask(GROUP, group_id, describe_group(group_id))
        return found

    async def _stuck(self) -> dict[str, list[int]]:
        """Transactional ids with transactions in the way since the first look, and the epochs of these."""
        found = set(await self._in_the_way())
        if self._first is None:
            self._first = found
        stuck: dict[str, list[int]] = defaultdict(list)
        for one in found & self._first:
            for name in await self._list([], [one.producer_id]):
                stuck[name].append(one.epoch)
        return stuck

    async def _list(self, states: Iterable[str], producer_ids: Iterable[int]) -> set[str]:
        """Transactional ids of this application, by state and producer."""
        client, request = self._producer.client, list_transactions(states, producer_ids)
        try:
            answers = [await client.send(broker.nodeId, request) for broker in client.cluster.brokers()]
        except (*UNREACHABLE, errors.UnsupportedVersionError) as error:
            log.warning("cannot look for transactions of workers that are gone", reason=repr(error))
            return set()
        names = {name for answer in answers for name in answer.value}
        return {name for name in names if name.startswith(f"{self._places.application_id}-")}

    async def _in_the_way(self) -> list[OpenTransaction]:
        """Open transactions in what belongs to the partitions, and in the positions of any group."""
        client, places = self._producer.client, self._places
        found = await open_transactions(client, [places.changelog, *places.outputs])
        ours = [one for one in found if one.place[1] in self._partitions]
        return [*ours, *await open_transactions(client, [POSITIONS])]

    async def _stay(self) -> None:
        """Stay a member. Raises TransactionError where the membership has ended."""
        if self._membership is None:
            return
        request = heartbeat(self._membership)
        try:
            await self._producer.coordinators.ask(GROUP, self._membership.group_id, request)
        except errors.RebalanceInProgressError:
            pass  # the membership is current until the next assignment
        except errors.BrokerResponseError as error:
            raise TransactionError(
                f"the group excluded this worker while it took over {self._partitions}: {error!r}; restart it"
            ) from error

    async def _end_forgotten(self) -> None:
        producer, places = self._producer, self._places
        own = await last_of(producer.coordinators, producer.producer)
        topics = (places.changelog, *places.outputs, *places.routed, POSITIONS)
        found = await open_transactions(producer.client, topics)
        views = self._fenced if own is None else [*self._fenced, own]
        self._undecided = await end_forgotten(producer.client, found, views)
