"""The allocator: the sum of what partitions can spend stays within the budget, and follows its pacing."""

import random
from collections.abc import Sequence

import pytest

from models.constraints.accounts import AccountPlan, day_account
from models.constraints.allocator import Allocator
from models.constraints.balances import NOTHING, left, merged
from models.constraints.budget_records import Balance, BudgetGrant, BudgetSpend
from models.constraints.fields import Pacing
from models.constraints.pacing import released
from models.durations import DAY_MS

MIDNIGHT = 20_000 * DAY_MS
NOON = MIDNIGHT + DAY_MS // 2


def plan(budget: int, pacing: Pacing = "asap", least: int = 1, name: str = "f") -> AccountPlan:
    return AccountPlan(name, budget, pacing, MIDNIGHT, MIDNIGHT + DAY_MS, least)


class Partitions:
    """Partitions that spend what they can, of as many wishes as they are told."""

    def __init__(self, count: int, allocator: Allocator) -> None:
        self.balances, self.allocator = [NOTHING] * count, allocator

    def see(self, grants: Sequence[BudgetGrant]) -> None:
        for grant in grants:
            self.balances[grant.partition] = merged(self.balances[grant.partition], grant)

    def spend(self, partition: int, wishes: int, cost: int) -> None:
        one, short = self.balances[partition], False
        for _ in range(wishes):
            if left(one) < cost:
                short = True
                break
            one = Balance(one.granted, one.returned, one.spent + cost)
        self.balances[partition] = Balance(one.granted, one.returned, one.spent, short)

    def report(self, at: int) -> None:
        for partition, balance in enumerate(self.balances):
            self.allocator.note_spend(BudgetSpend(partition=partition, at=at, balances={"f": balance}))

    @property
    def spent(self) -> int:
        return sum(one.spent for one in self.balances)


@pytest.mark.parametrize("pacing", ["even", "ahead", "asap"])
@pytest.mark.parametrize("skew", [(4, 4, 4, 4), (8, 4, 2, 1), (9, 0, 0, 1)])
def test_spend_follows_the_curve_where_there_is_demand(pacing: Pacing, skew: tuple[int, ...]) -> None:
    steps, asked, wishes = 1440, plan(1_000_000, pacing, least=1000), random.Random(1)
    allocator = Allocator(len(skew))
    partitions, worst = Partitions(len(skew), allocator), 0.0
    for step in range(1, steps + 1):
        now = MIDNIGHT + step * DAY_MS // steps
        for partition, most in enumerate(skew):
            partitions.spend(partition, wishes.randint(0, most), 1000)
        partitions.report(now)
        partitions.see(allocator.step([asked]))
        ideal = released(asked.budget, pacing, asked.start, asked.end, now)
        worst = max(worst, (ideal - partitions.spent) / asked.budget)
        assert partitions.spent <= ideal
    assert pacing == "asap" or worst < 0.02
    assert partitions.spent >= 0.999 * asked.budget - 1000


def test_the_last_of_a_small_budget_reaches_the_partition_with_demand() -> None:
    allocator = Allocator(4)
    partitions = Partitions(4, allocator)
    for _ in range(60):
        partitions.report(NOON)
        partitions.see(allocator.step([plan(20_000, least=5_000)]))
        partitions.spend(3, 1, 5_000)
    assert [one.spent for one in partitions.balances] == [0, 0, 0, 20_000]


def test_nothing_is_granted_before_event_time_is_known_or_the_flight_begins() -> None:
    allocator = Allocator(2)
    assert allocator.step([plan(10)]) == []
    allocator.note_spend(BudgetSpend(partition=0, at=MIDNIGHT - 1, balances={}))
    assert allocator.step([plan(10)]) == []


def test_a_budget_lowered_below_what_is_spent_grants_nothing_and_takes_the_rest_back() -> None:
    allocator = Allocator(2)
    partitions = Partitions(2, allocator)
    for _ in range(5):
        partitions.report(NOON)
        partitions.see(allocator.step([plan(100, least=1)]))
        partitions.spend(0, 30, 1)
        partitions.spend(1, 5, 1)
    before = partitions.spent
    partitions.report(NOON)
    grants = allocator.step([plan(10)])
    assert {grant.budget for grant in grants} == {100}, "the former budget until everything is returned"
    partitions.see(grants)
    assert [left(one) for one in partitions.balances] == [0, 0]
    for _ in range(3):
        partitions.report(NOON)
        partitions.see(allocator.step([plan(10)]))
        partitions.spend(0, 5, 1)
    assert partitions.spent == before > 10


def test_a_raised_budget_is_granted_again() -> None:
    allocator = Allocator(1)
    partitions = Partitions(1, allocator)
    for budget in (5, 3, 9):
        for _ in range(4):
            partitions.report(NOON)
            partitions.see(allocator.step([plan(budget)]))
            partitions.spend(0, 20, 1)
    assert partitions.spent == 9


def test_a_restarted_allocator_goes_on_from_the_topics() -> None:
    first = Allocator(2)
    partitions = Partitions(2, first)
    published: dict[int, BudgetGrant] = {}
    for _ in range(3):
        partitions.report(NOON)
        grants = first.step([plan(10)])
        published |= {grant.partition: grant for grant in grants}
    second = Allocator(2)
    for grant in published.values():
        second.note_grant(grant)
    partitions.allocator = second
    partitions.report(NOON)
    second.step([plan(10)])
    assert sum(one.outstanding for one in second.holdings("f")) <= 10


def test_accounts_of_days_long_over_are_forgotten_and_deleted() -> None:
    allocator = Allocator(1)
    allocator.note_spend(BudgetSpend(partition=0, at=NOON, balances={}))
    old, today = day_account("f", 19_990), day_account("f", 20_000)
    for name in (old, today):
        allocator.note_grant(
            BudgetGrant(account=name, partition=0, granted=5, recalled=0, returned=0, spent=0, budget=5)
        )
    assert allocator.outdated() == [(old, 0)]
    assert set(allocator.accounts) == {today}
