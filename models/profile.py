"""Long-term taste inside a visitor's record: preferred categories and price band, fading with a half-life.

Categories are counted by SpaceSaving (Metwally, Agrawal, El Abbadi 2005): 8 counters; a newcomer takes over
the smallest one and its count. Integers only, so that every machine fades alike.
"""

import struct
from typing import Final

from models.events import EVENT_CODES
from models.packed import find
from models.visitor import COUNTERS, Visitor

DAY_MS: Final = 86_400_000
SLOTS: Final = 8
#: 8 category hashes u4, then their 8 weights u4, little-endian; a free slot is 0, 0.
_TABLE: Final = struct.Struct(f"<{2 * SLOTS}I")
_WEIGHTS_AT: Final = 4 * SLOTS
_EMPTY: Final = bytes(_TABLE.size)
_MAX_WEIGHT: Final = 0xFFFF_FFFF

HALF_LIFE_DAYS: Final = 30
#: Remaining share after so many days, of 65,536. Later than that nothing is left.
FADE: Final = tuple(int(65_536 * 0.5 ** (days / HALF_LIFE_DAYS)) for days in range(16 * HALF_LIFE_DAYS + 1))

_UNITS: Final = {
    "page_view": 64,
    "view_item_list": 64,
    "select_item": 128,
    "view_item": 256,
    "add_to_wishlist": 512,
    "add_to_cart": 1024,
    "begin_checkout": 1024,
    "purchase": 2048,
}
#: How much an event says about taste, by event code.
WEIGHTS: Final = tuple(
    {EVENT_CODES[name]: units for name, units in _UNITS.items()}.get(code, 0) for code in range(COUNTERS)
)


def touch(visitor: Visitor, event: int, category: bytes, price: int) -> None:
    """Counts an event (by code) for its category (4 hash bytes, zeros: none) and price bucket (0: none)."""
    weight = WEIGHTS[event]
    if not weight:
        return
    if price:
        visitor.price_weight += weight
        visitor.price_sum += weight * price
    if category != b"\0\0\0\0":
        visitor.categories = _counted(visitor.categories or _EMPTY, category, weight)


def fade(visitor: Visitor, ts: int) -> None:
    """Lets the profile fade for the whole UTC days passed; called when a session starts at `ts`."""
    day = ts // DAY_MS
    days = day - visitor.profile_day
    if days <= 0:
        return
    visitor.profile_day = day
    share = FADE[days] if days < len(FADE) else 0
    visitor.price_weight = visitor.price_weight * share >> 16
    visitor.price_sum = visitor.price_sum * share >> 16
    if visitor.categories:
        table = _TABLE.unpack(visitor.categories)
        weights = [weight * share >> 16 for weight in table[SLOTS:]]
        kept = [key if weight else 0 for key, weight in zip(table, weights, strict=False)]
        visitor.categories = _TABLE.pack(*kept, *weights)


def categories(visitor: Visitor) -> dict[int, int]:
    """Weight by category hash, in no particular order; at most 8."""
    if not visitor.categories:
        return {}
    table = _TABLE.unpack(visitor.categories)
    return {key: weight for key, weight in zip(table, table[SLOTS:], strict=False) if key}


def weight_of(visitor: Visitor, category: bytes) -> int:
    """The weight of one category (4 hash bytes); 0 for one not among the 8."""
    at = find(visitor.categories, category, 4, 0, _WEIGHTS_AT)
    if at < 0:
        return 0
    at += _WEIGHTS_AT
    return int.from_bytes(visitor.categories[at : at + 4], "little")


def _counted(table: bytes, category: bytes, weight: int) -> bytes:
    at = find(table, category, 4, 0, _WEIGHTS_AT)
    if at < 0:
        weights = _TABLE.unpack(table)[SLOTS:]
        at = 4 * weights.index(min(weights))
        table = table[:at] + category + table[at + 4 :]
    at += _WEIGHTS_AT
    total = min(_MAX_WEIGHT, int.from_bytes(table[at : at + 4], "little") + weight)
    return table[:at] + total.to_bytes(4, "little") + table[at + 4 :]
