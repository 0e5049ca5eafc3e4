"""The allocator of budgets: how much each partition may spend, so that the sum never exceeds the budget.

Pure: grants and reports come in, grants come out. What a partition may ever spend is at most what was granted
to it less what it has *reported* as returned, because its state returns before it reports. The sum of these
over the partitions is kept at or below the budget, and below what pacing has released. The proof is in
`docs/policies/budgets.md`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from models.constraints.accounts import AccountPlan
from models.constraints.balances import past
from models.constraints.budget_records import Balance, BudgetGrant, BudgetSpend
from models.constraints.pacing import released
from models.durations import DAY_MS

#: Days before the present one whose accounts are still granted: for clicks that come late.
DAYS_BACK: Final = 1
#: Days after which a day's grants are deleted.
KEPT_DAYS: Final = 3
#: A partition gets this many times what it has spent since the step before.
AHEAD_STEPS: Final = 2


@dataclass(slots=True)
class Holding:
    """A partition's part of an account: as published, and as the partition last reported it."""

    partition: int
    granted: int = 0
    recalled: int = 0
    returned: int = 0
    spent: int = 0
    budget: int = 0
    short: bool = False
    #: Spent between two steps, lately; and as of the step before.
    pace: int = 0
    counted: int = 0

    @property
    def outstanding(self) -> int:
        """The most that the partition can ever spend, what it has spent included."""
        return self.granted - self.returned

    @property
    def headroom(self) -> int:
        """What it may still spend once it has returned all that is recalled.

        Below 0 where it had spent some of that before it saw the recall: further grants make up for it.
        """
        return self.granted - self.recalled - self.spent

    @property
    def pending(self) -> int:
        """Recalled and not yet reported as returned: at most this comes back."""
        return max(0, min(self.recalled, self.granted - self.spent) - self.returned)

    def needed(self, least: int) -> int:
        """The headroom that it should have: one use, and what it spends until the next steps."""
        return max(least, AHEAD_STEPS * self.pace)

    def follow(self, balance: Balance) -> None:
        """Take over what the partition reports; an older report changes nothing."""
        if balance.spent >= self.spent:
            self.short = balance.short
        self.granted = max(self.granted, balance.granted)
        self.returned = max(self.returned, balance.returned)
        self.recalled = max(self.recalled, self.returned)
        self.spent = max(self.spent, balance.spent)

    def count(self) -> None:
        """Note what was spent since the step before."""
        self.pace = max(self.spent - self.counted, self.pace // 2)
        self.counted = self.spent

    def message(self, account: str) -> BudgetGrant:
        """The grant to be published."""
        return BudgetGrant(
            account=account,
            partition=self.partition,
            granted=self.granted,
            recalled=self.recalled,
            returned=self.returned,
            spent=self.spent,
            budget=self.budget,
        )


class Allocator:
    """Holdings by account for a number of partitions; feed it with all grants and reports before a step."""

    def __init__(self, partitions: int) -> None:
        self._partitions, self._steps = partitions, 0
        self._accounts: dict[str, list[Holding]] = {}
        #: Event time that any partition has reached (epoch ms); 0 before the first report.
        self.now = 0

    def note_grant(self, grant: BudgetGrant) -> None:
        """A grant that this allocator or the one before it has published."""
        held = self._holding(grant.account, grant.partition)
        held.granted, held.recalled = max(held.granted, grant.granted), max(held.recalled, grant.recalled)
        held.returned, held.spent = max(held.returned, grant.returned), max(held.spent, grant.spent)
        held.budget = grant.budget

    def note_spend(self, report: BudgetSpend) -> None:
        """What a partition reports of its state."""
        self.now = max(self.now, report.at)
        for account, balance in report.balances.items():
            self._holding(account, report.partition).follow(balance)

    def _holding(self, account: str, partition: int) -> Holding:
        held = self.holdings(account)
        held.extend(Holding(number) for number in range(len(held), partition + 1))
        return held[partition]

    def holdings(self, account: str) -> list[Holding]:
        """The parts of an account, by partition."""
        return self._accounts.setdefault(account, [Holding(number) for number in range(self._partitions)])

    @property
    def accounts(self) -> Mapping[str, Sequence[Holding]]:
        """The holdings by account."""
        return self._accounts

    @property
    def days(self) -> range:
        """The UTC days whose accounts are granted now."""
        today = self.now // DAY_MS
        return range(today - DAYS_BACK, today + 1)

    def step(self, plans: Iterable[AccountPlan]) -> list[BudgetGrant]:
        """The grants to publish; they count as published from now on."""
        self._steps += 1
        if not self.now:
            return []
        return [grant for plan in plans for grant in self._step(plan)]

    def _step(self, plan: AccountPlan) -> list[BudgetGrant]:
        held = self.holdings(plan.name)
        before = [(one.granted, one.recalled, one.budget) for one in held]
        for one in held:
            one.count()
        outstanding = sum(one.outstanding for one in held)
        if outstanding > plan.budget:
            _recall_all(held)
        else:
            for one in held:
                one.budget = plan.budget
            open_now = released(plan.budget, plan.pacing, plan.start, plan.end, self.now)
            _distribute(self._in_turn(held), open_now - outstanding, plan.least)
            _recall(held, open_now, plan.least)
        return [
            one.message(plan.name)
            for one, was in zip(held, before, strict=True)
            if one.granted and (one.granted, one.recalled, one.budget) != was
        ]

    def _in_turn(self, held: Sequence[Holding]) -> list[Holding]:
        """Those that ran short first, those with the least next; equals take turns."""
        turn, count = self._steps, len(held)
        return sorted(held, key=lambda one: (not one.short, one.headroom, (one.partition + turn) % count))

    def outdated(self) -> list[tuple[str, int]]:
        """Accounts of days that are long over, with their partitions: forgotten here, to be deleted."""
        names = past(self._accounts, self.now // DAY_MS - KEPT_DAYS)
        return [(name, one.partition) for name in names for one in self._accounts.pop(name)]


def _distribute(held: Sequence[Holding], free: int, least: int) -> None:
    """Give what is free: first what one use costs, then what each will need. Too little for a use is kept."""
    free = _give([(one, least) for one in held], free, least)
    _give([(one, one.needed(least)) for one in held], free, least)


def _give(wanted: Sequence[tuple[Holding, int]], free: int, least: int) -> int:
    """Raise each to the headroom wanted, as far as it is free. Returns what is left."""
    for one, headroom in wanted:
        amount = min(headroom - one.headroom, free)
        if amount > 0 and (one.headroom < 0 or one.headroom + amount >= least):
            one.granted += amount
            free -= amount
    return free


def _recall(held: Sequence[Holding], open_now: int, least: int) -> None:
    """Where one ran short and nothing is free, ask those for their rest who do not need it."""
    poor = [one for one in held if one.short and one.headroom < least]
    unspent = open_now - sum(one.spent for one in held)
    if not poor or unspent < least:
        return
    chosen = max(poor, key=lambda one: (one.headroom, -one.partition))
    free = open_now - sum(one.outstanding for one in held)
    lacking = least - chosen.headroom - free - sum(one.pending for one in held)
    for one in sorted(held, key=lambda one: (one.short, -one.headroom)):
        if one is not chosen and lacking > 0:
            amount = max(0, min(one.headroom, lacking))
            one.recalled += amount
            lacking -= amount


def _recall_all(held: Sequence[Holding]) -> None:
    """The budget was lowered: everything unspent is to be returned before anything new is granted."""
    for one in held:
        one.recalled = max(one.recalled, one.granted - one.spent)
