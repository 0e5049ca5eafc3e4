"""Write collected counts out by pane and segment, under the names that records have."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Final

from models.analytics.analytics_records import Counts, FlowCounts, Pair
from models.analytics.collecting import Added, ClickKey, VisitKey
from models.analytics.merging import FIELDS
from models.contract.events import EVENTS
from models.state.visit_segment import DIMENSIONS, values_of

ALL: Final = "all"
#: The value of a dimension that no click named, and of all values beyond the bound.
NOT_SET: Final = "(not set)"
OTHER: Final = "(other)"
#: Steps of a path; of a longer one the last are kept.
PATH_STEPS: Final = 8
#: Stands for the steps that were cut off.
CUT: Final = "…"
_SEPARATOR: Final = ">"
_PURCHASE: Final = 1 + EVENTS.index("purchase")

Weights = dict[str, Pair]
#: Pane, segment, then as in ClickKey: event, the one before, fresh, first, results.
SegmentStep = tuple[int, str, int, int, bool, bool, int]


class PaneAdded:
    """Counts to add to one pane: flows and paths by segment, interest by item and by category."""

    def __init__(self) -> None:
        self.flows: dict[str, FlowCounts] = defaultdict(lambda: FlowCounts(*({} for _ in FIELDS)))
        self.paths: dict[str, Weights] = defaultdict(dict)
        self.trends: dict[str, Weights] = {"items": {}, "categories": {}}


def written_out(each: Collection[Added], oldest: int) -> dict[int, PaneAdded]:
    """By pane number the sum of what chunks added, of panes from number `oldest` on."""
    panes: dict[int, PaneAdded] = defaultdict(PaneAdded)
    clicks, visits = _summed(each, oldest)
    for step, times in clicks.items():
        _write_click(panes[step[0]].flows[step[1]], step, times)
    for visit, (times, cart_milli) in visits.items():
        _write_visit(panes[visit[0]], visit, times, cart_milli)
    for added in each:
        for place, names in (("items", added.items), ("categories", added.categories)):
            for pane, name, amount, bought in names:
                if pane >= oldest:
                    _add_pair(panes[pane].trends[place], name, amount, bought)
    return panes


def _summed(
    each: Collection[Added], oldest: int
) -> tuple[Mapping[SegmentStep, int], Mapping[VisitKey, list[int]]]:
    """Clicks by segment, and sessions; equal ones are counted before they are written out."""
    clicks: dict[ClickKey, int] = defaultdict(int)
    visits: dict[VisitKey, list[int]] = defaultdict(lambda: [0, 0])
    for added in each:
        for click, times in added.clicks:
            clicks[click] += times
        for visit, times, cart_milli in added.visits:
            if visit[0] >= oldest:
                counts = visits[visit]
                counts[0], counts[1] = counts[0] + times, counts[1] + cart_milli
    steps: dict[SegmentStep, int] = defaultdict(int)
    for (pane, segment, returning, event, previous, fresh, first, results), times in clicks.items():
        if pane >= oldest:
            for one in segments_of(segment, returning):
                steps[pane, one, event, previous, fresh, first, results] += times
    return steps, visits


@lru_cache(maxsize=1 << 12)
def segments_of(segment: str, returning: bool) -> tuple[str, ...]:
    """The segments that a click or session counts in."""
    named = zip(DIMENSIONS, values_of(segment), strict=True)
    values = (f"{dimension}={value or NOT_SET}" for dimension, value in named)
    return ALL, *values, f"visitor={'returning' if returning else 'new'}"


@lru_cache(maxsize=1 << 12)
def path_of(codes: bytes, cut: bool) -> str:
    """The steps before a session's first purchase, or all: repeats of one event are one step.

    Of more than PATH_STEPS the last are kept, after CUT; `cut`: the codes lack the session's beginning.
    """
    before, _, _ = codes.partition(bytes((_PURCHASE,)))
    steps = [code for place, code in enumerate(before) if place == 0 or before[place - 1] != code]
    names = [EVENTS[code - 1] for code in steps[-PATH_STEPS:]]
    return _SEPARATOR.join([CUT, *names] if cut or len(steps) > PATH_STEPS else names)


def _write_click(flow: FlowCounts, step: SegmentStep, times: int) -> None:
    _, _, event, previous, fresh, first, results = step
    name = EVENTS[event - 1]
    _count(flow.events, name, times)
    if fresh:
        _count(flow.sessions, "started", times)
    elif previous:
        _count(flow.steps, f"{EVENTS[previous - 1]}{_SEPARATOR}{name}", times)
    if first:
        _count(flow.reached, name, times)
    if results:
        _count(flow.searches, "reported", times)
        _count(flow.searches, "empty", times * (results == 2))


def _write_visit(into: PaneAdded, visit: VisitKey, times: int, cart_milli: int) -> None:
    _, segment, returning, codes, cut, bought, carted, checkout = visit
    path = path_of(codes, cut)
    counts = dict(_ended(times, bought, carted, checkout, cart_milli))
    for one in segments_of(segment, returning):
        flow = into.flows[one]
        for name, count in counts.items():
            _count(flow.sessions, name, count)
        if codes:
            _add_pair(into.paths[one], path, times, times * bought)


def _ended(
    times: int, bought: bool, carted: bool, checkout: bool, cart_milli: int
) -> Iterator[tuple[str, int]]:
    yield "ended", times
    yield "bought", times * bought
    yield "carted", times * carted
    yield "checkouts", times * checkout
    yield "abandoned", times * (carted and not bought)
    yield "abandoned_checkouts", times * (checkout and not bought)
    yield "abandoned_milli", cart_milli * (carted and not bought)


def _count(into: Counts, name: str, times: int) -> None:
    if times:
        into[name] = into.get(name, 0) + times


def _add_pair(into: Weights, key: str, amount: int, bought: int) -> None:
    before = into.get(key, (0, 0))
    into[key] = before[0] + amount, before[1] + bought
