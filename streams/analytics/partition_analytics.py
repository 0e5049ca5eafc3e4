"""Analytics of one partition beside its state: each chunk's counts are kept, and folded every few seconds.

A chunk writes only what it adds, a few bytes a click. A fold adds all of that to the records of panes, writes
them and publishes them. Both are part of the chunk's transaction, so that nothing counts twice or never.
"""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from models.analytics.analytics_config import PANE_MS, AnalyticsConfig
from models.analytics.analytics_records import KINDS, AnalyticsRecord, analytics_key, encode_analytics
from models.analytics.collecting import Added, AddedCollector, decode_added, encode_added
from models.analytics.folding import fold
from models.state import state_keys
from streams.effects import NO_HEADERS, Message, Reader, Work

#: Most chunks between two folds, however short the time.
MOST_ADDED: Final = 4_096
NEVER: Final = -float("inf")
#: Multiples of the golden ratio are spread evenly, however many there are.
TURN: Final = 0.618
Change = tuple[bytes, bytes | None]


@dataclass
class PartitionAnalytics:
    """What the state holds as of the last chunk: `added` since the last fold, and how many folds there were.

    The values of `added` stay encoded: thousands of live tuples would slow the garbage collector down.
    `expired` is the number of the pane before which none is left.
    """

    added: list[bytes] = field(default_factory=list)
    folds: int = 0
    expired: int = 0
    folded_at: float = NEVER

    @classmethod
    def of(cls, state: Reader) -> "PartitionAnalytics":
        """From a recovered state."""
        stored = state.get([state_keys.ANALYTICS_FOLDS])[0]
        folds = 0 if stored is None else int.from_bytes(stored, "big")
        values = (value for _, value in state.scan(state_keys.ANALYTICS_ADDED))
        return cls([value for value in values if decode_added(value)[0] == folds], folds)


class ChunkAnalytics:
    """What a chunk counts: `collector` while it is stepped, then `write` once, then `applied`."""

    def __init__(self, partition: int, before: PartitionAnalytics, config: AnalyticsConfig) -> None:
        self.collector = AddedCollector()
        #: Clicks whose pane is no longer kept.
        self.expired = 0
        self._before, self._config = before, config
        self._added, self._folded = b"", False
        self._oldest = before.expired
        #: Partitions of a worker begin together; from the second fold on they take turns.
        self._ahead = config.fold_seconds * (partition * TURN % 1)

    def write(self, work: Work, watermark: int) -> tuple[list[Change], list[Message]]:
        """Changes of the state, and records to publish."""
        added, before = self.collector.added(), self._before
        self._oldest = oldest = self._config.oldest(watermark)
        self.expired = sum(times for click, times in added.clicks if click[0] < oldest)
        if self._due(added):
            self._folded = True
            earlier = (decode_added(value)[1] for value in before.added)
            return self._fold([*earlier, added], work, watermark)
        if added.empty:
            return [], []
        self._added = encode_added(before.folds, added)
        return [(state_keys.analytics_added(len(before.added)), self._added)], []

    def _due(self, added: Added) -> bool:
        before = self._before
        there = bool(before.added) or not added.empty or self._oldest > before.expired
        waited = time.monotonic() - before.folded_at >= self._config.fold_seconds
        return there and (waited or len(before.added) >= MOST_ADDED)

    def _fold(
        self, pending: Collection[Added], work: Work, watermark: int
    ) -> tuple[list[Change], list[Message]]:
        folds = (self._before.folds + 1).to_bytes(8, "big")
        changes: list[Change] = [(state_keys.ANALYTICS_FOLDS, folds)]
        messages: list[Message] = []
        for key, record in fold(pending, work.state.get, work.partition, watermark, self._oldest):
            value = encode_analytics(record)
            changes.append((key, value))
            messages.append((_topic_key(record), value, NO_HEADERS))
        for key, topic_key in _expired(work, self._oldest):
            changes.append((key, None))
            messages.append((topic_key, None, NO_HEADERS))
        return changes, messages

    def applied(self) -> None:
        """Let the next chunk see what this one has added."""
        before = self._before
        if self._folded:
            first = before.folded_at == NEVER
            before.added, before.folds, before.expired = [], before.folds + 1, self._oldest
            before.folded_at = time.monotonic() - (self._ahead if first else 0.0)
        elif self._added:
            before.added.append(self._added)


def _expired(work: Work, oldest: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys in the state and on the topic of the panes before number `oldest`."""
    keys = (key for key, _ in work.state.scan(state_keys.ANALYTICS_PANE))
    for key in takewhile(lambda key: state_keys.analytics_pane_parts(key)[0] < oldest, keys):
        pane, kind = state_keys.analytics_pane_parts(key)
        yield key, analytics_key(work.partition, pane * PANE_MS, KINDS[kind])


def _topic_key(record: AnalyticsRecord) -> bytes:
    return analytics_key(record.partition, record.start, record.kind)
