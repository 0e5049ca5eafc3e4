"""Store-wide counters by event time: item popularity and the funnel, in panes of an hour.

Sums commute, so a partition's panes do not depend on chunking. Longer windows are summed when read, never
stored. A pane expires by the watermark.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Final

import msgspec

from models.contract.events import EVENT_CODES, INTEREST, Click
from models.durations import HOUR_MS
from models.state import state_keys
from models.state.codes import RATE
from models.state.event_counts import COUNTERS
from models.state.facts import Ended, Facts, Reopened, Transition
from models.state.pane_counts import (
    Funnel,
    add_funnels,
    decode_funnel,
    decode_item,
    encode_funnel,
    item_sum,
    weight,
)
from models.state.visitor import StateError

_VIEWS, _CARTS, _PURCHASES, _OTHER, _CATEGORY = range(5)
_COLUMN: Final = {
    EVENT_CODES["view_item"]: _VIEWS,
    EVENT_CODES["add_to_cart"]: _CARTS,
    EVENT_CODES["purchase"]: _PURCHASES,
}
_INTEREST: Final = frozenset(EVENT_CODES[name] for name in INTEREST)

Read = Callable[[Sequence[bytes]], Sequence[bytes | None]]
Pairs = Iterable[tuple[bytes, bytes]]
#: Pairs under a prefix, in key order.
Scan = Callable[[bytes], Pairs]
#: An item pane that changed: its key, and its value before (None: new) and after (None: expired).
MovedPane = tuple[bytes, bytes | None, bytes | None]


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
    number) hold the additions alone. After `merge`, `moved` has the item panes, for caches of their sums.
    """

    def __init__(self, config: PaneConfig) -> None:
        self._config = config
        self._width = config.width_ms
        self.items: dict[tuple[int, str], list[int]] = {}
        self.funnels: dict[int, Funnel] = {}
        self.moved: list[MovedPane] = []

    def add(self, applied: Iterable[tuple[Click, Facts]]) -> None:
        """Counts applied clicks, each in the pane of its own event time.

        Clicks at a rate beyond a person's, and those that show no interest in their items, count in the
        funnel, but not for popularity.
        """
        width, steps = self._width, dict[tuple[int, int, int, bool], int]()
        for click, facts in applied:
            pane, event = click.ts // width, facts.event
            step = (pane, event, facts.previous, facts.fresh)
            steps[step] = steps.get(step, 0) + 1
            if not facts.flags & RATE and event in _INTEREST:
                self._add_items(click, pane, _COLUMN.get(event, _OTHER), facts.code)
        # There are few kinds of steps: to count them first is faster than to count each in its funnel.
        for step, times in steps.items():
            self._add_steps(*step, times)

    def _add_steps(self, pane: int, event: int, previous: int, fresh: bool, times: int) -> None:
        funnel = self._funnel(pane)
        funnel.clicks += times
        funnel.events[event] += times
        if fresh:
            funnel.started += times
        elif previous:
            edge = previous * COUNTERS + event
            funnel.edges[edge] = funnel.edges.get(edge, 0) + times

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
        items = {state_keys.item_pane(*at): add for at, add in self.items.items() if at[0] >= oldest}
        funnels = {state_keys.funnel_pane(at): add for at, add in self.funnels.items() if at >= oldest}
        old = read([*items, *funnels])
        self.moved = [
            (key, value, item_sum(value, add)) for (key, add), value in zip(items.items(), old, strict=False)
        ]
        summed = zip(funnels.items(), old[len(items) :], strict=True)
        return [
            *((key, after) for key, _, after in self.moved if after is not None),
            *((key, _funnel_sum(value, add)) for (key, add), value in summed),
        ]

    def _funnel(self, pane: int) -> Funnel:
        found = self.funnels.get(pane)
        if found is None:
            found = self.funnels[pane] = Funnel()
        return found

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


def _funnel_sum(old: bytes | None, add: Funnel) -> bytes:
    return encode_funnel(add_funnels(Funnel() if old is None else decode_funnel(old), add))
