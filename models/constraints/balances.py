"""A partition's ledger: what it has been granted, has returned and has spent, by account.

It is part of the partition's state and changes in the transaction of the decisions that it pays for. In it
holds always: `spent + returned <= granted`, each a sum that only grows. Merging a grant takes the larger of
two numbers, so that repeated, delayed and reordered grants change nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from models.constraints.accounts import day_of
from models.constraints.budget_records import Balance, BudgetGrant
from models.errors import PathcastError

NOTHING: Final = Balance()
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, tuple[int, int, int]]).decode


class BudgetStateError(PathcastError):
    """A partition's ledger cannot be read."""


def merged(balance: Balance, grant: BudgetGrant) -> Balance:
    """The balance once a grant is seen: as much of what is recalled as is not spent is returned.

    The grant also repeats what the partition itself has reported, which a state that was lost takes over.
    """
    spent = max(balance.spent, grant.spent)
    granted = max(balance.granted, grant.granted)
    returned = max(balance.returned, grant.returned, min(grant.recalled, granted - spent))
    return Balance(granted, returned, spent, balance.short)


def left(balance: Balance) -> int:
    """What may still be spent."""
    return balance.granted - balance.returned - balance.spent


def encode(balances: Mapping[str, Balance]) -> bytes:
    """The ledger as the state keeps it."""
    return _encode({name: (one.granted, one.returned, one.spent) for name, one in balances.items()})


def decode(value: bytes | None) -> dict[str, Balance]:
    """The ledger of a state; empty where it has none. Raises BudgetStateError."""
    if value is None:
        return {}
    try:
        return {name: Balance(*numbers) for name, numbers in _decode(value).items()}
    except msgspec.DecodeError as error:
        raise BudgetStateError(
            f"the ledger of budgets cannot be read: {error}; expected amounts by account; restore the state"
        ) from error


def without_past(balances: Mapping[str, Balance], first_day: int) -> dict[str, Balance]:
    """The balances without those of days before `first_day` (days since 1970)."""
    return {name: one for name, one in balances.items() if (day := day_of(name)) is None or day >= first_day}


def past(names: Iterable[str], first_day: int) -> list[str]:
    """The accounts of days before `first_day`."""
    return [name for name in names if (day := day_of(name)) is not None and day < first_day]
