"""The working copy of a partition's balances while a chunk is decided, and what it leaves unaffordable."""

from collections.abc import Mapping
from typing import Final

from models.constraints.accounts import day_of, kind_of
from models.constraints.action_limits import ActionLimits, Charge
from models.constraints.balances import NOTHING, left, merged, without_past
from models.constraints.budget_records import Balance, BudgetGrant
from models.durations import DAY_MS

#: Days before the partition's own whose accounts are open, for clicks that come late.
DAYS_OPEN: Final = 1


class Spending:
    """Balances of one partition as of the chunk before, and as this chunk changes them.

    `grants` are the latest by account; `watermark` is the event time (ms) that the partition had reached:
    accounts of days before its previous one are closed for good, and leave the state.
    """

    def __init__(
        self, balances: Mapping[str, Balance], grants: Mapping[str, BudgetGrant], watermark: int
    ) -> None:
        self.first_day = watermark // DAY_MS - DAYS_OPEN
        self._before, self._grants = balances, grants
        self.balances = without_past(balances, self.first_day)
        for account, grant in grants.items():
            day = day_of(account)
            if day is None or day >= self.first_day:
                self.balances[account] = merged(self.balances.get(account, NOTHING), grant)
        #: Changes whenever an action may have become unaffordable.
        self.turn = 0
        self.short: set[str] = set()

    @property
    def changed(self) -> bool:
        """Whether the balances differ from those of the chunk before."""
        return self.balances != self._before

    @property
    def spent(self) -> dict[str, int]:
        """By account what this chunk spends, in thousandths, where it spends anything."""
        more = {
            name: one.spent - self._before.get(name, NOTHING).spent for name, one in self.balances.items()
        }
        return {name: spent for name, spent in more.items() if spent}

    @property
    def returned(self) -> bool:
        """Whether something was returned, which the allocator waits for."""
        before = self._before
        return any(one.returned > before.get(name, NOTHING).returned for name, one in self.balances.items())

    def affords(self, account: str, cost: int, budget: int) -> bool:
        """Whether `cost` is left; `budget` is the account's in the file in use.

        Nothing is spent from grants of a larger budget than the file's: they are about to be taken back.
        """
        grant = self._grants.get(account)
        if (grant is not None and grant.budget > budget) or self._closed(account):
            return False
        return left(self.balances.get(account, NOTHING)) >= cost

    def _closed(self, account: str) -> bool:
        day = day_of(account)
        return day is not None and day < self.first_day

    def charge(self, charge: Charge, ts: int, least: Mapping[str, int]) -> None:
        """Book a use. `least`: by account, or its flight and a slash, the highest cost of one use."""
        for account in charge.accounts(ts):
            was = self.balances[account]
            now = Balance(was.granted, was.returned, was.spent + charge.cost, was.short)
            self.balances[account] = now
            if left(now) < least[kind_of(account)]:
                self.turn += 1


class Purse:
    """What the actions of one placement can be charged, out of a spending that placements share."""

    def __init__(self, spending: Spending, limits: ActionLimits) -> None:
        self.spending, self._limits = spending, limits
        self._charges = tuple(limits.charges.items())
        self._asked, self._bits = (-1, -1), 0
        self._lacking: dict[int, list[str]] = {}

    def blocked(self, ts: int) -> int:
        """The actions (bits) that cannot be paid for at event time `ts` (epoch ms)."""
        asked = (ts // DAY_MS, self.spending.turn)
        if asked != self._asked:
            self._asked = asked
            self._lacking = {at: self._missing(charge, ts) for at, charge in self._charges}
            self._bits = sum(1 << at for at, accounts in self._lacking.items() if accounts)
        return self._bits

    def _missing(self, charge: Charge, ts: int) -> list[str]:
        budget, affords = self._limits.budget, self.spending.affords
        return [one for one in charge.accounts(ts) if not affords(one, charge.cost, budget(one))]

    def withheld(self, bits: int) -> None:
        """Note the accounts for whose sake these actions were withheld, as last `blocked`."""
        for at, accounts in self._lacking.items():
            if bits >> at & 1:
                self.spending.short.update(accounts)

    def charge(self, position: int, ts: int) -> None:
        """Book a use of the action at this position."""
        charge = self._limits.charges.get(position)
        if charge is not None:
            self.spending.charge(charge, ts, self._limits.least)
