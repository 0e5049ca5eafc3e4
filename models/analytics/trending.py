"""What draws more interest than before: items or categories of a window against those of an earlier one."""

from math import sqrt
from typing import NamedTuple

from models.analytics.analytics_records import Sketch


class Trend(NamedTuple):
    """A key's interest now and before, what its part of the traffic before would come to now, and the score.

    The score is the excess over that, in standard deviations of a Poisson count.
    """

    key: str
    now: int
    bought: int
    before: int
    expected: float
    score: float


def trending(now: Sketch, before: Sketch, most: int) -> list[Trend]:
    """The `most` keys with the highest scores above 0, the highest first.

    Of each key the least that its weight may be now, and the most that it may have been before: so a sketch's
    error never makes a trend.
    """
    grown = now.total / before.total if before.total else 0.0
    found = [_trend(key, *pair, before, grown) for key, pair in now.counts.items()]
    found.sort(key=lambda one: (-one.score, one.key))
    return [one for one in found[:most] if one.score > 0]


def _trend(key: str, weight: int, bought: int, before: Sketch, grown: float) -> Trend:
    was = before.counts.get(key, (0, 0))[0]
    expected = (was + before.error) * grown
    return Trend(key, weight, bought, was, expected, (weight - expected) / sqrt(expected + 1))
