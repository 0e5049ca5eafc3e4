"""Notice clicks that the topic's retention deleted before they were read.

Kafka refuses to fetch from an offset that its log does not have any more, and aiokafka then goes on with the
oldest one. It does not say so; a hole in the offsets says nothing either, since marks of transactions leave
holes, too. But each such reset is a new future in aiokafka's state of the partition.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from faust.types import TP

from streams.errors import PositionError
from streams.inputs.fetching import ConsumerThread

log = structlog.get_logger("pathcast.worker")
ADVICE = (
    "give the topic more time (retention.ms), or keep workers running: `pathcast topics` says what it has"
)


class LostClicks:
    """Knows where each partition was to be read on, and asks the broker only after a reset."""

    def __init__(self, thread: ConsumerThread) -> None:
        self._thread = thread
        self._known: dict[TP, tuple[Any, Any]] = {}

    def follow(self, tp: TP) -> None:
        """Call this before the partition is positioned: resets from now on count."""
        self._known[tp] = self._thread.position_state(tp)

    def pending(self, tp: TP) -> bool:
        """Whether there was a reset whose loss is not counted yet.

        A new assignment, which may come while a fetch is awaited, begins at the group's position. That is
        behind what is fetched but not committed, and no reset.
        """
        if tp not in self._known:
            return False
        (assignment, reset), known = self._thread.position_state(tp), self._known[tp]
        return assignment is known[0] and reset is not known[1]

    async def before(self, tp: TP, start: int, records: Sequence[Any] | None) -> int:
        """How many offsets from `start` on were deleted unread; `records` are those fetched next.

        Raises PositionError where the log ends before `start`.
        """
        if not self.pending(tp):
            return 0
        state, position = self._thread.position_state(tp), self._thread.position_now(tp)
        if position is None:
            return 0
        if position < start:
            raise PositionError(
                f"{tp.topic}[{tp.partition}] ends at {position}, its state has read up to {start} "
                "(truncated?); run `pathcast state rebase` to keep the state and read it from its start"
            )
        begin = (await self._thread.earliest_offsets(tp))[tp]
        lost: int = max(0, min(begin, records[0].offset if records else position) - start)
        # Without a loss before them, the records were fetched before the reset.
        if lost or not records:
            self._known[tp] = state
        if lost:
            _tell(tp, start, lost)
        return lost


def _tell(tp: TP, start: int, lost: int) -> None:
    log.warning(
        "clicks lost: retention deleted them before they were read",
        topic=tp.topic,
        partition=tp.partition,
        clicks=lost,
        offsets=f"{start} to {start + lost - 1}",
        advice=ADVICE,
    )
