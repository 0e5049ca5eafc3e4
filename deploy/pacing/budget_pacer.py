"""The process around the allocator of budgets: reads reports, publishes grants, one at a time.

Its producer is transactional, under one id for all of an installation: whoever starts later fences the one
before, and reads its grants only then. So no grant is published that the running one does not know.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import aiokafka
import msgspec
import structlog
from aiokafka.errors import KafkaError

from models.constraints import accounts
from models.constraints.allocator import Allocator
from models.constraints.budget_records import BudgetGrant, encode, grant_key, grant_of, spend_of
from models.decisions.actions import ActionSet
from models.errors import PathcastError
from streams.config.topics import TopicNames
from streams.transport.broadcast import Broadcast, Pairs

log = structlog.get_logger("pathcast.pacer")

#: Transactional id of the pacer, after the installation's name.
PACER_ID: Final = "pacer"
#: Returns the actions in use; asked before each step.
Actions = Callable[[], Sequence[ActionSet]]


class PacerError(PathcastError):
    """The pacer cannot go on; what it has granted stays valid."""


class PacerReplacedError(PacerError):
    """Another pacer has taken over."""


class Pacer:
    """Runs one allocator until it is told to stop; `every` seconds between two steps."""

    def __init__(
        self,
        connection: dict[str, Any],
        names: TopicNames,
        application_id: str,
        partitions: int,
        actions: Actions,
        every: float,
        told: Callable[[Allocator], None] | None = None,
    ) -> None:
        self.allocator = Allocator(partitions)
        self._connection, self._names, self._actions, self._every = connection, names, actions, every
        self._id, self._told = f"{application_id}-{PACER_ID}", told
        self._reading = (
            Broadcast(names.budget_grants, connection, self._granted),
            Broadcast(names.budget_spend, connection, self._spent),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Allocate until `stop` is set. Raises PacerReplacedError where another pacer has taken over."""
        producer = aiokafka.AIOKafkaProducer(**self._connection, acks="all", transactional_id=self._id)
        await producer.start()
        reading = [asyncio.create_task(one.run()) for one in self._reading]
        try:
            caught_up = [asyncio.create_task(one.caught_up.wait()) for one in self._reading]
            await _first_failure(reading, asyncio.gather(*caught_up))
            log.info("budgets are paced", known=len(self.allocator.accounts))
            await _first_failure(reading, self._allocate(producer, stop))
        except aiokafka.errors.ProducerFenced as error:
            raise PacerReplacedError(
                f"another pacer of {self._id!r} has started and has taken over; expected one; stop either"
            ) from error
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)
            with suppress(KafkaError):
                await producer.stop()

    async def _allocate(self, producer: Any, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._publish(producer, *self.step())
            if self._told is not None:
                self._told(self.allocator)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._every)

    def step(self) -> tuple[list[BudgetGrant], list[tuple[str, int]]]:
        """Grants to publish, and accounts and partitions whose grants are to be deleted."""
        sets = self._actions()
        flights = {flight.name: flight for actions in sets for flight in actions.flights}
        every = [action for actions in sets for action in actions.actions]
        plans = accounts.plans(list(flights.values()), every, self.allocator.days)
        return self.allocator.step(plans), self.allocator.outdated()

    async def _publish(
        self, producer: Any, grants: Sequence[BudgetGrant], outdated: Sequence[tuple[str, int]]
    ) -> None:
        if not grants and not outdated:
            return
        topic = self._names.budget_grants
        async with producer.transaction():
            for grant in grants:
                await producer.send(topic, encode(grant), grant_key(grant.account, grant.partition))
            for account, partition in outdated:
                await producer.send(topic, None, grant_key(account, partition))

    def _granted(self, pairs: Pairs) -> None:
        for _, value in pairs:
            if value is not None and (grant := _read(grant_of, value)) is not None:
                self.allocator.note_grant(grant)

    def _spent(self, pairs: Pairs) -> None:
        for _, value in pairs:
            if value is not None and (report := _read(spend_of, value)) is not None:
                self.allocator.note_spend(report)


def _read(decode: Callable[[bytes], Any], value: bytes) -> Any:
    try:
        return decode(value)
    except msgspec.DecodeError as error:
        raise PacerError(
            f"a record of budgets cannot be read: {error}; expected what this version writes; "
            "run the version that wrote it, or delete the record by its key while no pacer and no worker runs"
        ) from error


async def _first_failure(reading: Sequence[asyncio.Task[None]], work: Any) -> None:
    """Wait for `work`, or raise what a reader failed with before that."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait([task, *reading], return_when=asyncio.FIRST_COMPLETED)
    if task not in done:
        task.cancel()
    for one in done:
        await one
