"""Synthetic clicks with given codes: a hash becomes a name, a bucket of time or price its middle value."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENTS, Click
from models.durations import DAY_MS
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.cart import CartLine, pack
from models.state.codes import IN_CART, PAGE, SEEN, identity
from models.state.codes import items as item_hashes
from models.state.visitor import MAX_COUNT, encode

#: Limits under which synthetic clicks stay one session.
ONE_SESSION: Final = SessionConfig(
    gap_ms=DAY_MS,
    max_session_ms=1000 * DAY_MS,
    max_session_clicks=MAX_COUNT,
    max_clicks_per_minute=MAX_COUNT,
)
_BEGAN: Final = 1_700_000_000_000


def synthetic_clicks(codes: NDArray[np.void]) -> list[Click]:
    """Clicks that have these codes, except for the item hashes: an item's name is its hash in hexadecimal."""
    ts, clicks = _BEGAN, []
    for number, code in enumerate(codes.tolist()):
        item, category, event, dwell, price, flags = code
        ts += 64 if dwell == 1 else (3 << (dwell + 4) if dwell else 0)
        name = f"{item:x}" if item else None
        click = Click(
            event_id=str(number),
            visitor_id="-",
            ts=ts,
            event=EVENTS[event - 1],
            item_id=None if flags & PAGE else name,
            page=name if flags & PAGE else None,
            category=str(category) if category else None,
            price=middle_price(price),
        )
        clicks.append(click)
    return clicks


def middle_price(bucket: int) -> float | None:
    """The middle of a price bucket (`codes.price_bucket`); None for bucket 0, no price."""
    if bucket < 3:
        return (None, 0.125, 0.375)[bucket]
    octave, upper = divmod(bucket - 2, 2)
    return float(2.0 ** (octave - 2) * (1.75 if upper else 1.25))


def visitor_under_way(codes: NDArray[np.void]) -> bytes:
    """A visitor whose session has begun: items that the first known clicks found seen or in the cart are."""
    opening = Click(event_id="opening", visitor_id="-", ts=_BEGAN, event="page_view")
    visitor, _ = step(None, opening, opening.ts, ONE_SESSION)
    hashes = item_hashes(codes)
    _, first = np.unique(hashes, return_index=True)
    for at in first[hashes[first] != 0].tolist():
        item = identity(f"{int(hashes[at]):x}", None).item
        if codes["flags"][at] & SEEN:
            visitor.seen += item
        if codes["flags"][at] & IN_CART:
            visitor.cart += pack(CartLine(item, 1, 0))
    return encode(visitor)
