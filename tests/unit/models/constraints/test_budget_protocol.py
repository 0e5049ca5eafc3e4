"""The protocol of grants under every interleaving of a small world, and under long random ones.

The world: published grants and reports reach their readers in any order, again, late or never; allocators
start anew with whatever reports they have read; workers start anew; partitions take over the lowered budget
at any time. The code under test is the real one.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models.constraints.accounts import AccountPlan
from models.constraints.allocator import Allocator
from models.constraints.balances import NOTHING, left, merged
from models.constraints.budget_records import Balance, BudgetGrant, BudgetSpend
from models.constraints.spending import Spending
from models.durations import DAY_MS

NOON = 20_000 * DAY_MS + DAY_MS // 2
PARTITIONS = 2


@dataclass
class Partition:
    """A partition's committed state, and the file and the latest grant that its worker knows."""

    number: int
    budget: int
    balance: Balance = NOTHING
    seen: dict[str, BudgetGrant] = field(default_factory=dict)

    def spending(self) -> Spending:
        return Spending({"f": self.balance}, self.seen, NOON)

    def can_spend(self, cost: int) -> bool:
        return self.spending().affords("f", cost, self.budget)


@dataclass
class World:
    """Everything that is durable, and what each process knows."""

    cost: int
    budgets: tuple[int, ...]
    partitions: list[Partition] = field(default_factory=list)
    grants: list[BudgetGrant] = field(default_factory=list)
    reports: list[BudgetSpend] = field(default_factory=list)
    allocator: Allocator = field(default_factory=lambda: Allocator(PARTITIONS))
    planned: int = 0
    #: What was spent when the last partition took over the budget of now.
    overrun: int = 0

    def __post_init__(self) -> None:
        self.planned = self.budgets[0]
        self.partitions = [Partition(number, self.planned) for number in range(PARTITIONS)]
        self.allocator.now = NOON

    def deliver(self, number: int, grant: BudgetGrant) -> None:
        one = self.partitions[number]
        one.balance = merged(one.balance, grant)
        before = one.seen.get("f")
        # A consumer follows the topic in order: what it has seen is never older than before.
        if before is None or self.grants.index(grant) >= self.grants.index(before):
            one.seen = {"f": grant}

    def spend(self, number: int) -> None:
        one = self.partitions[number]
        was = one.spending().balances["f"]
        one.balance = Balance(was.granted, was.returned, was.spent + self.cost)
        assert left(one.balance) >= 0

    def report(self, number: int) -> None:
        one = self.partitions[number]
        short = left(one.balance) < self.cost
        said = Balance(one.balance.granted, one.balance.returned, one.balance.spent, short)
        message = BudgetSpend(partition=number, at=NOON, balances={"f": said})
        if message not in self.reports:
            self.reports.append(message)

    def step(self) -> None:
        plan = AccountPlan("f", self.planned, "asap", None, None, self.cost)
        self.grants += self.allocator.step([plan])

    def restart_allocator(self, read: int) -> None:
        """All of its grants, since the former one is fenced; of the reports those up to some point."""
        self.allocator = Allocator(PARTITIONS)
        self.allocator.now = NOON
        for grant in self.grants:
            self.allocator.note_grant(grant)
        for report in self.reports[:read]:
            self.allocator.note_spend(report)

    def take_over(self, number: int) -> None:
        """The partition's worker reads the actions file of now, or starts with it."""
        self.partitions[number].budget = self.planned
        own = [grant for grant in self.grants if grant.partition == number]
        if own:
            self.deliver(number, own[-1])
        self.overrun = self.spent

    @property
    def spent(self) -> int:
        return sum(one.balance.spent for one in self.partitions)

    def check(self) -> None:
        assert self.spent <= max(self.budgets), "more was spent than was ever allowed"
        known = [one.budget for one in self.partitions]
        if len(set(known)) == 1 and known[0] == self.planned:
            assert self.spent <= max(self.planned, self.overrun), "spent beyond the lowered budget"
        for one in self.partitions:
            assert one.balance.spent + one.balance.returned <= one.balance.granted


