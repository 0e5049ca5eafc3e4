"""Stage fire timers: end sessions, close attribution windows, expire visitors who do not come back."""

from itertools import islice

from models.durations import MINUTE_MS
from models.sessions.lifecycle import SessionConfig, advance
from models.state import timers
from streams.partition_state import visitors
from streams.pipeline.chunk import Chunk

#: Most visitors whose timers one chunk fires; the others wait for the next chunk.
MOST = 20_000


def fire(chunk: Chunk, config: SessionConfig) -> None:
    """Advance each visitor whose timer is due by the chunk's watermark: stored and the chunk's own.

    Also notes for each when its timer is due next.
    """
    reached = chunk.watermark // MINUTE_MS
    if reached >= chunk.cache.next_timer:
        _wake(chunk)
    for entry in chunk.entries.values():
        visitor = entry.visitor
        if visitor is None:
            continue
        if (due := visitor.timer) <= reached:
            entry.visitor, transitions = advance(visitor, chunk.watermark, config)
            chunk.count(transitions)
            chunk.joins.note(entry, transitions)
            chunk.identities.tell(entry.key, transitions)
            due = entry.visitor.timer if entry.visitor is not None else 0
        entry.due = due


def _wake(chunk: Chunk) -> None:
    """Read the visitors of due timers that are not in the chunk already."""
    due = islice(timers.due(chunk.cache.timers(), chunk.watermark), MOST)
    absent = [key for key in due if key not in chunk.entries]
    chunk.entries.update(visitors.read(chunk.work.state, absent, chunk.cache.recent))
