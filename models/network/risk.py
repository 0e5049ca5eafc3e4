"""Session risk: the probability that a machine, not a person, made the latest clicks, from their pace.

Which events occur, and in which order, depends on what a shop reports; an event that is rare in the training
log is no evidence. So only the waits between events are evidence, not the events themselves.

The waits of people are counted in the training log by pair of events (previous, current). Each row is shrunk
to all waits of the log, and these to `PEOPLE`, the waits in other shops. An unknown pair has the waits of the
log, an empty log those of `PEOPLE`. Two kinds of machine are compared with people. A *hasty* one waits less
than 8 s, uniformly. A *steady* one waits less than 8 s as well, and mostly as long as before; it is compared
with how often people do that. For each kind the log ratios of the last clicks are added, and tempered because
the clicks of a session are correlated. Both kinds share the prior.

A *burst* is a run of events without a wait of 4 s. Up to its 16th event, waits below a second are no
evidence, because a page has many tags and a search is sent while it is typed. From there on each such wait
counts `BURST_NATS` for a machine, whatever the log. Waits below 128 ms count `TOGETHER_NATS`, and only where
the last 16 waits are all below a second, because the lines of an order are one action. A click above the rate
limit of a person (RATE) counts `RATE_NATS` for a machine, whatever its wait.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.features.batch import Batch
from models.network.kernels import risk_kernel
from models.state.codes import DWELL_BUCKETS, as_words
from models.state.event_counts import COUNTERS

Floats = NDArray[np.float64]
#: Clicks that count. Fewer than a visitor's record keeps, so that chunking has no effect.
WINDOW: Final = 30
PRIOR: Final = 0.001
#: Factor of the summed evidence (tempering).
TEMPER: Final = 0.45
RATE_NATS: Final = 5.0
#: Bound of the evidence of one wait, for either side.
MOST_NATS: Final = 2.0
#: Events of a burst before waits below a second count, and the evidence of each wait from then on. With
#: WINDOW these need 46 codes; a visitor's record keeps 50.
BURST: Final = 16
BURST_NATS, TOGETHER_NATS = 2.0, 0.75

#: Buckets (`codes.dwell_bucket`) of one action's events, of waits below a second, and of waits below 8 s.
TOGETHER: Final = 1
BRIEF: Final = slice(2, 5)
FAST: Final = slice(2, 8)
#: The bucket of waits that end a burst, from 4 s on.
PAUSE: Final = 7
FAST_SHARE: Final = 0.95
#: Probability that a steady machine's wait is in the bucket of the previous wait, and in an adjacent one.
SAME_SHARE, NEAR_SHARE = 0.75, 0.2
#: Shares of the buckets among people's waits, from 128 ms on: about the mean of two logs, of electronics and
#: of merchandise. Both have whole seconds, so the division within `BRIEF` is assumed.
PEOPLE: Final[Floats] = np.array(
    [0, 0, 0.006, 0.01, 0.02, 0.04, 0.08, 0.1, 0.13, 0.155, 0.16, 0.125, 0.085, 0.05, 0.027, 0.012]
)
#: Probability, beyond chance, that a person's wait is in the bucket of the previous wait.
PEOPLE_SAME: Final = 0.1
#: Shrinkage, in waits: of the log to `PEOPLE`, and of a row to the whole log.
POOLED, ROW = 1000.0, 200.0
#: Share of `PEOPLE` in the expected waits, however large the log.
OTHERS: Final = 0.25

#: What the kernel is told: buckets, window, evidence in nats, temper and prior.
_RULES: Final = (
    (TOGETHER, BRIEF.start, BRIEF.stop - 1, PAUSE),
    (WINDOW, BURST),
    (BURST_NATS, TOGETHER_NATS, RATE_NATS),
    (TEMPER, PRIOR),
)

PAIRS: Final = COUNTERS * COUNTERS
#: Rows by pair of events (previous, current) for hasty machines, then by previous bucket for steady ones.
SHAPE: Final = (PAIRS + DWELL_BUCKETS, DWELL_BUCKETS)


def table(
    previous: NDArray[np.uint8], event: NDArray[np.uint8], dwell: NDArray[np.uint8], before: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Log ratios machine : people (SHAPE) from a log's transitions [N].

    `dwell` is the bucket of the wait between the two events, `before` that of the previous wait (0: the first
    event began the session).
    """
    pairs, steady = np.zeros((PAIRS, DWELL_BUCKETS)), np.zeros((DWELL_BUCKETS, DWELL_BUCKETS))
    np.add.at(pairs, (previous.astype(np.int64) * COUNTERS + event, dwell), 1)
    np.add.at(steady, (before, dwell), 1)
    pairs[:, : BRIEF.start] = steady[:, : BRIEF.start] = 0
    general = PEOPLE / PEOPLE.sum()
    pooled = OTHERS * general + (1 - OTHERS) * _drawn(pairs.sum(0, keepdims=True), general, POOLED)
    same = PEOPLE_SAME * np.eye(DWELL_BUCKETS) + (1 - PEOPLE_SAME) * pooled
    # A session's first event and events of one action have no previous wait that could be repeated.
    same[: BRIEF.start], steady[: BRIEF.start] = pooled, 0
    hasty = _ratios(_drawn(pairs, pooled, ROW), _hasty())
    return np.concatenate([hasty, _ratios(_drawn(steady, same, ROW), _steady())])


