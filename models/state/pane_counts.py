"""A pane's counts: those of one item, or the funnel. Integers that are only added."""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from models.state import event_counts
from models.state.event_counts import COUNTERS

_ITEM: Final = struct.Struct("<5I")
_MAX: Final = 0xFFFF_FFFF


class ItemCounts(NamedTuple):
    """One item in one pane; `category` is its category's 32-bit hash, 0 if none was seen."""

    views: int = 0
    carts: int = 0
    purchases: int = 0
    other: int = 0
    category: int = 0


class Funnel(msgspec.Struct, array_like=True, gc=False):
    """All visitors of a partition in one pane.

    `events` counts by event code; `started`, `ended` and `bought` count sessions (`bought`: ended with a
    purchase); `edges[a * COUNTERS + b]` counts event code b right after a in a session.
    """

    events: list[int] = msgspec.field(default_factory=event_counts.zeros)
    started: int = 0
    ended: int = 0
    bought: int = 0
    clicks: int = 0
    edges: dict[int, int] = {}

    def __post_init__(self) -> None:
        before = len(self.events)
        if before < COUNTERS:
            self.edges = {
                edge // before * COUNTERS + edge % before: count for edge, count in self.edges.items()
            }
            event_counts.widen(self.events)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Funnel)

#: msgpack of a funnel. Its edges are in the order of `add_funnels`, so that equal sums are equal bytes.
encode_funnel = _encoder.encode
decode_funnel = _decoder.decode


def encode_item(counts: Sequence[int]) -> bytes:
    """20 bytes: five u4, little-endian, saturating."""
    try:
        return _ITEM.pack(*counts)
    except struct.error:
        return _ITEM.pack(*(min(_MAX, count) for count in counts))


def decode_item(value: bytes) -> ItemCounts:
    """The counts of an item pane's value."""
    return ItemCounts._make(_ITEM.unpack(value))


def item_sum(value: bytes | None, more: Sequence[int]) -> bytes:
    """An item pane's value (None: there was none) after more counts, in the order of ItemCounts.

    Of two categories the greater hash stays, so that the order does not matter.
    """
    if value is None:
        return encode_item(more)
    views, carts, purchases, other, category = _ITEM.unpack(value)
    more_views, more_carts, more_purchases, more_other, another = more
    if another > category:
        category = another
    return encode_item(
        (views + more_views, carts + more_carts, purchases + more_purchases, other + more_other, category)
    )


def add_funnels(a: Funnel, b: Funnel) -> Funnel:
    """The sum, its edges sorted."""
    edges = dict(a.edges)
    for edge, count in b.edges.items():
        edges[edge] = edges.get(edge, 0) + count
    return Funnel(
        [x + y for x, y in zip(a.events, b.events, strict=True)],
        a.started + b.started,
        a.ended + b.ended,
        a.bought + b.bought,
        a.clicks + b.clicks,
        dict(sorted(edges.items())),
    )


def weight(views: int, carts: int, purchases: int, other: int = 0) -> int:
    """Popularity of an item by its counts: a cart weighs 3 views, a purchase 5."""
    return views + 3 * carts + 5 * purchases + other