def successors(world: World) -> Iterator[World]:
    """Every world that one event leads to."""
    for number in range(PARTITIONS):
        for grant in {grant for grant in world.grants if grant.partition == number}:
            after = deepcopy(world)
            after.deliver(number, grant)
            yield after
        if world.partitions[number].can_spend(world.cost):
            after = deepcopy(world)
            after.spend(number)
            yield after
        after = deepcopy(world)
        after.report(number)
        yield after
        if world.partitions[number].budget != world.planned:
            after = deepcopy(world)
            after.take_over(number)
            yield after
    for report in world.reports:
        after = deepcopy(world)
        after.allocator.note_spend(report)
        yield after
    for read in (0, len(world.reports)):
        after = deepcopy(world)
        after.restart_allocator(read)
        yield after
    after = deepcopy(world)
    after.step()
    yield after
    if world.planned == world.budgets[0] and world.grants:
        after = deepcopy(world)
        after.planned = world.budgets[1]
        yield after


def identity(world: World) -> tuple[object, ...]:
    """What distinguishes worlds; grants and reports in any order are alike."""
    held = world.allocator.holdings("f")
    known = tuple((h.granted, h.recalled, h.returned, h.spent, h.budget, h.short, h.pace) for h in held)
    partitions = tuple((p.budget, tuple(p.seen.values()), _row(p.balance)) for p in world.partitions)
    reports = frozenset((r.partition, _row(r.balances["f"])) for r in world.reports)
    return known, partitions, frozenset(world.grants), reports, world.planned, world.overrun


def _row(balance: Balance) -> tuple[int, int, int, bool]:
    return balance.granted, balance.returned, balance.spent, balance.short


def explored(world: World, most: int) -> int:
    """Check worlds breadth first, at most this many. Returns how many there were."""
    seen, layer = {identity(world)}, [world]
    while layer and len(seen) < most:
        following = []
        for one in layer:
            for after in successors(one):
                key = identity(after)
                if key not in seen:
                    seen.add(key)
                    after.check()
                    following.append(after)
        layer = following
    return len(seen)


def test_no_interleaving_of_a_small_world_overspends() -> None:
    assert explored(World(cost=1, budgets=(2, 1)), most=2_500) >= 2_500


class Protocol(RuleBasedStateMachine):
    """Long random walks with larger budgets and costs that do not divide them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(cost=3, budgets=(20, 7))

    @rule(number=st.integers(0, PARTITIONS - 1), back=st.integers(0, 4))
    def deliver(self, number: int, back: int) -> None:
        own = [grant for grant in self.world.grants if grant.partition == number]
        if own:
            self.world.deliver(number, own[max(0, len(own) - 1 - back)])

    @rule(number=st.integers(0, PARTITIONS - 1), times=st.integers(1, 3))
    def spend(self, number: int, times: int) -> None:
        for _ in range(times):
            if self.world.partitions[number].can_spend(self.world.cost):
                self.world.spend(number)

    @rule(number=st.integers(0, PARTITIONS - 1))
    def report(self, number: int) -> None:
        self.world.report(number)

    @rule(back=st.integers(0, 4))
    def hear(self, back: int) -> None:
        if self.world.reports:
            self.world.allocator.note_spend(self.world.reports[max(0, len(self.world.reports) - 1 - back)])

    @rule()
    def step(self) -> None:
        self.world.step()

    @rule(share=st.sampled_from([0.0, 0.5, 1.0]))
    def restart(self, share: float) -> None:
        self.world.restart_allocator(int(share * len(self.world.reports)))

    @precondition(lambda self: self.world.grants)
    @rule()
    def lower(self) -> None:
        self.world.planned = self.world.budgets[1]

    @rule(number=st.integers(0, PARTITIONS - 1))
    def take_over(self, number: int) -> None:
        self.world.take_over(number)

    @invariant()
    def holds(self) -> None:
        self.world.check()


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(
    max_examples=60, stateful_step_count=80, deadline=None, suppress_health_check=list(HealthCheck)
)
