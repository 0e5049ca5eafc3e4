"""What the allocator of budgets and the workers tell each other."""

from typing import Annotated

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]


class BudgetGrant(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What a partition may spend of a budget: `granted` less what it has returned. All numbers only grow.

    Amounts are whole thousandths of the shop's currency.
    """

    account: Annotated[str, Meta(description="Flight, or flight and UTC day: `autumn/2026-12-01`.")]
    partition: Annotated[Count, Meta(description="Partition of `clicks`.")]
    granted: Annotated[Count, Meta(description="Granted so far, returned amounts included.")]
    recalled: Annotated[Count, Meta(description="Of it, to be returned as far as it is not spent.")]
    returned: Annotated[Count, Meta(description="Returned, as the partition last reported.")]
    spent: Annotated[Count, Meta(description="Spent, as the partition last reported.")]
    budget: Annotated[Count, Meta(description="The account's budget that the sum of grants keeps to.")]


class Balance(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A partition's account: granted as far as it has seen, returned, spent. All numbers only grow."""

    granted: Count = 0
    returned: Count = 0
    spent: Count = 0
    #: Something was withheld since the report before, because too little was left.
    short: bool = False


class BudgetSpend(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """A partition's accounts as of a committed chunk."""

    partition: Annotated[Count, Meta(description="Partition of `clicks`.")]
    at: Annotated[int, Meta(description="Event time that the partition has reached, epoch milliseconds.")]
    balances: Annotated[
        dict[str, Balance],
        Meta(description="By account: granted, returned, spent, and whether it ran short."),
    ]


_encode = msgspec.json.Encoder().encode
grant_of = msgspec.json.Decoder(BudgetGrant).decode
spend_of = msgspec.json.Decoder(BudgetSpend).decode


def encode(message: BudgetGrant | BudgetSpend) -> bytes:
    """JSON."""
    return _encode(message)


def grant_key(account: str, partition: int) -> bytes:
    """The key of a grant: the latest one of an account and partition counts."""
    return f"{account}:{partition}".encode()
