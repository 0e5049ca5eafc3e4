"""What is wrong with the limits of an actions file, beyond what its fields' types say."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from models.constraints.accounts import Spender, milli
from models.constraints.action_limits import Limited
from models.constraints.audience import AudienceError, compile_audience, compile_segments
from models.constraints.audience_names import NUMBERS, WORDS
from models.constraints.fields import Flight


class Problem(NamedTuple):
    """Where in the file it is, what was found, what was expected, and what to do."""

    where: str
    found: str
    expected: str
    advice: str


def problems(
    actions: Sequence[Limited], flights: Sequence[Flight], segments: Mapping[str, str], names: Sequence[str]
) -> Iterator[Problem]:
    """All problems, in the order of the file; `names` are where each action stands, such as `actions[1]`."""
    yield from _of_flights(flights, {action.flight for action in actions})
    yield from _of_segments(segments)
    for action, where in zip(actions, names, strict=True):
        yield from _of_budget(action, flights, where)
        yield from _of_expression(action, segments, where)
    yield from _unpaid(actions, flights)


def _of_flights(flights: Sequence[Flight], used: set[str | None]) -> Iterator[Problem]:
    times = Counter(flight.name for flight in flights)
    for position, flight in enumerate(flights):
        where = f"flights[{position}] ({flight.name})"
        if times[flight.name] > 1:
            yield Problem(where, f"name {flight.name!r} again", "each name once", "rename it")
        if flight.name not in used:
            yield Problem(where, "a flight of no action", "an action with `flight`", "name it or remove it")
        yield from _of_dates(flight, where)


def _of_dates(flight: Flight, where: str) -> Iterator[Problem]:
    if flight.start is not None and flight.end is not None and flight.start >= flight.end:
        found = f"start {flight.start.isoformat()}, end {flight.end.isoformat()}"
        yield Problem(where, found, "start before end (`end` is the first moment after it)", "correct a date")
    timed = flight.start is not None and flight.end is not None
    if flight.budget is not None and not timed and flight.pacing != "asap":
        expected = "`start` and `end`, the time to pace over, or pacing 'asap'"
        yield Problem(where, f"pacing {flight.pacing!r} of a budget", expected, "add the dates")


def _of_segments(segments: Mapping[str, str]) -> Iterator[Problem]:
    for name in segments:
        if name in NUMBERS or name in WORDS:
            yield Problem(f"segments.{name}", f"name {name!r}", "a name that is not taken", "rename it")
    for position, name in enumerate(segments):
        before = dict(list(segments.items())[: position + 1])
        try:
            compile_segments(before)
        except AudienceError as error:
            yield _compiled(f"segments.{name}", error)
            return


def _of_budget(action: Limited, flights: Sequence[Flight], where: str) -> Iterator[Problem]:
    own = action.own_flight
    if action.flight is not None and action.flight not in {flight.name for flight in flights}:
        known = ", ".join(flight.name for flight in flights) or "none yet"
        yield Problem(f"{where}.flight", repr(action.flight), f"the name of a flight ({known})", "add it")
    if own is None:
        return
    yield from _of_dates(own, where)
    if (own.budget is not None or own.budget_per_day is not None) and not milli(action.cost):
        yield Problem(
            where, "a budget without a cost", "`cost`, what one use takes of it, at least 0.001", "add it"
        )


def _of_expression(action: Limited, segments: Mapping[str, str], where: str) -> Iterator[Problem]:
    if action.audience is None:
        return
    try:
        compile_audience(action.audience, compile_segments(segments))
    except AudienceError as error:
        yield _compiled(f"{where}.audience", error)


def _compiled(where: str, error: AudienceError) -> Problem:
    found, _, rest = str(error).partition("; expected ")
    expected, _, advice = rest.rpartition("; ")
    return Problem(where, found, expected, advice)


def unknown_segments(
    listed: Sequence[tuple[str, Sequence[str]]], segments: Mapping[str, str]
) -> Iterator[Problem]:
    """Entries of `do_not_target` that name no segment, by where they stand."""
    for where, entries in listed:
        for entry in entries:
            kind, _, name = entry.partition(":")
            if kind == "segment" and name not in segments:
                known = ", ".join(segments) or "none yet"
                yield Problem(where, repr(entry), f"a segment of [segments] ({known})", "add it")


def _unpaid(actions: Sequence[Spender], flights: Sequence[Flight]) -> Iterator[Problem]:
    for position, flight in enumerate(flights):
        costs = [milli(action.cost) for action in actions if action.flight == flight.name]
        if (flight.budget is not None or flight.budget_per_day is not None) and costs and not any(costs):
            where = f"flights[{position}] ({flight.name})"
            expected = "`cost` on at least one of its actions"
            yield Problem(where, "a budget that no action is charged to", expected, "add a cost")
