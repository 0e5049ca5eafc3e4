"""The latest record of each key of the compacted topics, bounded."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from models.analytics.merging import AnalyticsPanes
from models.constraints.allocator import Allocator
from models.constraints.budget_records import BudgetGrant, BudgetSpend
from models.contract.updates import ModelReport, ModelUpdate
from models.experiments.experiment import Experiment

Held = TypeVar("Held")
#: Keys that are kept of a topic; those that changed longest ago go first.
MOST_KEYS: Final = 5_000
#: Items of the catalogue whose names are kept.
MOST_ITEMS_KEPT: Final = 200_000


class ItemRow(msgspec.Struct, gc=False):
    """What is shown of an item."""

    title: str | None = None
    category: str | None = None
    price: float | None = None
    stock: float | None = None


class LatestByKey(Generic[Held]):
    """The latest value of each key of one topic; a value that cannot be decoded is counted and left out."""

    def __init__(self, kind: type[Held], most: int = MOST_KEYS) -> None:
        self.held: dict[str, Held] = {}
        self.unreadable = 0
        self._decode: Callable[[bytes], Held] = msgspec.json.Decoder(kind).decode
        self._most = most

    def take(self, records: Sequence[Any]) -> None:
        """Records in order; one without a value removes its key."""
        for record in records:
            key = (record.key or b"").decode("utf-8", "replace")
            self.held.pop(key, None)
            if record.value is None:
                continue
            try:
                self.held[key] = self._decode(record.value)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.unreadable += 1
        for key in list(self.held)[: max(0, len(self.held) - self._most)]:
            del self.held[key]


class AnalyticsTable:
    """Records of the topic `analytics`; one that cannot be decoded is counted and left out."""

    def __init__(self) -> None:
        self.panes = AnalyticsPanes()
        self.unreadable = 0

    def take(self, records: Sequence[Any]) -> None:
        """Records in order; one without a value removes its key."""
        for record in records:
            try:
                self.panes.take(record.key or b"", record.value)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.unreadable += 1


class Broadcasts:
    """What is known of versions, experiments, budgets and items."""

    def __init__(self) -> None:
        self.reports = LatestByKey(ModelReport)
        self.updates = LatestByKey(ModelUpdate)
        self.experiments = LatestByKey(Experiment)
        self.grants = LatestByKey(BudgetGrant)
        self.spend = LatestByKey(BudgetSpend)
        self.analytics = AnalyticsTable()
        self.items = LatestByKey(ItemRow, MOST_ITEMS_KEPT)

    def budgets(self) -> list["BudgetRow"]:
        """By account, in thousandths of the currency, as `pathcast pacer status` computes them."""
        allocator, budgets = Allocator(1), dict[str, int]()
        for grant in self.grants.held.values():
            budgets[grant.account] = grant.budget
            allocator.note_grant(grant)
        for report in self.spend.held.values():
            allocator.note_spend(report)
        return [
            BudgetRow(
                account,
                budgets.get(account, 0),
                sum(one.outstanding for one in held),
                sum(one.spent for one in held),
                [one.partition for one in held if one.short],
            )
            for account, held in sorted(allocator.accounts.items())
        ]


class BudgetRow(msgspec.Struct, frozen=True):
    """An account: its budget, what is granted, what is spent, and the partitions that ran short."""

    account: str
    budget: int
    granted: int
    spent: int
    short: list[int]
