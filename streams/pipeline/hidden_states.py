"""Rebuild hidden states of another model version from stored codes, with a budget of visitors per pass.

A swap invalidates every visitor's hidden state at once. Visitors who click are rebuilt first, then those who
clicked last. A visitor whose click finds the budget spent is answered by a lower tier and is rebuilt next.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from models.contract.events import Click
from models.registry.versions import Version
from models.state.visitor import Visitor, decode, encode
from streams.partition_state.cache import PartitionCache
from streams.partition_state.visitors import VisitorEntry
from streams.pipeline.chunk import RebuildBudget


def outdated(
    entries: Mapping[bytes, VisitorEntry], first: Mapping[bytes, Click], version: Version | None, gap_ms: int
) -> list[VisitorEntry]:
    """Entries whose hidden state is of another version; `first` are the visitors' first clicks."""
    if version is None or not version.neural.width:
        return []
    old = version.neural.outdated
    return [
        entry
        for key, entry in entries.items()
        if key in first
        and (visitor := entry.visitor) is not None
        # A new session begins without a hidden state.
        and first[key].ts - visitor.last_ts <= gap_ms
        and old(visitor)
    ]


def over_budget(found: Iterable[VisitorEntry], budget: RebuildBudget) -> set[bytes]:
    """Keys of the visitors for whom this pass has no budget left."""
    return {entry.key for entry in found if not budget.take()}


def rebuild(
    cache: PartitionCache, version: Version | None, waiting: Iterable[bytes], budget: RebuildBudget, most: int
) -> int:
    """Spend the rest of the budget on visitors whose records are in memory; returns how many were rebuilt.

    `waiting` are visitors whom the chunk left without a rebuild, `most` bounds how many are remembered. Only
    memory changes: the visitor's next chunk writes the record, and its content is the same either way.
    """
    _queue(cache.outdated, waiting, most)
    if version is None or not budget.left or not cache.outdated:
        return 0
    chosen = list(islice(_latest(cache, version), budget.left))
    if chosen:
        states = version.neural.rebuilt([visitor.session_codes() for _, visitor in chosen])
        for (key, visitor), hidden in zip(chosen, states, strict=True):
            visitor.remember(hidden, version.id64)
            cache.recent[key] = encode(visitor)
    budget.left -= len(chosen)
    return len(chosen)


def _queue(outdated: dict[bytes, None], waiting: Iterable[bytes], most: int) -> None:
    """Waiting visitors clicked last, so they come first; at most `most` are remembered."""
    for key in waiting:
        outdated.pop(key, None)
        outdated[key] = None
    for key in list(islice(outdated, max(0, len(outdated) - most))):
        del outdated[key]


def _latest(cache: PartitionCache, version: Version) -> Iterator[tuple[bytes, Visitor]]:
    """Outdated visitors with their keys, the most recent first; each is yielded once."""
    while cache.outdated:
        key = cache.outdated.popitem()[0]
        if (record := cache.recent.get(key)) is not None:
            visitor = decode(record)
            if not visitor.ended and version.neural.outdated(visitor):
                yield key, visitor
