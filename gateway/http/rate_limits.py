"""Limit the requests of each token: a bucket that holds what a second allows, and fills steadily."""

import time
from collections.abc import Callable
from math import ceil


class RateLimits:
    """One bucket for each caller; callers are the names in the file of tokens, so there are few."""

    def __init__(self, default: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._default, self._clock = default, clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, name: str, rate: float | None) -> int:
        """Take one request from the caller's bucket; 0, or seconds until there is one again."""
        rate = rate or self._default
        most, now = max(rate, 1.0), self._clock()
        held, since = self._buckets.get(name, (most, now))
        held = min(most, held + (now - since) * rate)
        if held < 1:
            self._buckets[name] = held, now
            return max(1, ceil((1 - held) / rate))
        self._buckets[name] = held - 1, now
        return 0
