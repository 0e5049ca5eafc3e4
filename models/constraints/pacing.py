"""How a budget is released over its time."""

from collections.abc import Callable, Mapping
from typing import Final

from models.constraints.fields import Pacing

#: `ahead` releases a budget this much faster than `even`, and all of it after four fifths of the time.
AHEAD: Final = 1.25

#: By pacing: the share of the budget that is released when a share of the time (0 to 1) has passed.
CURVES: Final[Mapping[Pacing, Callable[[float], float]]] = {
    "even": lambda passed: passed,
    "ahead": lambda passed: min(1.0, AHEAD * passed),
    "asap": lambda passed: 1.0,
}


def released(budget: int, pacing: Pacing, start: int | None, end: int | None, now: int) -> int:
    """What of `budget` may be spent by event time `now` (epoch ms): nothing before `start`, all after `end`.

    Without a start or an end there is no time to pace over: all of it from `start` on.
    """
    if start is not None and now < start:
        return 0
    if start is None or end is None or now >= end:
        return budget
    return int(budget * CURVES[pacing]((now - start) / (end - start)))
