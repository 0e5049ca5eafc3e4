"""The protocol's guards, each of which can be taken away, and the bounds of a search."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tests.protocol.state import FENCE, IDLE, RUN, SNAPSHOT, STABLE, Budget, Group, State, Transaction, Worker


class Guards(NamedTuple):
    """What the protocol relies on; without one of them a search must find a counterexample."""

    #: The group coordinator refuses offset commits of another generation,
    generation: bool = True
    #: which is the one captured at the assignment, not the newest that the process knows.
    captured: bool = True
    #: A takeover waits until no offset commit of its partitions is pending,
    stable_offsets: bool = True
    #: only then takes the changelog's high watermark,
    snapshot_last: bool = True
    #: and recovers up to it, not to the last stable offset of the moment.
    high_watermark: bool = True
    #: EndTxn is sent when the offset commit is acknowledged, too.
    end_last: bool = True
    #: A live member finishes its transaction before it joins again.
    barrier: bool = True
    #: A transaction that failed ends the process.
    ends_on_failure: bool = True
    #: A takeover fences only workers that are no members,
    spares_members: bool = True
    #: checks its own generation just before,
    checks_generation: bool = True
    #: and names the epoch it has seen, so that a restarted worker is left alone.
    expects_epoch: bool = True
    #: Forgotten transactions are aborted only for fenced ids,
    only_fenced: bool = True
    #: at epochs below those they got.
    epochs: bool = True
    #: Own ones at the own epoch are aborted, too, when the coordinator has none open.
    own_epoch: bool = True
    #: Fencing and the look for forgotten transactions also serve pending offset commits.
    looks_at_offsets: bool = True
    #: A local database that has applied an aborted transaction is rebuilt.
    rebuilds: bool = True
    #: A forgotten transaction is ended as the coordinator says that it was decided.
    asks_decision: bool = True
    #: A worker that starts first ends what Kafka has forgotten of its own commits; later nobody knows.
    settles_own: bool = True
    #: A state behind the group's committed offsets is refused: a commit was lost.
    compares_offsets: bool = True
    #: A takeover waits for the answers' partitions as it does for the changelog's.
    waits_for_answers: bool = True
    #: Workers of the version before are not let into a group with new ones, and the other way round.
    separate_groups: bool = True
    #: A takeover fences workers of the version before,
    fences_old: bool = True
    #: and writes the new format through their id until it is readable, before anything else.
    marks_format: bool = True


class Bounds(NamedTuple):
    """Sizes: `inputs` clicks a partition; numbers of `old` workers are of the version before."""

    workers: int = 2
    partitions: int = 1
    inputs: int = 2
    answers: bool = False
    old: tuple = ()
    #: Workers of the version before are not frozen while they take over.
    old_awake: bool = False


DEFAULT_BOUNDS, NO_MISHAPS = Bounds(), Budget()


@dataclass(frozen=True)
class Model:
    """One search: bounds, mishaps and guards."""

    name: str
    bounds: Bounds = DEFAULT_BOUNDS
    budget: Budget = NO_MISHAPS
    guards: Guards = field(default=Guards())

    def without(self, *guards):
        """The same search with some guards taken away."""
        return replace(self, guards=self.guards._replace(**dict.fromkeys(guards, False)))

    @property
    def first_step(self):
        """What a takeover does after it has fenced old workers."""
        return STABLE if self.guards.snapshot_last else SNAPSHOT

    @property
    def logs(self):
        """Changelogs, then answers."""
        return self.bounds.partitions * (2 if self.bounds.answers else 1)

    def of(self, partition):
        """The logs that a transaction of a partition writes to."""
        return (partition, partition + self.bounds.partitions) if self.bounds.answers else (partition,)

    def old_id(self, partition):
        """The transactional id that workers of the version before use for a partition."""
        return self.bounds.workers + partition

    def start(self):
        """Worker 0 owns everything and has processed nothing; the others have just started."""
        bounds = self.bounds
        everything = tuple(range(bounds.partitions))
        disk = ((0, -1),) * bounds.partitions
        idle = Worker(IDLE, disk, epoch=1)
        owner = Worker(RUN, disk, 1, 1, everything, positions=(0,) * bounds.partitions)
        if bounds.old and 0 not in bounds.old:
            owner = owner._replace(at=FENCE, positions=())
        ids = bounds.workers + (bounds.partitions if bounds.old else 0)
        return State(
            transactions=(Transaction(epoch=1),) * ids,
            logs=((),) * self.logs,
            workers=(owner, *[idle] * (bounds.workers - 1)),
            group=Group(1, frozenset({0}), (0,) * bounds.partitions, (0,) * bounds.partitions),
            budget=self.budget,
            recovered=(1,) * bounds.partitions,
        )
