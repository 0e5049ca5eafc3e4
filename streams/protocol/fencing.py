"""Fence transactional ids, and remember what became of the last transaction of each."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from kafka import errors

from streams.protocol.coordinators import PAUSE, TRANSACTION, Coordinators
from streams.protocol.inspection_requests import Described, OpenTransaction, describe_transaction
from streams.protocol.transaction_requests import Producer, init_producer

_COMMITTED = {"PrepareCommit", "CompleteCommit"}
_ABORTED = {"PrepareAbort", "CompleteAbort", "PrepareEpochFence"}
_UNDER_WAY = {"Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence"}


class Fenced(NamedTuple):
    """A transactional id that was fenced: its producer can do nothing at epochs below `below`.

    `last` is the coordinator's view just before, None where it had none.
    """

    producer_id: int
    below: int
    last: Described | None

    def covers(self, one: OpenTransaction) -> bool:
        """Whether a transaction belongs to the fenced producer."""
        return one.producer_id == self.producer_id and one.epoch < self.below

    def committed(self, one: OpenTransaction) -> bool | None:
        """How a forgotten transaction of this producer was decided, None where that is not known.

        A producer begins a transaction only after its last one was committed: any failure ends it. So what
        is open where an ongoing one does not write was committed before that.
        """
        if self.last is None or self.last.producer_id != one.producer_id:
            return None
        state, epoch = self.last.state, self.last.epoch
        if one.epoch == epoch:
            known = {**dict.fromkeys(_COMMITTED, True), **dict.fromkeys(_ABORTED, False)}
            return one.place not in self.last.places if state == "Ongoing" else known.get(state)
        # A coordinator that aborts by itself raises the epoch.
        return False if one.epoch == epoch - 1 and state in _ABORTED else None


async def fence(
    coordinators: Coordinators, transactional_id: str, timeout_ms: int
) -> tuple[Producer, Fenced]:
    """Fence all users of a transactional id; returns when what they left open has been decided everywhere."""
    last = await describe(coordinators, transactional_id)
    request = init_producer(transactional_id, timeout_ms)
    producer_id, epoch = await coordinators.ask(TRANSACTION, transactional_id, request)
    same = last is None or last.producer_id == producer_id
    fenced = Fenced(producer_id, epoch, last) if same or last is None else _fenced(last)
    return Producer(transactional_id, producer_id, epoch), fenced


async def fence_present(
    coordinators: Coordinators, transactional_id: str, timeout_ms: int, epochs: Iterable[int]
) -> Fenced:
    """Fence the user of a transactional id that left transactions open at these epochs, not a later one.

    A worker may have been started again since they were seen, which fences its predecessor as well.
    """
    last = await describe(coordinators, transactional_id)
    if last is None:
        return (await fence(coordinators, transactional_id, timeout_ms))[1]
    if last.state not in _UNDER_WAY and all(epoch < last.epoch for epoch in epochs):
        return Fenced(last.producer_id, last.epoch, last)
    request = init_producer(transactional_id, timeout_ms, (last.producer_id, last.epoch))
    # Refused: fenced by somebody else meanwhile.
    with suppress(errors.ProducerFencedError, errors.InvalidProducerEpochError):
        await coordinators.ask(TRANSACTION, transactional_id, request)
    return _fenced(last)


def _fenced(last: Described) -> Fenced:
    return Fenced(last.producer_id, last.epoch + 1, last)


async def last_of(coordinators: Coordinators, producer: Producer, wait: bool = False) -> Fenced | None:
    """What became of the last transaction of a producer that has none in flight.

    Brokers forget its transactions, too, while it lives. None where that is under way, or with `wait` only
    where the coordinator does not tell.
    """
    last = await describe(coordinators, producer.transactional_id)
    while wait and last is not None and last.state in _UNDER_WAY:
        await asyncio.sleep(PAUSE)
        last = await describe(coordinators, producer.transactional_id)
    known = last is not None and last.state not in _UNDER_WAY and last.epoch == producer.epoch
    return _fenced(last) if known and last is not None else None


async def describe(coordinators: Coordinators, transactional_id: str) -> Described | None:
    """The coordinator's view of a transactional id, None where it has none or does not tell."""
    request = describe_transaction(transactional_id)
    try:
        found: Described = await coordinators.ask(TRANSACTION, transactional_id, request)
    except (errors.TransactionalIdNotFoundError, errors.UnsupportedVersionError):
        return None
    return found