def _ratios(people: Floats, fast: Floats) -> NDArray[np.float32]:
    """Log ratios [R, D]; a machine's fast waits are distributed as `fast`, its others as those of people."""
    machine = FAST_SHARE * fast + np.zeros_like(people)
    slow = people[:, FAST.stop :]
    machine[:, FAST.stop :] = (1 - FAST_SHARE) * slow / slow.sum(1, keepdims=True)
    told = slice(BRIEF.start, None)
    made = np.zeros_like(people)
    made[:, told] = np.log(machine[:, told] / people[:, told]).clip(-MOST_NATS, MOST_NATS)
    return made.astype(np.float32)


def _drawn(counts: Floats, base: Floats, pull: float) -> Floats:
    """Shares [R, D] of counted waits, shrunk to `base` [R or 1, D].

    Waits below a second are counted together and divided as in `PEOPLE`: many logs have whole seconds only.
    """
    shares: Floats = (counts + pull * base) / (counts.sum(1, keepdims=True) + pull)
    split = PEOPLE[BRIEF] / PEOPLE[BRIEF].sum()
    shares[:, BRIEF] = shares[:, BRIEF].sum(1, keepdims=True) * split
    return shares


def _hasty() -> Floats:
    made = np.zeros(DWELL_BUCKETS)
    made[FAST] = 1 / (FAST.stop - FAST.start)
    return made


def _steady() -> Floats:
    """Shares [D, D] of fast waits by previous bucket; those of a hasty machine where that was not fast."""
    made = np.tile(_hasty(), (DWELL_BUCKETS, 1))
    for before in range(FAST.start, FAST.stop):
        near = [bucket for bucket in (before - 1, before + 1) if FAST.start <= bucket < FAST.stop]
        made[before] *= 1 - SAME_SHARE - NEAR_SHARE
        made[before, before] += SAME_SHARE
        made[before, near] += NEAR_SHARE / len(near)
    return made


def uncounted() -> NDArray[np.float32]:
    """The table (SHAPE) of an empty log, in which people have the waits of `PEOPLE`."""
    none = np.zeros(0, np.uint8)
    return table(none, none, none, none)


def risk(batch: Batch, ratios: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability [N] that a machine made the clicks up to each; `ratios` is a `table`."""
    codes, place, start = batch.trails
    found = np.empty(len(batch), dtype=np.float32)
    risk_kernel.risks(as_words(codes), place, start, ratios, COUNTERS, *_RULES, found)
    return found
