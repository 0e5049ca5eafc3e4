"""The parts of the actions file that limit what may be offered, as they stand in the TOML.

Amounts are in the shop's currency; dates are UTC.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

#: Thousandths of a currency unit: budgets and spend are whole numbers of them.
MILLI: Final = 1000
#: Name of an action's own flight: it has budgets or dates and names no flight. No flight's name has a colon.
OWN_FLIGHT: Final = "action:"

Pacing = Literal["even", "ahead", "asap"]
FlightName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}\Z")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Budget = Annotated[float, msgspec.Meta(ge=0.0, le=1e9)]
Salt = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
#: SHA-256 of a visitor's id in lower-case hex, or `segment:` and the name of an entry of `[segments]`.
Untargeted = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64}|segment:[a-z_][a-z0-9_]{0,63})\Z")]
SegmentName = Annotated[str, msgspec.Meta(pattern=r"^[a-z_][a-z0-9_]{0,63}\Z")]
Expression = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Unknown fields are refused, and defaults are left out, so that a new field changes no version."""


class Flight(Strict, frozen=True):
    """When actions are offered, and how much they may cost together.

    From `start` until before `end` (event time); None: no limit. `budget`: for the whole flight,
    `budget_per_day`: for each UTC day. `pacing`: how a budget is released over its time.
    """

    name: FlightName
    start: Moment | None = None
    end: Moment | None = None
    budget: Budget | None = None
    budget_per_day: Budget | None = None
    pacing: Pacing = "even"


class HoldOut(Strict, frozen=True):
    """A share of the visitors, chosen by the hash of their id and `salt`, is offered nothing."""

    share: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
    salt: Salt
