"""Clicks that have given codes: names stand for hashes, the middle of a bucket for a time or a price."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract.events import EVENTS, Click
from models.durations import DAY_MS
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.cart import LINE
from models.state.codes import IN_CART, PAGE, SEEN, identity
from models.state.codes import items as item_hashes
from models.state.visitor import MAX_COUNT, encode

#: Without a click in between, a made-up session stays one session.
ONE_SESSION: Final = SessionConfig(
    gap_ms=DAY_MS,
    max_session_ms=1000 * DAY_MS,
    max_session_clicks=MAX_COUNT,
    max_clicks_per_minute=MAX_COUNT,
)
_BEGAN: Final = 1_700_000_000_000


def synthetic_clicks(codes: NDArray[np.void]) -> list[Click]:
    """Clicks that have these codes but for their items' hashes; names stand for hashes."""
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
    """A price in the middle of its bucket (`codes.price_bucket`)."""
    if bucket < 3:
        return (None, 0.125, 0.375)[bucket]
    octave, upper = divmod(bucket - 2, 2)
    return float(2.0 ** (octave - 2) * (1.75 if upper else 1.25))


def visitor_under_way(codes: NDArray[np.void]) -> bytes:
    """A visitor whose session runs already: what the first known clicks met was seen, or in the cart."""
    opening = Click(event_id="opening", visitor_id="-", ts=_BEGAN, event="page_view")
    visitor, _ = step(None, opening, opening.ts, ONE_SESSION)
    hashes = item_hashes(codes)
    _, first = np.unique(hashes, return_index=True)
    for at in first[hashes[first] != 0].tolist():
        item = identity(f"{int(hashes[at]):x}", None).item
        if codes["flags"][at] & SEEN:
            visitor.seen += item
        if codes["flags"][at] & IN_CART:
            visitor.cart += LINE.pack(item, 1, 0)
    return encode(visitor)
