"""Session risk click by click: the evidence of the last waits, each by itself (`models.network.risk`)."""

import math

import numpy as np
from numpy.typing import NDArray

from models.compiled import kernel

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

#: First bits of a code's fields in its second word.
EVENT_AT, DWELL_AT, FLAGS_AT = map(np.uint64, (32, 40, 56))
BYTE, RATE_FLAG, NOTHING = map(np.uint64, (0xFF, 4, 0))
#: Bound of the summed evidence.
MOST = 30.0


@kernel
def risks(
    trail: Words,
    place: Ints,
    start: Ints,
    ratios: Floats,
    counters: int,
    buckets: tuple[int, int, int, int],
    window: tuple[int, int],
    nats: tuple[float, float, float],
    odds: tuple[float, float],
    out: Floats,
) -> None:
    """Into `out` [N] the probability that a machine made the clicks up to each.

    `trail`, `place` and `start` are those of `models.features.trails_kernel`, `ratios` is a table of log
    ratios with `counters` events. `buckets` are the last one of one action, the first and the last of waits
    below a second, and that of a pause. `window` are the clicks that count and the length of a burst. `nats`
    are the evidence of waits in a burst, of one action's, and of the rate limit; `odds` temper and prior.
    """
    for click in range(len(place)):
        hasty, steady = evidence(trail, place[click], start[click], ratios, counters, buckets, window, nats)
        temper, prior = odds
        hasty, steady = bounded(temper * hasty), bounded(temper * steady)
        against = (math.exp(hasty) + math.exp(steady)) / 2 * prior / (1 - prior)
        out[click] = np.float32(against / (1 + against))


@kernel
def bounded(value: float) -> float:
    return max(-MOST, min(MOST, value))


@kernel
def evidence(
    trail: Words,
    place: int,
    start: int,
    ratios: Floats,
    counters: int,
    buckets: tuple[int, int, int, int],
    window: tuple[int, int],
    nats: tuple[float, float, float],
) -> tuple[float, float]:
    """Summed evidence of the last waits up to one click, for hasty and for steady machines."""
    hasty = steady = 0.0
    # Clicks since the last wait of a second, and since the last pause: from far enough back to know a burst.
    calm = pause = 0
    for at in range(max(start, place - window[0] - window[1]), place + 1):
        event, dwell, flags = fields(trail[at, 1])
        calm = 0 if dwell == 0 or dwell > buckets[2] else calm + 1
        pause = 0 if dwell == 0 or dwell >= buckets[3] else pause + 1
        if at <= max(start, place - window[0]):
            continue
        before, waited, _ = fields(trail[at - 1, 1])
        if dwell <= buckets[0]:
            more = nats[1] if calm >= window[1] else 0.0
            hasty, steady = hasty + more, steady + more
        elif dwell <= buckets[2]:
            more = nats[0] if pause >= window[1] else 0.0
            hasty, steady = hasty + more, steady + more
        else:
            hasty += np.float64(
                ratios[min(before, counters - 1) * counters + min(event, counters - 1), dwell]
            )
            steady += np.float64(ratios[counters * counters + waited, dwell])
        if flags & RATE_FLAG > NOTHING:
            hasty, steady = hasty + nats[2], steady + nats[2]
    return hasty, steady


@kernel
def fields(word: np.uint64) -> tuple[int, int, np.uint64]:
    """Event, dwell bucket (15 at most) and flags of a code's second word."""
    dwell = min(int(np.int64((word >> DWELL_AT) & BYTE)), 15)
    return int(np.int64((word >> EVENT_AT) & BYTE)), dwell, word >> FLAGS_AT
