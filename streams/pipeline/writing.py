"""Stage write: collect all changes of a chunk as the effects of one transaction."""

from models.contract.events import Reason
from streams.config.topics import TopicNames
from streams.effects import Effects, Work
from streams.partition_state import visitors
from streams.pipeline.chunk import Chunk
from streams.privacy.sealing import KeyChanges
from streams.storage.partition_store import ERASED_KEY
from streams.texts.dead_letter import encode_dead_letter

#: The reason of a record that an unexpected error refused.
REJECTED = Reason.INVALID


def effects(chunk: Chunk, names: TopicNames) -> Effects:
    """Outputs and changed state."""
    changes = visitors.changes(chunk.entries.values())
    keys = chunk.sealing.changes(chunk.entries, chunk.forgotten) if chunk.cache.keyed else KeyChanges([], [])
    changes += keys.state
    changes += chunk.identities.changes()
    changes += chunk.joins.changes
    if chunk.erasures:
        changes.append((ERASED_KEY, b"%d" % chunk.erasures[-1].at))
    changes += chunk.panes.changes(chunk.work, chunk.watermark)
    counted, records = chunk.analytics.write(chunk.work, chunk.watermark)
    changes += counted
    outputs = {**chunk.outputs, names.visitor_keys: keys.messages} if keys.messages else chunk.outputs
    routed = chunk.identities.outbox.routed()
    if records:
        routed = {**routed, (names.analytics, 0): records}
    if chunk.budgets is not None:
        changes += chunk.budgets.changes()
        if reports := chunk.budgets.report(chunk.watermark):
            routed = {**routed, (names.budget_spend, 0): reports}
    return Effects(outputs, changes, chunk.watermark, erased=bool(chunk.erasures), routed=routed)


def rejected(work: Work, error: Exception, names: TopicNames, quoted: bool) -> Effects:
    """Effects of a single record that failed: its dead letter; `quoted`: with the error's text."""
    said = f": {error}" if quoted else ""
    message = f"{type(error).__name__}{said}; an error of Pathcast's own, please report it"
    ((topic, (record,)),) = [(names.clicks, work.records)] if work.records else work.sides.items()
    found = encode_dead_letter(record, topic, work.partition, REJECTED, message)
    return Effects({names.dead_letters: [found]}, watermark=work.watermark)
