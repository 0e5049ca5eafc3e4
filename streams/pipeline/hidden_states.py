"""Hidden states of another model version: made again from stored codes, so many visitors a pass.

A swap makes every visitor's hidden state useless at once. Who clicks is rebuilt first, then who clicked last;
who comes when the pass's budget is spent is answered by a lower tier and is first in line afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from models.contract.events import Click
from models.registry.versions import Version
from models.state.visitor import Visitor
from streams.partition_state.cache import PartitionCache
from streams.partition_state.visitors import VisitorEntry
from streams.pipeline.chunk import Budget


def outdated(
    entries: Mapping[bytes, VisitorEntry], first: Mapping[bytes, Click], version: Version | None, gap_ms: int
) -> list[VisitorEntry]:
    """Entries whose running session the version has not seen; `first` is each visitor's first click."""
    if version is None or not version.neural.width:
        return []
    old = version.neural.outdated
    return [
        entry
        for key, entry in entries.items()
        if key in first
        and (visitor := entry.visitor) is not None
        # A session that starts anew begins without a state.
        and first[key].ts - visitor.last_ts <= gap_ms
        and old(visitor)
    ]


def over_budget(found: Iterable[VisitorEntry], budget: Budget) -> set[bytes]:
    """Keys of those that this pass does not rebuild."""
    return {entry.key for entry in found if not budget.take()}


def rebuild(
    cache: PartitionCache, version: Version | None, waiting: Iterable[bytes], budget: Budget, most: int
) -> int:
    """With what the pass has left, rebuild visitors that are decoded in memory (`most`); how many.

    `waiting` are those that a chunk has just left over. Only memory changes: the record follows with the
    visitor's next chunk, and says the same either way.
    """
    _queue(cache.outdated, waiting, most)
    if version is None or not budget.left or not cache.outdated:
        return 0
    chosen = list(islice(_latest(cache, version), budget.left))
    if chosen:
        states = version.neural.rebuilt([visitor.session_codes() for visitor in chosen])
        for visitor, hidden in zip(chosen, states, strict=True):
            visitor.remember(hidden, version.id64)
    budget.left -= len(chosen)
    return len(chosen)


def _queue(outdated: dict[bytes, None], waiting: Iterable[bytes], most: int) -> None:
    """Who waited clicked last; more than are kept in memory need not be known."""
    for key in waiting:
        outdated.pop(key, None)
        outdated[key] = None
    for key in list(islice(outdated, max(0, len(outdated) - most))):
        del outdated[key]


def _latest(cache: PartitionCache, version: Version) -> Iterator[Visitor]:
    """Outdated visitors, the most recent first; each is looked at once."""
    while cache.outdated:
        visitor = cache.recent.get(cache.outdated.popitem()[0])
        if visitor is not None and not visitor.ended and version.neural.outdated(visitor):
            yield visitor
