"""Synthetic sessions of bots, to test the session risk: no log here labels real bots."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENT_CODES
from models.features.features import NAMES
from models.state.codes import CODE
from trainer.examples.examples import Examples
from trainer.examples.lookahead import LOOKAHEAD, OBSERVED

#: Bots of each kind, and clicks of each bot.
COUNT: Final = 100
CLICKS: Final = 20
#: Events of each kind and the range of dwell buckets between them (`codes.dwell_bucket`): fast scrapers,
#: patient crawlers, card testers.
KINDS: Final = (
    (("view_item",), (3, 4)),
    (("page_view", "view_item"), (6, 7)),
    (("begin_checkout", "add_payment_info"), (4, 6)),
)


def generate_bots(seed: int = 0) -> tuple[Examples, NDArray[np.float64]]:
    """Sessions of bots, and the approximate duration of each in seconds."""
    random, total = np.random.default_rng(seed), len(KINDS) * COUNT
    codes = np.zeros((total, CLICKS), dtype=CODE)
    codes["item"] = random.integers(1, 1 << 62, codes.shape)
    for number in range(total):
        events, (low, high) = KINDS[number % len(KINDS)]
        codes["event"][number] = random.choice([EVENT_CODES[event] for event in events], CLICKS)
        codes["dwell"][number, 1:] = random.integers(low, high + 1, CLICKS - 1)
    seconds = (2.0 ** codes["dwell"] * 0.064).sum(1)
    return _examples(codes.ravel(), np.repeat(np.arange(total), CLICKS)), seconds


def _examples(codes: NDArray[np.void], session: NDArray[np.int64]) -> Examples:
    count = len(codes)
    return Examples(
        codes,
        np.zeros((count, len(NAMES)), np.float32),
        session,
        (np.arange(count) % CLICKS + 1).astype(np.int32),
        np.zeros(count, np.int64),
        session,
        np.zeros(count, bool),
        np.zeros(count, np.uint64),
        {},
        np.zeros(count, OBSERVED),
        np.zeros(count, LOOKAHEAD),
        {},
    )
