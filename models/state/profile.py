"""Long-term taste in a visitor's record: preferred categories and price band, decaying with a half-life.

Categories are counted by SpaceSaving (Metwally, Agrawal, El Abbadi 2005): 8 counters; a new
category takes over the smallest one and its count. Integers only, so that decay is equal on every machine.
"""

from typing import Final

from models.contract.events import EVENT_CODES
from models.durations import DAY_MS
from models.state.event_counts import COUNTERS
from models.state.visitor import Visitor

CATEGORIES: Final = 8

HALF_LIFE_DAYS: Final = 30
#: Remaining share of 65,536 by days passed; 0 after the last entry.
FADE: Final = tuple(int(65_536 * 0.5 ** (days / HALF_LIFE_DAYS)) for days in range(16 * HALF_LIFE_DAYS + 1))

_UNITS: Final = {
    "page_view": 64,
    "select_item": 128,
    "view_item": 256,
    "add_to_wishlist": 512,
    "add_to_cart": 1024,
    "begin_checkout": 1024,
    "purchase": 2048,
}
#: Weight of an event for taste, by event code.
WEIGHTS: Final = tuple(
    {EVENT_CODES[name]: units for name, units in _UNITS.items()}.get(code, 0) for code in range(COUNTERS)
)


def count_taste(visitor: Visitor, event: int, category: int, price: int) -> None:
    """Counts an event (by code) for its category (32-bit hash, 0 for none) and price bucket (0 for none)."""
    weight = WEIGHTS[event]
    if not weight:
        return
    if price:
        visitor.price_weight += weight
        visitor.price_sum += weight * price
    if category:
        known = visitor.categories
        if category in known:
            known[category] += weight
        elif len(known) < CATEGORIES:
            known[category] = weight
        else:
            least = min(known, key=known.__getitem__)
            known[category] = known.pop(least) + weight


def fade(visitor: Visitor, ts: int) -> None:
    """Decays the profile by the whole UTC days passed; called when a session starts at `ts`."""
    day = ts // DAY_MS
    days = day - visitor.profile_day
    if days <= 0:
        return
    visitor.profile_day = day
    share = FADE[days] if days < len(FADE) else 0
    visitor.price_weight = visitor.price_weight * share >> 16
    visitor.price_sum = visitor.price_sum * share >> 16
    faded = ((category, weight * share >> 16) for category, weight in visitor.categories.items())
    visitor.categories = {category: weight for category, weight in faded if weight}
