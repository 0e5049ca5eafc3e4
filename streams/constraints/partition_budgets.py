"""Budgets of one partition beside its state: what the state holds, and what of it is told the allocator."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from models.constraints import balances as kept
from models.constraints.budget_records import Balance, BudgetGrant, BudgetSpend, encode
from models.constraints.spending import Spending
from models.state import state_keys
from streams.effects import NO_HEADERS, Message

#: Seconds between two reports of a partition, unless something was returned.
REPORT_EVERY: Final = 0.25


@dataclass
class PartitionBudgets:
    """The balances in the state as of the last chunk. `short` are accounts that the next report names."""

    balances: dict[str, Balance] = field(default_factory=dict)
    grants: Mapping[str, BudgetGrant] | None = None
    short: set[str] = field(default_factory=set)
    reported_at: float = 0.0

    @classmethod
    def of(cls, value: bytes | None) -> "PartitionBudgets":
        """From the value in a recovered state. Raises BudgetStateError."""
        return cls(kept.decode(value))


class ChunkBudgets:
    """What a chunk spends of its partition's budgets; `used`: the actions file has any."""

    def __init__(
        self,
        partition: int,
        before: PartitionBudgets,
        grants: Mapping[str, BudgetGrant],
        watermark: int,
        used: bool,
    ) -> None:
        self.partition, self.used, self._before, self._grants = partition, used, before, grants
        self.spending = Spending(before.balances, grants, watermark)
        self._report_at = 0.0

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """The balances for the state, where they changed."""
        if not self.spending.changed:
            return []
        return [(state_keys.BUDGETS, kept.encode(self.spending.balances))]

    def report(self, watermark: int) -> list[Message]:
        """The report to the allocator, where one is due; `watermark`: the event time after the chunk."""
        now = time.monotonic()
        due = now - self._before.reported_at >= REPORT_EVERY
        if not (self.spending.returned or (due and (self.used or self.spending.changed))):
            return []
        self._report_at = now
        short = self._before.short | self.spending.short
        balances = {
            name: Balance(one.granted, one.returned, one.spent, name in short)
            for name, one in {**dict.fromkeys(short, kept.NOTHING), **self.spending.balances}.items()
        }
        message = BudgetSpend(partition=self.partition, at=watermark, balances=balances)
        return [(str(self.partition).encode(), encode(message), NO_HEADERS)]

    def applied(self) -> None:
        """Let the next chunk see what this one has spent."""
        before, reported = self._before, bool(self._report_at)
        before.balances, before.grants = self.spending.balances, self._grants
        before.short = set() if reported else before.short | self.spending.short
        before.reported_at = self._report_at or before.reported_at
