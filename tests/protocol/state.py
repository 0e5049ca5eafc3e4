"""What the model of the protocol remembers: a broker with its two coordinators, logs, and worker processes.

Everything is a tuple, so that a state can be kept in a set. Clicks are numbered: applying click `k` of a
partition is an entry with `k` in its changelog. So exactly once means 0, 1, 2, ... among the committed.
"""

from typing import NamedTuple

#: A participant of a transaction beside log indices: the pending offset commits of the group.
OFFSETS = -1

#: Where a worker is. DOWN: no process. IDLE: a process with its producer id, without an assignment.
#: FENCE to WAIT: the steps of a takeover. RUN: processing.
DOWN, IDLE, FENCE, STABLE, SNAPSHOT, WAIT, UPGRADE, RUN, REFUSED = range(9)

#: Of a log's entry; of a transaction at its coordinator (decided ones are not marked everywhere yet).
OPEN, COMMITTED, ABORTED, EMPTY = "open", "committed", "aborted", "empty"


class Entry(NamedTuple):
    """What one transaction wrote to one log. `click` -1: only the new format's mark."""

    id: int
    epoch: int
    status: str
    click: int


class Transaction(NamedTuple):
    """A transactional id at its coordinator; `last` is the last complete decision at this epoch."""

    epoch: int = 0
    status: str = EMPTY
    parts: tuple = ()
    last: str = ""


class Cycle(NamedTuple):
    """A transaction as its worker sees it: clicks by partition, and what is not acknowledged yet."""

    clicks: tuple
    unacknowledged: frozenset
    #: Of the assignment in which it began.
    generation: int = -1


class Worker(NamedTuple):
    """A worker process and its datadir. `disk` is by partition: position, last applied changelog index."""

    at: int
    disk: tuple
    epoch: int = -1
    generation: int = -1
    parts: tuple = ()
    #: Offsets that the group had, and ends of the logs, when it began to take over.
    offsets: tuple = ()
    ends: tuple = ()
    positions: tuple = ()
    cycle: Cycle | None = None
    unwritten: tuple = ()
    #: Producers whose epochs are over, as the worker has seen itself: (id, their next epoch, last decision).
    fenced: tuple = ()
    #: Whom it fences next: (id, epoch, whether Kafka had forgotten its transaction).
    target: tuple | None = None

    @property
    def taking_over(self):
        """Whether it has an assignment that it does not process yet."""
        return FENCE <= self.at <= UPGRADE


class Group(NamedTuple):
    """The group coordinator. `pending` has (partition, transactional id, its epoch, position)."""

    generation: int
    members: frozenset
    owners: tuple
    committed: tuple
    pending: frozenset = frozenset()


class Budget(NamedTuple):
    """How often something may still go wrong."""

    kills: int = 0
    evictions: int = 0
    rebalances: int = 0
    timeouts: int = 0
    forgotten: int = 0
    refusals: int = 0


class State(NamedTuple):
    """The world. Logs: a changelog for each partition, then (if modelled) its answers.

    `recovered` is for the checks alone: by partition the last generation whose owner has recovered.
    """

    transactions: tuple
    logs: tuple
    workers: tuple
    group: Group
    budget: Budget
    recovered: tuple


class Violation(Exception):
    """A step that must not happen, in words."""


def put(items, index, item):
    """The tuple with one item replaced."""
    return (*items[:index], item, *items[index + 1 :])


def with_worker(state, number, worker):
    """The state with one worker replaced."""
    return state._replace(workers=put(state.workers, number, worker))


def spent(state, name):
    """The state with one mishap less to come."""
    return state._replace(budget=state.budget._replace(**{name: getattr(state.budget, name) - 1}))


def stable(log):
    """The last stable offset: the index of the first open entry."""
    return next((index for index, entry in enumerate(log) if entry.status == OPEN), len(log))


def is_current(state, number):
    """Whether a worker's assignment is the group's present one."""
    worker = state.workers[number]
    return (
        number in state.group.members
        and worker.generation == state.group.generation
        and IDLE < worker.at < REFUSED
    )
