"""Timers that rang: sessions end, windows close, visitors expire, though they never come back."""

from itertools import islice
from typing import TYPE_CHECKING

from models.durations import MINUTE_MS
from models.sessions.lifecycle import advance
from models.state import timers
from streams.pipeline import visitors
from streams.pipeline.visitors import VisitorEntry

if TYPE_CHECKING:
    from streams.pipeline.stages import ChunkRun

#: Visitors woken in one chunk at most; more wait for the next.
MOST = 20_000


def ring(passage: "ChunkRun") -> None:
    """Advance each visitor whose timer has rung by the chunk's watermark: stored and the chunk's own."""
    reached = passage.watermark // MINUTE_MS
    if reached >= passage.memory.next_timer:
        _wake(passage)
    for entry in passage.entries.values():
        visitor = entry.visitor
        if visitor is not None and visitor.timer <= reached:
            _advance(passage, entry)


def _wake(passage: "ChunkRun") -> None:
    """Read the visitors of timers that rang and are not in the chunk already."""
    state = passage.work.state
    rung = islice(timers.due(passage.memory.timers(), passage.watermark), MOST)
    absent = [key for key in rung if key not in passage.entries]
    passage.entries.update(visitors.read(state, absent, passage.memory.recent))


def _advance(passage: "ChunkRun", entry: VisitorEntry) -> None:
    entry.visitor, transitions = advance(entry.visitor, passage.watermark, passage.rules.session)
    passage.count(transitions)
    passage.identities.tell(entry.key, transitions)
