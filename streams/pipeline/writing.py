"""Stage write: collect all changes of a chunk as the effects of one transaction."""

from collections.abc import Callable

from models.contract.events import Reason
from streams.config.topics import TopicNames
from streams.effects import Effects, Work
from streams.pipeline.chunk import Chunk
from streams.pipeline.dead_letter import encode_dead_letter
from streams.privacy.sealing import KeyChanges
from streams.storage.partition_store import ERASED_KEY

#: The reason of a record that an unexpected error refused.
REJECTED = Reason.INVALID


def effects(chunk: Chunk, visitor_keys: str, committed: Callable[[], None]) -> Effects:
    """Outputs and changed state; `visitor_keys`: topic of keys; `committed` is called after the commit."""
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


def rejected(work: Work, error: Exception, names: TopicNames, quoted: bool) -> Effects:
    """Effects of a single record that failed: its dead letter; `quoted`: with the error's text."""
    said = f": {error}" if quoted else ""
    message = f"{type(error).__name__}{said}; an error of Pathcast's own, please report it"
    ((topic, (record,)),) = [(names.clicks, work.records)] if work.records else work.sides.items()
    found = encode_dead_letter(record, topic, work.partition, REJECTED, message)
    return Effects({names.dead_letters: [found]}, watermark=work.watermark)
