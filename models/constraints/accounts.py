"""Accounts: what a decision's cost is charged to, by flight and by flight and UTC day.

The account of a flight's whole budget has the flight's name; that of a day is `name/2026-12-01`, after the
day of the decision's event time. Amounts are whole thousandths of the shop's currency.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from models.constraints.fields import MILLI, OWN_FLIGHT, Flight, Pacing
from models.durations import DAY_MS

_EPOCH: Final = date(1970, 1, 1).toordinal()
#: Event times of a flight without a start or an end.
ALWAYS: Final = (-(1 << 62), 1 << 62)


class Spender(Protocol):
    """What of an action says where its cost is charged (`models.decisions.actions_file.Action`)."""

    @property
    def name(self) -> str:
        """The action's name."""

    @property
    def cost(self) -> float | None:
        """What one use costs, in currency units."""

    @property
    def flight(self) -> str | None:
        """The flight that it names."""

    @property
    def own_flight(self) -> Flight | None:
        """Its own dates and budgets, as a flight."""


class AccountPlan(NamedTuple):
    """An account as the actions file has it: its budget and the time over which it is released.

    `least`: the highest cost of one use of its actions; a partition needs as much to serve any of them.
    """

    name: str
    budget: int
    pacing: Pacing
    start: int | None
    end: int | None
    least: int


def milli(amount: float | None) -> int:
    """Whole thousandths of an amount."""
    return round((amount or 0.0) * MILLI)


def epoch_ms(moment: datetime | None) -> int | None:
    """Epoch milliseconds of a date; None: no limit."""
    return None if moment is None else round(moment.timestamp() * 1000)


@lru_cache(64)
def day_account(flight: str, day: int) -> str:
    """The account of a flight's UTC day, by its number since 1970."""
    return f"{flight}/{datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date().isoformat()}"


@lru_cache(1024)
def day_of(account: str) -> int | None:
    """The day's number of a day's account; None for that of a whole flight."""
    _, slash, said = account.partition("/")
    return date.fromisoformat(said).toordinal() - _EPOCH if slash else None


def kind_of(account: str) -> str:
    """The flight of a whole flight's account; of a day's account the flight and a slash."""
    flight, slash, _ = account.partition("/")
    return flight + slash


def flights_of(flights: Sequence[Flight], action: Spender) -> list[Flight]:
    """The flights whose dates and budgets hold for an action: the one that it names, and its own."""
    named = [flight for flight in flights if flight.name == action.flight]
    return named if action.own_flight is None else [*named, action.own_flight]


def plans(flights: Sequence[Flight], actions: Iterable[Spender], days: Iterable[int]) -> list[AccountPlan]:
    """The accounts with a budget: of whole flights, and of these UTC days."""
    costs: dict[str, int] = {}
    known: dict[str, Flight] = {}
    for action in actions:
        for flight in flights_of(flights, action):
            known[flight.name] = flight
            costs[flight.name] = max(costs.get(flight.name, 0), milli(action.cost))
    every = list(days)
    return [
        plan
        for name, flight in sorted(known.items())
        for plan in (*_whole(flight, costs[name]), *_daily(flight, costs[name], every))
    ]


def _whole(flight: Flight, least: int) -> list[AccountPlan]:
    if flight.budget is None:
        return []
    start, end = epoch_ms(flight.start), epoch_ms(flight.end)
    return [AccountPlan(flight.name, milli(flight.budget), flight.pacing, start, end, least)]


def _daily(flight: Flight, least: int, days: Iterable[int]) -> list[AccountPlan]:
    """A day's budget is released over the part of the day in which the flight runs."""
    if flight.budget_per_day is None:
        return []
    first, last = epoch_ms(flight.start), epoch_ms(flight.end)
    made = []
    for day in days:
        start = max(day * DAY_MS, ALWAYS[0] if first is None else first)
        end = min((day + 1) * DAY_MS, ALWAYS[1] if last is None else last)
        if start < end:
            budget = milli(flight.budget_per_day)
            made.append(AccountPlan(day_account(flight.name, day), budget, flight.pacing, start, end, least))
    return made


def own_flight_name(action: str) -> str:
    """The flight of an action's own dates and budgets."""
    return OWN_FLIGHT + action
