"""Sums by name in buckets of time, bounded in time and in names, of which any window can be added up."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import repeat
from typing import Any, Final, NamedTuple

#: What an amount is of: a word that says what kind of name it is, and further words.
Name = tuple[Any, ...]
#: Width of a bucket (ms): windows begin at a multiple of it.
BUCKET_MS: Final = 5_000
#: Buckets that are kept: an hour.
BUCKETS: Final = 720
#: The name under which amounts of names beyond the bound are added.
OTHER_NAMES: Final = ("other",)


class Window(NamedTuple):
    """From `start` to before `end`, epoch ms."""

    start: int
    end: int

    def __contains__(self, at: object) -> bool:
        """Whether a time lies in the window."""
        return isinstance(at, int) and self.start <= at < self.end


def window_until(now: int, seconds: int) -> Window:
    """The last `seconds` before `now`, from the beginning of a bucket on."""
    start = (now - 1000 * seconds) // BUCKET_MS * BUCKET_MS
    return Window(start, now + 1)


class TimeBuckets:
    """Amounts by name and bucket. A name beyond `most_names` of its bucket counts as OTHER_NAMES.

    Times are epoch ms. One that is later than `now` counts as now, because producers' clocks may be ahead;
    one that is older than the oldest bucket is left out.
    """

    def __init__(self, most_names: int = 500) -> None:
        self._most = most_names
        self._held: defaultdict[int, Counter[Name]] = defaultdict(Counter)

    def take(
        self, now: int, times: Iterable[int], names: Iterable[Name], amounts: Iterable[float] = repeat(1)
    ) -> None:
        """Add each amount to its name in the bucket of its time."""
        newest = now // BUCKET_MS
        oldest = newest - BUCKETS
        for at, name, amount in zip(times, names, amounts, strict=False):
            bucket = min(at // BUCKET_MS, newest)
            if bucket > oldest:
                held = self._held[bucket]
                held[name if name in held or len(held) < self._most else OTHER_NAMES] += amount  # type: ignore[assignment]
        for bucket in [bucket for bucket in self._held if bucket <= oldest]:
            del self._held[bucket]

    def total(self, window: Window) -> Counter[Name]:
        """Amounts by name of the buckets that begin in a window."""
        found = Counter[Name]()
        for bucket in self._within(window):
            found.update(self._held[bucket])
        return found

    def series(self, window: Window, name: Name, points: int = 60) -> list[tuple[int, float]]:
        """At most about `points` times (epoch ms) with the amount of a name a second from there on."""
        first, last = window.start // BUCKET_MS, (window.end - 1) // BUCKET_MS
        width = max(1, -(-(last - first + 1) // points))
        found = []
        for start in range(first, last + 1, width):
            inside = range(start, min(start + width, last + 1))
            amount = sum(self._held[bucket][name] for bucket in inside if bucket in self._held)
            found.append((start * BUCKET_MS, amount / (len(inside) * BUCKET_MS / 1000)))
        return found

    def _within(self, window: Window) -> list[int]:
        return [bucket for bucket in self._held if bucket * BUCKET_MS in window]
