"""What the topics say of budgets."""

from typing import Any

from deploy.cluster import clients
from models.constraints.allocator import Allocator
from models.constraints.budget_records import grant_of, spend_of
from streams.config.topics import TopicNames


def budget_status() -> list[dict[str, Any]]:
    """By account: budget, granted, spent and open grants in thousandths, and partitions that ran short."""
    names, budgets = TopicNames(), dict[str, int]()
    allocator = Allocator(1)
    with clients.consumer(clients.connection()) as client:
        for grant in clients.latest_values(client, names.budget_grants, grant_of):
            budgets[grant.account] = grant.budget
            allocator.note_grant(grant)
        for report in clients.latest_values(client, names.budget_spend, spend_of):
            allocator.note_spend(report)
    return [
        {
            "account": account,
            "budget": budgets.get(account, 0),
            "granted": sum(one.outstanding for one in held),
            "spent": sum(one.spent for one in held),
            "open": sum(one.outstanding - one.spent for one in held),
            "short": [one.partition for one in held if one.short],
        }
        for account, held in sorted(allocator.accounts.items())
    ]
