"""Store-wide counters by event time: item popularity and the funnel, in panes of an hour.

Sums commute, so a partition's panes do not depend on how its clicks were chunked; longer windows are sums of
panes at reading, never stored. A pane expires by the watermark.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from models import keys
from models.codes import RATE
from models.events import EVENT_CODES, Click
from models.facts import Ended, Facts, Reopened, Transition
from models.tallies import (
    Funnel,
    ItemCounts,
    add_funnels,
    add_items,
    decode_funnel,
    decode_item,
    encode_funnel,
    encode_item,
)
from models.visitor import COUNTERS, StateError

HOUR_MS: Final = 3_600_000
_VIEWS, _CARTS, _PURCHASES, _OTHER, _CATEGORY = range(5)
_COLUMN: Final = {
    EVENT_CODES["view_item"]: _VIEWS,
    EVENT_CODES["add_to_cart"]: _CARTS,
    EVENT_CODES["purchase"]: _PURCHASES,
}

Read = Callable[[Sequence[bytes]], Sequence[bytes | None]]


class PaneConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Width of a pane and how long it is kept after its end, in ms of event time."""

    width_ms: int = HOUR_MS
    retention_ms: int = 48 * HOUR_MS

    def __post_init__(self) -> None:
        if self.width_ms <= 0 or self.retention_ms < 0:
            found = f"width_ms {self.width_ms}, retention_ms {self.retention_ms}"
            raise StateError(f"{found}: expected a width above 0 and a retention of at least 0")

    def oldest(self, watermark: int) -> int:
        """Number of the oldest pane kept at `watermark`."""
        return max(0, (watermark - self.retention_ms) // self.width_ms)


class Collector:
    """What one chunk adds to the panes: `add` and `transition` while it is stepped, `merge` once at its end.

    `items` (by pane number and item id: views, carts, purchases, other, category hash) and `funnels` (by pane
    number) hold the additions alone.
    """

    def __init__(self, config: PaneConfig) -> None:
        self._config = config
        self._width = config.width_ms
        self.items: dict[tuple[int, str], list[int]] = {}
        self.funnels: dict[int, Funnel] = {}

    def add(self, click: Click, facts: Facts) -> None:
        """Counts an applied click, in the pane of its own event time.

        Clicks that come faster than a person makes them count in the funnel, but for no item's popularity.
        """
        pane = click.ts // self._width
        event = facts.event
        funnel = self.funnels.get(pane) or self._funnel(pane)
        funnel.clicks += 1
        funnel.events[event] += 1
        if facts.fresh:
            funnel.started += 1
        elif facts.previous:
            edge = facts.previous * COUNTERS + event
            funnel.edges[edge] = funnel.edges.get(edge, 0) + 1
        if not facts.flags & RATE:
            self._add_items(click, pane, _COLUMN.get(event, _OTHER), facts.code)

    def transition(self, transition: Transition) -> None:
        """Counts a session's end, or takes it back, in the pane of its last event."""
        if isinstance(transition, Ended | Reopened):
            sign = 1 if isinstance(transition, Ended) else -1
            funnel = self._funnel(transition.ts // self._width)
            funnel.ended += sign
            funnel.bought += sign * (transition.purchases > 0)

    def merge(self, read: Read, watermark: int) -> list[tuple[bytes, bytes]]:
        """Keys and new values, given a multi-get of the old; nothing for panes expired at `watermark`."""
        oldest = self._config.oldest(watermark)
        items = {
            keys.item_pane(*where): ItemCounts._make(counts)
            for where, counts in self.items.items()
            if where[0] >= oldest
        }
        funnels = {keys.funnel_pane(pane): funnel for pane, funnel in self.funnels.items() if pane >= oldest}
        old = dict(zip((*items, *funnels), read([*items, *funnels]), strict=True))
        return [
            *((key, encode_item(_item_sum(old[key], counts))) for key, counts in items.items()),
            *((key, encode_funnel(_funnel_sum(old[key], funnel))) for key, funnel in funnels.items()),
        ]

    def _funnel(self, pane: int) -> Funnel:
        return self.funnels.setdefault(pane, Funnel())

    def _add_items(self, click: Click, pane: int, column: int, code: bytes) -> None:
        if click.item_id is not None:
            counts = self._item(pane, click.item_id)
            counts[column] += 1
            if click.category is not None:
                counts[_CATEGORY] = max(counts[_CATEGORY], int.from_bytes(code[8:12], "little"))
        for item_id in click.basket or ():
            self._item(pane, item_id)[column] += 1

    def _item(self, pane: int, item_id: str) -> list[int]:
        counts = self.items.get((pane, item_id))
        if counts is None:
            counts = self.items[pane, item_id] = [0, 0, 0, 0, 0]
        return counts


def expired(
    scan: Callable[[bytes], Iterable[tuple[bytes, bytes]]], before: int, after: int, config: PaneConfig
) -> list[bytes]:
    """Keys to delete as the watermark moves from `before` to `after`; `scan` gives a prefix's pairs in order.

    Reads nothing unless a pane expires in between.
    """
    oldest = config.oldest(after)
    if oldest == config.oldest(before):
        return []
    gone: list[bytes] = []
    for prefix in (keys.ITEM_PANE, keys.FUNNEL_PANE):
        for key, _ in scan(prefix):
            if keys.pane_parts(key)[0] >= oldest:
                break
            gone.append(key)
    return gone


def items(pairs: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[int, str, ItemCounts]]:
    """Pane number, item id and counts of a scan of `keys.ITEM_PANE`."""
    for key, value in pairs:
        pane, item = keys.pane_parts(key)
        yield pane, item.decode(), decode_item(value)


def _item_sum(old: bytes | None, counts: ItemCounts) -> ItemCounts:
    return counts if old is None else add_items(decode_item(old), counts)


def _funnel_sum(old: bytes | None, funnel: Funnel) -> Funnel:
    return add_funnels(Funnel() if old is None else decode_funnel(old), funnel)
