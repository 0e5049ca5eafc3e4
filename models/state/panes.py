"""Store-wide counters by event time: item popularity and the funnel, in panes of an hour.

Sums commute, so a partition's panes do not depend on chunking. Longer windows are summed when read, never
stored. A pane expires by the watermark.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Final

import msgspec

from models.contract.events import EVENT_CODES, Click
from models.durations import HOUR_MS
from models.state import state_keys
from models.state.codes import RATE
from models.state.event_counts import COUNTERS
from models.state.facts import Ended, Facts, Reopened, Transition
from models.state.pane_counts import (
    Funnel,
    ItemCounts,
    add_funnels,
    add_items,
    decode_funnel,
    decode_item,
    encode_funnel,
    encode_item,
    weight,
)
from models.state.visitor import StateError

_VIEWS, _CARTS, _PURCHASES, _OTHER, _CATEGORY = range(5)
_COLUMN: Final = {
    EVENT_CODES["view_item"]: _VIEWS,
    EVENT_CODES["add_to_cart"]: _CARTS,
    EVENT_CODES["purchase"]: _PURCHASES,
}

Read = Callable[[Sequence[bytes]], Sequence[bytes | None]]
Pairs = Iterable[tuple[bytes, bytes]]
#: Pairs under a prefix, in key order.
Scan = Callable[[bytes], Pairs]


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
        self.replaced: list[tuple[bytes, bytes]] = []

    def add(self, click: Click, facts: Facts) -> None:
        """Counts an applied click, in the pane of its own event time.

        Clicks at a rate beyond a person's count in the funnel, but not for popularity.
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
        """Keys and new values, given a multi-get of the old; nothing for panes expired at `watermark`.

        Afterwards `replaced` holds the item panes' old pairs, for caches of their sums.
        """
        oldest = self._config.oldest(watermark)
        items = {state_keys.item_pane(*at): add for at, add in self.items.items() if at[0] >= oldest}
        funnels = {state_keys.funnel_pane(at): add for at, add in self.funnels.items() if at >= oldest}
        old = dict(zip((*items, *funnels), read([*items, *funnels]), strict=True))
        self.replaced = [(key, value) for key in items if (value := old[key]) is not None]
        return [
            *((key, _item_sum(old[key], ItemCounts._make(add))) for key, add in items.items()),
            *((key, _funnel_sum(old[key], add)) for key, add in funnels.items()),
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


def expired(scan: Scan, before: int, after: int, config: PaneConfig) -> list[tuple[bytes, bytes]]:
    """Panes to delete as the watermark moves from `before` to `after`: keys and last values.

    Reads nothing unless a pane expires in between.
    """
    oldest = config.oldest(after)
    if oldest == config.oldest(before):
        return []
    return [
        pair for kind in (state_keys.ITEM_PANE, state_keys.FUNNEL_PANE) for pair in _older(scan(kind), oldest)
    ]


def weights(pairs: Pairs, sign: int = 1) -> Iterator[tuple[str, int, int]]:
    """Item id, category hash and weight (times `sign`) of each item pane among a scan's pairs."""
    for key, value in pairs:
        if key.startswith(state_keys.ITEM_PANE):
            views, carts, purchases, other, category = decode_item(value)
            item = state_keys.pane_parts(key)[1].decode()
            yield item, category, sign * weight(views, carts, purchases, other)


def _older(pairs: Pairs, oldest: int) -> Iterator[tuple[bytes, bytes]]:
    return takewhile(lambda pair: state_keys.pane_parts(pair[0])[0] < oldest, pairs)


def _item_sum(old: bytes | None, add: ItemCounts) -> bytes:
    return encode_item(add if old is None else add_items(decode_item(old), add))


def _funnel_sum(old: bytes | None, add: Funnel) -> bytes:
    return encode_funnel(add_funnels(Funnel() if old is None else decode_funnel(old), add))
