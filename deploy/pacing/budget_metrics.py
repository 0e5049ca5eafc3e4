"""Budgets as metrics: a file for Prometheus' textfile collector, written after each allocation."""

from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from models.constraints.allocator import Allocator


class BudgetMetrics:
    """Gauges by account in the shop's currency, of what the allocator knows."""

    def __init__(self, file: Path) -> None:
        self._file, self.registry = file, CollectorRegistry()
        self._limit, self._granted, self._spent = (
            Gauge(name, meaning, ["account"], registry=self.registry)
            for name, meaning in (
                ("pathcast_budget_limit", "The account's budget, in currency units."),
                ("pathcast_budget_granted", "Granted to partitions and not returned, in currency units."),
                ("pathcast_budget_spent", "Spent as partitions have reported, in currency units."),
            )
        )

    def write(self, allocator: Allocator) -> None:
        """Set the gauges and replace the file. Raises OSError."""
        for gauge in (self._limit, self._granted, self._spent):
            gauge.clear()
        for account, held in allocator.accounts.items():
            self._limit.labels(account).set(max((one.budget for one in held), default=0) / 1000)
            self._granted.labels(account).set(sum(one.outstanding for one in held) / 1000)
            self._spent.labels(account).set(sum(one.spent for one in held) / 1000)
        write_to_textfile(str(self._file), self.registry)
