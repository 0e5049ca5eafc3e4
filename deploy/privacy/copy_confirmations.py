"""Copies of the state as announced by workers, and the copies that have not confirmed an erasure."""

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from deploy.cluster.clients import consumer, drain, producer
from deploy.privacy.running_workers import running
from deploy.privacy.search_scope import SearchScope
from deploy.terminal.failures import telling
from models.errors import PathcastError
from models.privacy import erasure
from models.privacy.erasure import StateCopy
from streams.config.connection import Connection

#: Seconds between two checks.
EVERY = 0.5
#: Seconds in which a restarted worker becomes a member of its group again.
GRACE = 6.0


class UnknownWorker(PathcastError):
    """No copy of the state is announced by a worker of this name."""


class StillRuns(PathcastError):
    """A worker runs, so its datadir exists."""


class Confirmed(NamedTuple):
    """All copies of the partitions concerned, and those of them that may still hold the visitor.

    `members` are the names of running workers; None: unknown, since a worker does not send its name.
    """

    every: list[StateCopy]
    missing: list[StateCopy]
    members: frozenset[str] | None = None

    def runs(self, worker: str) -> bool:
        """Whether the worker runs; true where that is unknown."""
        return self.members is None or worker in self.members


class Unconfirmed(NamedTuple):
    """A datadir that may still hold the visitor: whose, where, which partitions; `strike` is the command that
    takes it off the list once the folder is deleted."""

    worker: str
    place: str
    partitions: list[int]
    running: bool
    strike: str


def unconfirmed(found: Confirmed) -> list[Unconfirmed]:
    """The copies that have not confirmed, by worker."""
    by_worker: dict[str, list[StateCopy]] = {}
    for copy in found.missing:
        by_worker.setdefault(copy.worker, []).append(copy)
    return [
        Unconfirmed(
            worker, of[0].place, [copy.partition for copy in of], found.runs(worker), strike_command(worker)
        )
        for worker, of in by_worker.items()
    ]


def strike_command(worker: str) -> str:
    """The command to run once the datadir of a worker is deleted."""
    return f"pathcast state strike {worker}"


def copies(to: Connection, topic: str) -> list[StateCopy]:
    """The last announcement of each copy, by place and partition. Raises KafkaUnreachable."""
    last: dict[bytes, StateCopy | None] = {}
    with consumer(to) as client:
        for record in drain(client, topic):
            last[record.key] = erasure.decode_copy(record.value) if record.value else None
    return sorted(filter(None, last.values()), key=lambda copy: (copy.place, copy.worker, copy.partition))


def confirmed(scope: SearchScope, since: Mapping[int, int], seconds: float) -> Confirmed:
    """Wait until no copy can contain the erased visitor, or until `seconds` are over.

    `since` are the offsets of the erasure's receipts by partition. A copy is clean when it is rewritten up to
    that receipt or a later one. Workers that do not run confirm nothing, so only those that run are waited
    for, after GRACE. Raises KafkaUnreachable.
    """
    to, names, began = scope.to, scope.names, time.monotonic()
    while True:
        every = [copy for copy in copies(to, names.state_copies) if copy.partition in since]
        at = dict(_later(to, names.erasures, since))
        missing = [copy for copy in every if copy.rewritten not in at[copy.partition]]
        members = running(to, scope.worker.application_id) if missing else None
        found, waited = Confirmed(every, missing, members), time.monotonic() - began
        awaited = any(found.runs(copy.worker) for copy in missing) or waited <= GRACE
        if not missing or waited > seconds or not awaited:
            return found
        time.sleep(EVERY)


def _later(to: Connection, topic: str, since: Mapping[int, int]) -> Iterator[tuple[int, set[int]]]:
    """By partition the `at` of all receipts from the given offset on."""
    with consumer(to) as client:
        for number, offset in since.items():
            found = drain(client, topic, number, offset)
            yield number, {erasure.decode(record.value).at for record in found}


def strike(to: Connection, topic: str, application_id: str, worker: str) -> list[StateCopy]:
    """Withdraw the announcements of a worker whose datadir is deleted, and return them.

    A datadir that still exists is announced again when a worker starts on it. Raises UnknownWorker, and
    StillRuns where the worker is a member of its group.
    """
    theirs = of_worker(to, topic, worker)
    if worker in (running(to, application_id) or ()):
        raise StillRuns(
            f"worker {worker} at {theirs[0].place} runs, or was killed just now: strike it off once it is "
            "stopped, its datadir is deleted, and its session is over (PATHCAST_SESSION_TIMEOUT_SECONDS)"
        )
    with telling(lambda: "Repeat the command: what is withdrawn already stays so"), producer(to) as client:
        for sent in [client.send(topic, None, copy.key.encode()) for copy in theirs]:
            sent.get(30)
    return theirs


def of_worker(to: Connection, topic: str, worker: str) -> list[StateCopy]:
    """The copies of one worker. Raises UnknownWorker where there is none."""
    theirs = [copy for copy in copies(to, topic) if copy.worker == worker]
    if not theirs:
        raise UnknownWorker(
            f"no files of the state are known of {worker!r}: `pathcast state copies` lists the workers"
        )
    return theirs
