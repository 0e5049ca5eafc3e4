"""The limits of an action set, compiled: what is withheld from whom, and what a use is charged to."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

import msgspec
import xxhash

from models.constraints.accounts import ALWAYS, Spender, day_account, epoch_ms, flights_of, kind_of, milli
from models.constraints.audience import Audience, compile_audience, compile_segments
from models.constraints.fields import Flight, HoldOut
from models.durations import DAY_MS

#: Visitors whose hashes are kept.
HASHES_KEPT: Final = 65_536
_SEGMENT: Final = "segment:"


class Limited(Spender, Protocol):
    """What of an action limits whom it is offered to (`models.decisions.actions_file.Action`)."""

    @property
    def audience(self) -> str | None:
        """The expression of its audience."""

    @property
    def do_not_target(self) -> Sequence[str]:
        """Hashed visitors and segments that it is never offered to."""


class Charge(NamedTuple):
    """What a use of an action costs (thousandths), and the flights whose budgets it is charged to."""

    cost: int
    whole: tuple[str, ...]
    daily: tuple[str, ...]

    def accounts(self, ts: int) -> tuple[str, ...]:
        """The accounts at event time `ts` (epoch ms)."""
        day = ts // DAY_MS
        return (*self.whole, *(day_account(flight, day) for flight in self.daily))


class ActionLimits(msgspec.Struct, frozen=True):
    """By position of the actions, or by bits of positions; empty where the file has no such limit.

    `windows`: event times (ms) from which and before which each action is offered. `audiences`: expressions
    with the actions (bits) that are withheld where one does not hold; `avoided`: where one holds.
    `untargeted`: the actions withheld from a hashed visitor. `charges`: by position. `budgets`, and `least`,
    the highest cost of one use: in thousandths, by flight for a whole one, by flight and a slash for a day.
    """

    holdout: HoldOut | None = None
    others: int = 0
    windows: tuple[tuple[int, int], ...] | None = None
    audiences: tuple[tuple[Audience, int], ...] = ()
    avoided: tuple[tuple[Audience, int], ...] = ()
    untargeted: Mapping[str, int] = {}
    charges: Mapping[int, Charge] = {}
    budgets: Mapping[str, int] = {}
    least: Mapping[str, int] = {}

    @property
    def names(self) -> frozenset[str]:
        """The columns that the expressions read."""
        return frozenset().union(*(audience.names for audience, _ in (*self.audiences, *self.avoided)))

    @property
    def offline(self) -> bool:
        """Whether anything but budgets limits what is offered."""
        return bool(
            self.holdout or self.windows is not None or self.audiences or self.avoided or self.untargeted
        )

    def closed(self, ts: int) -> int:
        """The actions (bits) whose flights do not run at event time `ts`."""
        windows = self.windows or ()
        return sum(1 << at for at, (first, last) in enumerate(windows) if not first <= ts < last)

    def budget(self, account: str) -> int:
        """The account's budget in thousandths; 0 where the file has none."""
        return self.budgets.get(kind_of(account), 0)


def in_holdout(holdout: HoldOut, visitor_id: str) -> bool:
    """Whether the visitor is in the hold-out group: by the upper 53 bits of xxh3-64 of `salt:visitor_id`."""
    return _share(holdout.salt, visitor_id) < int(holdout.share * (1 << 53))


@lru_cache(HASHES_KEPT)
def _share(salt: str, visitor_id: str) -> int:
    return xxhash.xxh3_64_intdigest(f"{salt}:{visitor_id}".encode()) >> 11


@lru_cache(HASHES_KEPT)
def hashed(visitor_id: str) -> str:
    """SHA-256 of a visitor's id in hex, as `do_not_target` names it."""
    return hashlib.sha256(visitor_id.encode()).hexdigest()


def compile_limits(
    actions: Sequence[Limited],
    none: int,
    flights: Sequence[Flight],
    holdout: HoldOut | None,
    untargeted: Sequence[str],
    segments: Mapping[str, str],
) -> ActionLimits:
    """The limits of actions in file order; `none` is the position of the action that always remains.

    Raises AudienceError.
    """
    named = compile_segments(segments)
    others = ((1 << len(actions)) - 1) & ~(1 << none)
    lists = [(others, untargeted), *((1 << at, one.do_not_target) for at, one in enumerate(actions))]
    by_action = [flights_of(flights, one) for one in actions]
    charges = _charges(actions, by_action)
    return ActionLimits(
        holdout,
        others,
        _windows(by_action),
        _audiences(actions, named),
        tuple((named[name], bits) for name, bits in _listed(lists, True).items()),
        _listed(lists, False),
        charges,
        _budgets(by_action),
        _least(charges.values()),
    )


def _listed(lists: Sequence[tuple[int, Sequence[str]]], segments: bool) -> dict[str, int]:
    """The actions (bits) that each entry of `do_not_target` withholds: of segments, or of hashed visitors."""
    found: dict[str, int] = {}
    for bits, entries in lists:
        for entry in entries:
            if entry.startswith(_SEGMENT) == segments:
                name = entry.removeprefix(_SEGMENT)
                found[name] = found.get(name, 0) | bits
    return found


def _audiences(
    actions: Sequence[Limited], segments: Mapping[str, Audience]
) -> tuple[tuple[Audience, int], ...]:
    found: dict[str, int] = {}
    for position, action in enumerate(actions):
        if action.audience is not None:
            found[action.audience] = found.get(action.audience, 0) | 1 << position
    return tuple((compile_audience(text, segments), bits) for text, bits in found.items())


def _windows(by_action: Sequence[Sequence[Flight]]) -> tuple[tuple[int, int], ...] | None:
    """First event time and the one before which each action is offered."""
    made = tuple(map(_window, by_action))
    return made if any(window != ALWAYS for window in made) else None


def _window(flights: Sequence[Flight]) -> tuple[int, int]:
    """The time in which all of the flights run."""
    first, last = ALWAYS
    for flight in flights:
        start, end = epoch_ms(flight.start), epoch_ms(flight.end)
        first = first if start is None else max(first, start)
        last = last if end is None else min(last, end)
    return first, last


def _charges(actions: Sequence[Limited], by_action: Sequence[Sequence[Flight]]) -> dict[int, Charge]:
    made = {}
    for position, (action, flights) in enumerate(zip(actions, by_action, strict=True)):
        whole = tuple(flight.name for flight in flights if flight.budget is not None)
        daily = tuple(flight.name for flight in flights if flight.budget_per_day is not None)
        if (whole or daily) and milli(action.cost):
            made[position] = Charge(milli(action.cost), whole, daily)
    return made


def _least(charges: Iterable[Charge]) -> dict[str, int]:
    made: dict[str, int] = {}
    for charge in charges:
        for account in charge.accounts(0):
            made[kind_of(account)] = max(made.get(kind_of(account), 0), charge.cost)
    return made


def _budgets(by_action: Sequence[Sequence[Flight]]) -> dict[str, int]:
    """By flight its whole budget; by flight and a slash that of a day."""
    flights = [flight for flights in by_action for flight in flights]
    whole = {flight.name: milli(flight.budget) for flight in flights if flight.budget is not None}
    daily = {f"{one.name}/": milli(one.budget_per_day) for one in flights if one.budget_per_day is not None}
    return {**whole, **daily}
