"""Purchase probabilities beside what came of them: a click's outcome is known when its session ends or buys.

Built from decisions alone, which carry the published probability, the event, and the click's position in the
session. A click has bought if a purchase follows in its session; the purchase itself waits for another one.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from xxhash import xxh3_64_intdigest

from gateway.dashboard.feeds.seen_records import DecisionRow
from gateway.dashboard.feeds.time_buckets import TimeBuckets, Window
from models.durations import MINUTE_MS

#: Silence (event time, ms) that ends a session; the default of PATHCAST_SESSION_GAP_MINUTES.
GAP_MS: Final = 30 * MINUTE_MS
#: Sessions under way in a partition at most; beyond them the longest silent one is dropped, and counted.
MOST_SESSIONS: Final = 10_000
#: Clicks of a session that are followed at most.
MOST_CLICKS: Final = 200
#: Bands of the reliability diagram.
RELIABILITY_BANDS: Final = 10
#: Bands of the click's position in its session: the first of each.
POSITIONS: Final = (1, 2, 3, 6, 11)


class Matured(NamedTuple):
    """Of the clicks of one band: how many, the sum of their probabilities, how many bought later."""

    clicks: int
    expected: float
    bought: int
    squares: float


class KnownOutcome(NamedTuple):
    """A click whose outcome became known at a time (epoch ms)."""

    at: int
    bought: bool
    probability: float
    position: int


class UnderWay(NamedTuple):
    """A visitor's session: its latest event time, and probability and position of each click that waits."""

    last_ts: int
    position: int
    waiting: list[tuple[float, int]]


class MaturedSessions:
    """Follows the sessions of all visitors, by hashes of their ids. Outcomes count when they become known."""

    def __init__(self, gap_ms: int = GAP_MS) -> None:
        self.counts = TimeBuckets(most_names=200)
        self.dropped = 0
        self._gap = gap_ms
        self._open: dict[int, dict[int, UnderWay]] = {}
        self._placement = ""
        self._reached: dict[int, int] = {}

    def take(self, now: int, partition: int, decisions: Sequence[tuple[int, DecisionRow]]) -> None:
        """Decisions of a partition in order, each with the time of its record (epoch ms)."""
        known: list[KnownOutcome] = []
        held = self._open.setdefault(partition, {})
        for at, row in decisions:
            self._placement = self._placement or row.placement
            if row.placement == self._placement:
                self._reached[partition] = max(self._reached.get(partition, 0), row.ts)
                _click(held, at, row, known)
        if decisions:
            self._close(held, self._reached.get(partition, 0) - self._gap, decisions[-1][0], known)
        self._count(now, known)

    @property
    def under_way(self) -> int:
        """Sessions whose outcome is not known yet."""
        return sum(map(len, self._open.values()))

    def _close(self, held: dict[int, UnderWay], before: int, at: int, known: list[KnownOutcome]) -> None:
        """End silent sessions. Those at the front have waited longest, since a click moves one to the end."""
        while held:
            visitor, session = next(iter(held.items()))
            silent = session.last_ts < before
            if not silent and len(held) <= MOST_SESSIONS:
                return
            del held[visitor]
            self.dropped += not silent
            known += [KnownOutcome(at, False, *click) for click in session.waiting] if silent else []

    def _count(self, now: int, known: Sequence[KnownOutcome]) -> None:
        times = [one.at for one in known]
        bands, positions = (
            [_band(one.probability) for one in known],
            [position_band(one.position) for one in known],
        )
        for name, amounts in (
            ("clicks", [1.0] * len(known)),
            ("expected", [one.probability for one in known]),
            ("bought", [float(one.bought) for one in known]),
            ("squares", [(one.probability - one.bought) ** 2 for one in known]),
        ):
            self.counts.take(now, times, [(name, "band", band) for band in bands], amounts)
            self.counts.take(now, times, [(name, "position", first) for first in positions], amounts)

    def by(self, window: Window, kind: str) -> dict[int, Matured]:
        """By reliability band (`band`) or first position of a band (`position`), of outcomes that became
        known in a window.
        """
        held = self.counts.total(window)
        keys = sorted(name[2] for name in held if name[:2] == ("clicks", kind))
        return {
            key: Matured(
                int(held["clicks", kind, key]),
                held["expected", kind, key],
                int(held["bought", kind, key]),
                held["squares", kind, key],
            )
            for key in keys
        }


def _click(held: dict[int, UnderWay], at: int, row: DecisionRow, known: list[KnownOutcome]) -> None:
    """A session that began before reading did counts from its first click that was read."""
    visitor = xxh3_64_intdigest(row.visitor_id.encode())
    session = held.pop(visitor, None)
    if session is not None and row.context.click <= session.position:
        known += [KnownOutcome(at, False, *click) for click in session.waiting]
        session = None
    waiting = [] if session is None else session.waiting
    if row.context.event == "purchase":
        known += [KnownOutcome(at, True, *click) for click in waiting]
        waiting = []
    if len(waiting) < MOST_CLICKS:
        waiting.append((row.context.purchase_probability, row.context.click))
    held[visitor] = UnderWay(row.ts, row.context.click, waiting)


def position_band(position: int) -> int:
    """The first position of the band that a click's position lies in."""
    return max(first for first in POSITIONS if first <= max(1, position))


def _band(probability: float) -> int:
    return min(RELIABILITY_BANDS - 1, int(probability * RELIABILITY_BANDS))
