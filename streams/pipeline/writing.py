"""Stage write: all that a chunk changes, as the effects of one transaction."""

from collections.abc import Callable

from streams.effects import Effects
from streams.pipeline.chunk import Chunk
from streams.privacy.sealing import KeyChanges
from streams.storage.partition_store import ERASED_KEY


def effects(chunk: Chunk, visitor_keys: str, committed: Callable[[], None]) -> Effects:
    """Outputs and changed state; `visitor_keys` is the topic of keys, `committed` is called afterwards."""
    changes = [change for entry in chunk.entries.values() for change in entry.changes()]
    keys = chunk.sealing.changes(chunk.entries, chunk.forgotten) if chunk.cache.keyed else KeyChanges([], [])
    changes += keys.state
    changes += chunk.identities.changes()
    if chunk.erasures:
        changes.append((ERASED_KEY, b"%d" % chunk.erasures[-1].at))
    changes += chunk.panes.changes(chunk.work, chunk.watermark)
    outputs = {**chunk.outputs, visitor_keys: keys.messages} if keys.messages else chunk.outputs
    routed = chunk.identities.outbox.routed()
    return Effects(outputs, changes, chunk.watermark, committed, bool(chunk.erasures), routed)
