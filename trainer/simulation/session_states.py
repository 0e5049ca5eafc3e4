"""The states of a simulated session: few enough to enumerate, so that expectations are exact.

A state is a whole number; its attributes are the digits of a mixed radix. Attributes are what the shopper did
(`event`, `carts`, `click`, `dwell`), who it is (`segment`, `price`), and what it was offered in this session
(`served`, `offered`).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

EVENTS: Final = ("view_item", "add_to_cart", "purchase")
VIEW, CART, PURCHASE, LEAVE = range(4)
SEGMENTS: Final = ("new", "returning")
PRICES: Final = ("low", "middle", "high")
#: Upper limits (s) of all buckets of the time between two clicks but the last.
DWELL_SECONDS: Final = (30.0, 120.0)
DWELLS: Final = ("quick", "short", "long")
#: Counts stop here: "or more".
MOST_CARTS, MOST_CLICKS, MOST_SERVED = 2, 6, 3

SIZES: Final = {
    "event": len(EVENTS),
    "carts": MOST_CARTS + 1,
    "click": MOST_CLICKS,
    "dwell": len(DWELLS),
    "segment": len(SEGMENTS),
    "price": len(PRICES),
    "served": MOST_SERVED + 1,
    "offered": 2,
}
STATES: Final = int(np.prod(list(SIZES.values())))


class Attributes(NamedTuple):
    """Attributes of states, int64, of one shape; `click` counts from 0."""

    event: Ints
    carts: Ints
    click: Ints
    dwell: Ints
    segment: Ints
    price: Ints
    served: Ints
    offered: Ints

    def states(self) -> Ints:
        """The numbers of the states."""
        return np.asarray(np.ravel_multi_index(self, tuple(SIZES.values())), dtype=np.int64)


def attributes(states: Ints) -> Attributes:
    """Attributes by state."""
    return Attributes(*(np.asarray(digit) for digit in np.unravel_index(states, tuple(SIZES.values()))))


def every() -> Attributes:
    """Attributes of all states, each [STATES]."""
    return attributes(np.arange(STATES))


def following(now: Attributes, event: Ints, dwell: Ints, served: Ints, offered: Ints) -> Attributes:
    """Attributes after the next click: its event and dwell, and whether an action was served just now (0 or
    1), and one with a cost. All shapes broadcast.
    """
    carts = np.where(event == PURCHASE, 0, np.minimum(now.carts + (event == CART), MOST_CARTS))
    return Attributes(
        *np.broadcast_arrays(
            event,
            carts,
            np.minimum(now.click + 1, MOST_CLICKS - 1),
            dwell,
            now.segment,
            now.price,
            np.minimum(now.served + served, MOST_SERVED),
            np.maximum(now.offered, offered),
        )
    )
