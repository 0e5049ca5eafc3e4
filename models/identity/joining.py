"""Sum the long-term profiles of a user's devices; features of a linked visitor read the sum.

It is computed again from the latest summaries whenever one changes, so nothing is ever subtracted. It does
not depend on the order of the devices.
"""

from collections.abc import Iterable, Sequence
from operator import add
from typing import Final

from models.contract.events import EVENT_CODES
from models.state.profile import CATEGORIES, FADE
from models.state.summary import Summary
from models.state.traits import NONE, Traits, newest
from models.state.visitor import MAX_AMOUNT, MAX_COUNT, Visitor

_PURCHASE: Final = EVENT_CODES["purchase"]
#: A share of 1, in units of 1 / 65,536.
_WHOLE: Final = 1 << 16


def summarise(visitor: Visitor) -> Summary:
    """The visitor's own long-term profile, including its running session and excluding other devices."""
    counts = zip(visitor.totals, visitor.counts, strict=True)
    return Summary(
        visitor.sessions,
        min(MAX_COUNT, visitor.bought_sessions + (visitor.counts[_PURCHASE] > 0)),
        visitor.orders,
        visitor.total_spend,
        visitor.purchase_ts,
        [min(MAX_COUNT, total + count) for total, count in counts],
        dict(visitor.categories),
        visitor.price_weight,
        visitor.price_sum,
        visitor.profile_day,
        newest((visitor.declared, visitor.given)),
    )


def total(summaries: Sequence[Summary]) -> Summary | None:
    """The sum; None for no summaries, or an empty sum.

    Counts and money add up and saturate, times and days are the latest. Categories and prices fade to the
    latest day first, each in one step; the 8 heaviest categories stay, of equal ones the smaller hash.
    """
    if not summaries:
        return None
    day = max(summary.profile_day for summary in summaries)
    shares = [_share(day - summary.profile_day) for summary in summaries]
    made = Summary(
        min(MAX_COUNT, sum(summary.sessions for summary in summaries)),
        min(MAX_COUNT, sum(summary.bought_sessions for summary in summaries)),
        min(MAX_COUNT, sum(summary.orders for summary in summaries)),
        min(MAX_AMOUNT, sum(summary.total_spend for summary in summaries)),
        max(summary.purchase_ts for summary in summaries),
        [min(MAX_COUNT, sum(counts)) for counts in zip(*(s.totals for s in summaries), strict=True)],
        _heaviest(zip(summaries, shares, strict=True)),
        _faded((summary.price_weight for summary in summaries), shares),
        _faded((summary.price_sum for summary in summaries), shares),
        day,
        newest([summary.traits for summary in summaries]),
    )
    return made if made != Summary() else None


def joined(visitor: Visitor) -> Summary:
    """The past that features read for a visitor with `others`: its own and the other devices'.

    As `total` of both, computed for each click; a purchase on another device counts as no later than the
    visitor's last click.
    """
    others, day = visitor.others, visitor.profile_day
    assert others is not None
    mine, theirs = _share(max(0, others.profile_day - day)), _share(max(0, day - others.profile_day))
    totals = list(map(add, visitor.totals, others.totals))
    return Summary(
        min(MAX_COUNT, visitor.sessions + others.sessions),
        min(MAX_COUNT, visitor.bought_sessions + others.bought_sessions),
        min(MAX_COUNT, visitor.orders + others.orders),
        min(MAX_AMOUNT, visitor.total_spend + others.total_spend),
        max(visitor.purchase_ts, min(others.purchase_ts, visitor.last_ts)),
        totals if max(totals) <= MAX_COUNT else [min(MAX_COUNT, count) for count in totals],
        _merged(visitor.categories, mine, others.categories, theirs),
        min(MAX_AMOUNT, (visitor.price_weight * mine >> 16) + (others.price_weight * theirs >> 16)),
        min(MAX_AMOUNT, (visitor.price_sum * mine >> 16) + (others.price_sum * theirs >> 16)),
        max(day, others.profile_day),
    )


def traits_of(visitor: Visitor) -> Traits:
    """By field the newest value from the visitor's clicks, the topic `profiles` and the other devices."""
    others = visitor.others
    declared, given, told = visitor.declared, visitor.given, others.traits if others else None
    if told is None and (declared is None or given is None):
        return declared or given or NONE
    return newest((declared, given, told)) or NONE


def _share(days: int) -> int:
    if not days:
        return _WHOLE
    return FADE[days] if days < len(FADE) else 0


def _faded(values: Iterable[int], shares: Iterable[int]) -> int:
    faded = (value * share >> 16 for value, share in zip(values, shares, strict=True))
    return min(MAX_AMOUNT, sum(faded))


def _merged(own: dict[int, int], mine: int, others: dict[int, int], theirs: int) -> dict[int, int]:
    weights = dict(own) if mine == _WHOLE else {category: own[category] * mine >> 16 for category in own}
    for category, weight in others.items():
        faded = weights.get(category, 0) + (weight * theirs >> 16)
        weights[category] = faded if faded < MAX_AMOUNT else MAX_AMOUNT
    if mine == theirs == _WHOLE and len(weights) <= CATEGORIES:
        return weights
    return _best(weights)


def _heaviest(faded: Iterable[tuple[Summary, int]]) -> dict[int, int]:
    weights: dict[int, int] = {}
    for summary, share in faded:
        for category, weight in summary.categories.items():
            weights[category] = min(MAX_AMOUNT, weights.get(category, 0) + (weight * share >> 16))
    return _best(weights)


def _best(weights: dict[int, int]) -> dict[int, int]:
    best = sorted(((-weight, category) for category, weight in weights.items() if weight))[:CATEGORIES]
    return {category: -weight for weight, category in best}
