"""Budgets as metrics are what the allocator knows."""

from prometheus_client.parser import text_string_to_metric_families

from deploy.pacing.budget_metrics import BudgetMetrics
from models.constraints.allocator import Allocator
from models.constraints.budget_records import Balance, BudgetGrant, BudgetSpend


def test_gauges_are_sums_over_partitions_in_currency(tmp_path):
    allocator = Allocator(2)
    for partition in (0, 1):
        grant = {"granted": 4_000, "recalled": 500, "returned": 500, "spent": 0, "budget": 10_000}
        allocator.note_grant(BudgetGrant(account="autumn", partition=partition, **grant))
    allocator.note_spend(BudgetSpend(partition=1, at=1, balances={"autumn": Balance(4_000, 500, 1_250)}))
    file = tmp_path / "budgets.prom"
    BudgetMetrics(file).write(allocator)
    found = {one.name: one.samples[0] for one in text_string_to_metric_families(file.read_text())}
    assert {name: sample.value for name, sample in found.items()} == {
        "pathcast_budget_limit": 10.0,
        "pathcast_budget_granted": 7.0,
        "pathcast_budget_spent": 1.25,
    }
    assert {sample.labels["account"] for sample in found.values()} == {"autumn"}
