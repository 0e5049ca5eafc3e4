"""Session risk: how much likelier a machine than one of the log's people made the latest clicks.

A likelihood ratio of two sequence models over (event, dwell) given the event before: people's is the log's
own table of transitions, smoothed; a machine's takes any event at an even rate and rarely waits for more than
eight seconds. The last clicks' log ratios are added up, halved because clicks of a session are alike, and put
on a prior of one in a hundred. A minute with more clicks than a person makes counts as much as four nats.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.batching import Batch
from models.codes import DWELL_BUCKETS, RATE
from models.visitor import COUNTERS

#: Clicks that count. Less than a visitor's record keeps, so that chunks change nothing.
WINDOW: Final = 20
PRIOR: Final = 0.01
#: Share of a session's evidence that is believed.
TEMPER: Final = 0.5
RATE_NATS: Final = 4.0
#: Dwell buckets below 8 s, where a machine's clicks are to this share.
FAST: Final = slice(1, 8)
FAST_SHARE: Final = 0.95
FAST_BUCKETS: Final = FAST.stop - FAST.start
SMOOTHING: Final = 1.0
SHAPE: Final = (COUNTERS, COUNTERS, DWELL_BUCKETS)


def table(
    previous: NDArray[np.uint8], event: NDArray[np.uint8], dwell: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Log ratios machine : people by event before, event and dwell (SHAPE), from a log's transitions [N]."""
    counts = np.zeros(SHAPE)
    np.add.at(counts, (previous, event, dwell), 1)
    known = counts.sum((0, 2)) > 0
    base = (counts.sum(0) + 1e-3) / (counts.sum() + 1e-3 * counts[0].size)
    strength = SMOOTHING * counts[0].size
    people = (counts + strength * base) / (counts.sum((1, 2), keepdims=True) + strength)
    ratios = np.log(_machine(known)) - np.log(people)
    return np.where(counts.sum() > 0, ratios, 0).astype(np.float32)


def _machine(known: NDArray[np.bool_]) -> NDArray[np.float64]:
    dwell = np.full(DWELL_BUCKETS, (1 - FAST_SHARE) / (DWELL_BUCKETS - FAST_BUCKETS))
    dwell[FAST] = FAST_SHARE / FAST_BUCKETS
    made: NDArray[np.float64] = dwell[None, None, :] / max(1, int(known.sum()))
    return made


def risk(batch: Batch, ratios: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability [N] that a machine made the clicks up to each, from `ratios` as `table` makes them."""
    codes, place, start = batch.trails
    event, dwell = (
        np.minimum(codes[name], size - 1) for name, size in (("event", COUNTERS), ("dwell", DWELL_BUCKETS))
    )
    nats = np.zeros(len(codes) + 1)
    nats[2:] = ratios[event[:-1], event[1:], dwell[1:]] + np.where(codes["flags"][1:] & RATE, RATE_NATS, 0)
    total = np.cumsum(nats)
    # A session's first click has none before it that it could follow from.
    since = np.maximum(start, place - WINDOW) + 1
    evidence = np.where(place > start, total[place + 1] - total[since], 0)
    chance = 1 / (1 + np.exp(-np.clip(TEMPER * evidence, -30, 30)) * (1 - PRIOR) / PRIOR)
    return chance.astype(np.float32)
