"""Milliseconds from a click's record to its answer's, joined by event id."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from gateway.dashboard.feeds.time_buckets import Name, TimeBuckets, Window

#: Clicks whose answer is awaited, and answers whose click is, at most.
MOST_AWAITED: Final = 20_000
#: Latencies are counted in ms up to here, in tens of ms above.
FINE_MS: Final = 1_000
#: Longer ones count as this.
LONGEST_MS: Final = 60_000


class AnswerLatency:
    """Both records may be read first; what is never joined is dropped, the oldest first."""

    def __init__(self) -> None:
        self._held = TimeBuckets(most_names=2_000)
        self._clicks: dict[str, int] = {}
        self._answers: dict[str, int] = {}

    def sent(self, now: int, clicks: Sequence[tuple[str, int]]) -> None:
        """Clicks by event id, with the times of their records (epoch ms)."""
        self._count(now, [(self._answers.pop(name), at) for name, at in clicks if name in self._answers])
        self._clicks.update(clicks)
        _bound(self._clicks)

    def answered(self, now: int, answers: Sequence[tuple[str, int]]) -> None:
        """Answers by event id, with the times of their records (epoch ms)."""
        self._count(now, [(at, self._clicks.pop(name)) for name, at in answers if name in self._clicks])
        self._answers.update((name, at) for name, at in answers if name not in self._clicks)
        _bound(self._answers)

    def _count(self, now: int, joined: Sequence[tuple[int, int]]) -> None:
        times = [answered for answered, _ in joined]
        self._held.take(now, times, [("ms", rounded(answered - sent)) for answered, sent in joined])

    def joined(self, window: Window) -> int:
        """Answers of a window whose latency is known."""
        return int(sum(self._held.total(window).values()))

    def quantile(self, window: Window, share: float) -> int | None:
        """The least latency (ms) that at least this share of the window's answers did not exceed."""
        return quantile_of(self._held.total(window), share)


def rounded(ms: int) -> int:
    """A latency as it is counted; clocks that disagree may make one negative, which counts as 0."""
    ms = max(0, min(ms, LONGEST_MS))
    return ms if ms < FINE_MS else ms // 10 * 10


def quantile_of(counts: Counter[Name], share: float) -> int | None:
    """The least of the counted numbers that has at least this share of the counts at or below it."""
    wanted, passed = share * sum(counts.values()), 0.0
    for name in sorted(name for name in counts if len(name) == 2):
        passed += counts[name]
        if passed >= wanted:
            return int(name[1])
    return None


def _bound(waiting: dict[str, int]) -> None:
    for name in list(waiting)[: max(0, len(waiting) - MOST_AWAITED)]:
        del waiting[name]
